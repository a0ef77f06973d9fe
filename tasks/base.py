"""What every task promises, and the errors a task may raise.

A `Task` is bound to its data, a `Codec` is bound to one model as well. The parent process scores with the task alone;
the worker process that LoadGen drives needs the codec. Neither ever sees a backend.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, get_args

import numpy as np

from accuracy.answers.log import Answer, Answers, LogError
from accuracy.truth.class_names import ClassNames
from tasks.codecs.base import Array, Codec, Postprocess, Prepared
from tasks.outputs.exhibits import Exhibition
from tasks.sets.digests import StoredSamples

__all__ = [
    "Array",
    "Codec",
    "DataMissing",
    "DataRef",
    "Layout",
    "MetricKind",
    "ModelMismatch",
    "Postprocess",
    "Prepared",
    "Reading",
    "Task",
    "Tensor",
]

Layout = Literal["reference", "mobile"]
"""Who wrote a log: MLCommons' reference harness, or its mobile app."""


class DataMissing(Exception):  # noqa: N818 - the name is part of the contract
    """Data that is absent, incomplete, corrupt or does not belong together. The user must fix it: exit status 2."""

    exit_status = 2


class ModelMismatch(Exception):  # noqa: N818
    """A model whose tensors do not fit the task. The user must choose another model or task: exit status 2."""

    exit_status = 2


class Tensor(Protocol):
    """What a task may know of one tensor of the model. `backends.base.TensorSpec` is one."""

    @property
    def name(self) -> str:
        """As the model file names it (the signature's name where there is one)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """With the batch dimension; -1 never occurs, a dynamic size shows as the size it was opened with."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As the model takes or gives it."""

    @property
    def scale(self) -> float:
        """Per-tensor quantisation scale, 0.0 where the tensor is not quantised."""

    @property
    def zero_point(self) -> int:
        """Per-tensor quantisation zero point."""

    @property
    def stored_as(self) -> str:
        """The type in the model's file, as `int4`, where numpy has none of it and `dtype` is how it is handed over; else ""."""


@dataclass(frozen=True, slots=True)
class DataRef:
    """Where a task's data lies."""

    path: Path
    """A folder or a file; what it may be is the task's affair."""
    truth: Path | None = None
    """The ground truth; None lets the task find it in or beside `path`."""
    count: int | None = None
    """Use the first `count` samples only; None for all."""


MetricUnit = Literal["share", "dB", "count"]
UNITS: tuple[MetricUnit, ...] = get_args(MetricUnit)


@dataclass(frozen=True, slots=True)
class MetricKind:
    """A metric that a task gives, as targets and requirements must know it before anything runs."""

    name: str
    unit: MetricUnit = "share"
    """A fraction of 1, decibels, or any other number."""
    lower_is_better: bool = False
    """True of errors: a target is the most that they may be."""
    by_output: bool = False
    """Also given for each of the model's outputs, as `name.output`."""

    @classmethod
    def named(cls, name: str) -> MetricKind:
        """What a name alone tells: dB where it ends so, else a fraction of 1."""
        return cls(name, "dB" if name.endswith("_db") else "share")

    def gives(self, name: str) -> bool:
        """Whether this is the metric of that name, the whole model's or an output's."""
        return name == self.name or (self.by_output and name.startswith(f"{self.name}.") and name != f"{self.name}.")


@dataclass(frozen=True, slots=True)
class Reading:
    """Another way in which a log, or its ground truth, may have been meant."""

    words: str
    """How it is read so, to stand after "read with"."""
    meaning: str
    """What that would say of the log or the truth, and how to say so to the program where it can be said."""
    score: Callable[[Iterable[Answer]], float]
    """The task's headline of the same answers, read so. Raises LogError where they cannot be."""
    last_resort: bool = False
    """Whether it is worth a word only where no other is."""


