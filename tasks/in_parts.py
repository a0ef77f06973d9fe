"""Tasks whose answers are judged one by one, so that a log may be cut and its parts judged apart, on other machines as well."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from accuracy.answers.log import Answer
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from tasks.base import Task


class InParts(Task):
    """A task that scores in two steps: what each answer comes to, and the figures of that."""

    @abstractmethod
    def tally(self, answers: Iterable[Answer]) -> Tally:
        """What some of a log's answers come to: all that has to be read, unpacked and compared for each.

        Args:
            answers: In the log's order.

        Raises:
            LogError: An answer that cannot be read; the message names the sample.
            DataMissing: The ground truth is absent, or does not belong to the samples.
        """

    @abstractmethod
    def figures(self, tally: Tally) -> Score:
        """The score of all answers.

        Args:
            tally: Of the whole log: that of its parts, joined in its order.
        """

    def score(self, answers: Iterable[Answer]) -> Score:
        """As `Task.score`: the whole log is one part."""
        return self.figures(self.tally(answers))
