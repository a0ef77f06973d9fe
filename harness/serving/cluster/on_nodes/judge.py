"""An actor that judges parts of an accuracy log, by the ground truth that its node has."""

from __future__ import annotations

import traceback

from accuracy.answers.log import Answer
from accuracy.metric.tally import packed
from harness.errors import ConfigError, RunFailed
from harness.machine.json_line import encode
from harness.messages.failure import failed
from harness.messages.judging import Truth
from harness.serving.cluster.on_nodes.resident import Resident, data_of, told, truth_of
from harness.serving.dispatch import frames
from harness.spec.schema import Spec
from harness.spec.task import open_task
from tasks.in_parts import InParts

Tallied = tuple[bytes, str]
"""A packed tally and nothing, or nothing and `Failed`."""


class Judge(Resident):
    """It needs no model."""

    def __init__(self) -> None:
        super().__init__()
        self._task: InParts | None = None

    def open(self, spec: str) -> str:
        """Opens the task of a spec.yaml; tells `Truth`."""

        def opened() -> str:
            self._task = task = in_parts(self.spec(spec))
            return encode(Truth(len(task), data_of(task), truth_of(task)))

        return told(opened)

    def judge(self, indices: bytes, answers: bytes) -> Tallied:
        """What a part of the log comes to.

        Args:
            indices: A WORK frame of the samples, in the log's order.
            answers: A frame of their ANSWERS.
        """
        try:
            if self._task is None:
                raise RunFailed("answers were to be judged before anybody said by what")
            wanted = memoryview(indices)[frames.read(indices).start :].cast("I").tolist()
            rows = zip(wanted, frames.items(answers), strict=True)
            return packed(self._task.tally(Answer(index, data) for index, data in rows)), ""
        except BaseException as error:
            traceback.print_exc()
            return b"", encode(failed(error))


def in_parts(spec: Spec) -> InParts:
    """The task of a run, whose log may be judged in parts.

    Raises:
        ConfigError: It is judged as a whole.
        tasks.base.DataMissing: Its data are not there.
    """
    task = open_task(spec.task, spec.options, spec.dataset)
    if not isinstance(task, InParts):
        raise ConfigError(f"a log of {spec.task} is judged as a whole, on one machine: leave out --dispatch")
    return task