class Task(ABC):
    """A question asked of a model, bound to its data.

    Subclasses have a frozen dataclass `Options` (field docstrings are its documentation); unknown names and wrong
    types are rejected by the config before it gets here.
    """

    Options: ClassVar[type[Any]]
    headline: ClassVar[str]
    """The metric that the benchmark's target speaks of."""
    told_by: ClassVar[str] = ""
    """The metric that tells a score from guessing, of which `chance` and `readings` are; empty where the headline does."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """All that `score` may give: what a target or a requirement may name, known before anything runs. Where a name does not
    tell what its metric counts in, `metric_kinds` does."""
    own_data: ClassVar[str] = ""
    """What stands for a path where no data are given and the task makes its samples itself; empty where it makes none."""
    takes_reference: ClassVar[bool] = False
    """Whether the outputs of another model or backend may be its ground truth: a folder of `.npz` files, by output name."""
    counts_scored: ClassVar[bool] = False
    """Whether MLPerf counts a full set in what is scored (a stream's words, recordings) and not in samples."""
    lists: ClassVar[Mapping[str, str]] = {}
    """Details of a score (`accuracy.metric.score.Score.details`) that a run also keeps as a file of their own, a line
    `name,value` each: by their kind, the file's name."""
    period_s: ClassVar[float | None] = None
    """From one sample to the next where they come at a pace of their own, as a stream's do; None where they come when asked."""
    layouts: ClassVar[Mapping[Layout, Mapping[str, Any]]] = {}
    """The options under which this task reads and writes the logs of other harnesses; empty where they log nothing."""

    @classmethod
    def fit(cls, options: Any, score_columns: int | None, names: ClassNames | None = None) -> Any:
        """The options with what the model decides filled in, where the user has left it open.

        Args:
            options: The task's `Options`.
            score_columns: From how many scores the model chooses a class, its background's among them; None where its
                file does not tell.
            names: Those of the model's classes, where they are known and the options do not name them.

        Raises:
            ModelMismatch: The options speak of another model.
        """
        del score_columns, names
        return options

    @classmethod
    def metric_kinds(cls, options: Mapping[str, Any]) -> tuple[MetricKind, ...]:
        """All that `score` may give, with what it counts in.

        Args:
            options: Those that the config names, unchecked: a task may compute more where it is told to.
        """
        del options
        return tuple(map(MetricKind.named, cls.metrics))

    @abstractmethod
    def __init__(self, data: DataRef, options: Any) -> None:
        """Opens the data: finds every sample, reads as little as it can.

        Raises:
            DataMissing: The data is absent, empty or incomplete.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples (after `DataRef.count`)."""

    @abstractmethod
    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the task to a model.

        A codec is not told whether its answers will be timed or scored: both must have the same bytes, by the rules of mobile
        and inference (MO rules/mobile_inference_rules.adoc, IP inference_rules.adoc: "the same output ... in both modes").

        Args:
            inputs: The model's inputs, in the order in which the backend takes them.
            outputs: The model's outputs, in the order in which the backend gives them.

        Raises:
            ModelMismatch: The model cannot be asked this task's question; the message says what was expected.
        """

    def input_shapes(self, inputs: Sequence[Tensor]) -> Sequence[tuple[int, ...]] | None:
        """Shapes to which the model's inputs are resized before it is allocated; None takes them as they are.

        Args:
            inputs: The model's inputs as its file has them.
        """
        del inputs
        return None

    @abstractmethod
    def check_truth(self) -> None:
        """Loads the ground truth and holds it against the samples, so that a mistake shows before the run.

        Raises:
            DataMissing: No ground truth, two candidates, or one that does not belong to the samples.
        """

    @abstractmethod
    def score(self, answers: Iterable[Answer]) -> Mapping[str, float]:
        """Scores logged answers, one for each sample, in any order. Metrics are fractions of 1 (PSNR in dB).

        An `accuracy.metric.score.Score` also tells what was scored and how far the headline can be trusted.
        """

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """What was said of single samples beside what is right, the worst first; nothing where a task has nothing to show.

        Args:
            answers: One for each sample, in any order.
            most: So many samples at most.

        Raises:
            LogError: As `score`.
            DataMissing: Likewise.
        """
        del answers, most
        return Exhibition()

    def chance(self) -> float:
        """What `told_by` has at most where answers are no better than guesses; 0 where no score is told from a guess."""
        return 0.0

    def readings(self, answers: Answers) -> Iterable[Reading]:
        """Other ways to read the answers, to be tried where the headline is no more than `chance`; these may hang on them."""
        del answers
        return ()

    def rewrite(self, answers: Iterable[Answer], target: Self) -> Iterator[Answer]:
        """Logged answers in another layout: read by this task's options, written by those of `target`.

        Args:
            answers: One for each sample, in any order.
            target: The same task on the same data, with the options of another layout.

        Raises:
            LogError: An answer is not of this task's layout, or the task has one layout only.
        """
        del answers, target
        raise LogError(f"{type(self).__name__} logs have one layout only: other harnesses log no answers of this task")

    @abstractmethod
    def describe_data(self) -> Mapping[str, Any]:
        """For the result: at least {"count": samples}; also what was chosen (truth file, order, layout)."""

    def stored_samples(self) -> StoredSamples | None:
        """The samples as they are stored, each by itself; None where they all lie in `files`."""
        return None

    def sample_names(self) -> Sequence[str] | None:
        """What each sample is called in lists of samples; several may have one name. None where they have none."""
        stored = self.stored_samples()
        return None if stored is None else [str(name) for name in stored.names]

    def files(self) -> Sequence[Path]:
        """What is read as a whole: the ground truth where there is any, lists of names, samples that lie in one file."""
        return ()

    def named_only(self) -> Sequence[Path]:
        """Files of samples behind a count of which neither a run nor `check_truth` reads more than the name."""
        return ()

    def warnings(self) -> Sequence[str]:
        """What a reader of the result must know of the data, a sentence each: what was left out, or read in a doubtful way."""
        return ()
