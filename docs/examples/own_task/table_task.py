"""Numbers in, numbers out: each row of a CSV table is a sample, its first columns are asked, the rest is the truth."""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accuracy.answers.log import Answer, LogError, Sample
from accuracy.metric.score import Score
from tasks.base import Array, Codec, DataMissing, DataRef, MetricKind, ModelMismatch, Task, Tensor


@dataclass(frozen=True)
class TableOptions:
    """What a benchmark's YAML file may say under `dataset:` or `model:`, beside what every task has."""

    inputs: int = 1
    """So many columns are asked; those behind them are expected."""
    near: float = 0.1
    """An answer so near counts as right."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense; the message reaches the user."""
        if self.inputs < 1:
            raise ValueError(f"inputs is {self.inputs}, but must be 1 or more")


class Table(Task):
    """Bound to a table. The parent process scores with it, the worker takes its codec."""

    Options = TableOptions
    headline = "near"
    metrics = ("near", "mean_error")

    @classmethod
    def metric_kinds(cls, options: Mapping[str, Any]) -> tuple[MetricKind, ...]:
        """A fraction of 1, and an error, which a target bounds from above."""
        del options  # a task may compute more where it is told to
        return (MetricKind("near"), MetricKind("mean_error", "count", lower_is_better=True))

    def __init__(self, data: DataRef, options: TableOptions) -> None:
        """Reads the table.

        Raises:
            DataMissing: It is not there, or no table of numbers.
        """
        self._path, self._options = data.path, options
        try:
            with data.path.open(newline="", encoding="utf-8") as file:
                rows = [[float(cell) for cell in row] for row in csv.reader(file) if row]
        except OSError as error:
            raise DataMissing(f"{data.path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise DataMissing(f"{data.path} is no table of numbers: {error}") from None
        if not rows or any(len(row) <= options.inputs or len(row) != len(rows[0]) for row in rows):
            raise DataMissing(f"{data.path} needs rows of one length, of more than {options.inputs} numbers")
        table = np.array(rows[: data.count], np.float32)
        self._asked, self._expected = table[:, : options.inputs], table[:, options.inputs :]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._asked)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the table to a model.

        Raises:
            ModelMismatch: Not one float input and one float output of as many numbers as the table has.
        """
        wanted = ((inputs, self._asked.shape[1]), (outputs, self._expected.shape[1]))
        if any([t.shape for t in have] != [(1, size)] or have[0].dtype != np.float32 for have, size in wanted):
            shapes = " and ".join(str([list(t.shape) for t in have]) for have, _ in wanted)
            raise ModelMismatch(
                f"the table needs float32 [1, {wanted[0][1]}] to [1, {wanted[1][1]}], the model has {shapes}"
            )
        return TableCodec(self._asked, self._expected.shape[1])

    def check_truth(self) -> None:
        """It lies in the table."""

    def score(self, answers: Iterable[Answer]) -> Score:
        """`near`, the share of rows whose every number is near, and `mean_error`."""
        hits, errors = [], []
        width = self._expected.shape[1]
        for index, data in answers:
            with Sample(index):
                if len(data) != 4 * width:
                    raise LogError(f"an answer of {len(data)} bytes is no row of {width} float32")
                error = np.abs(np.array(struct.unpack(f"<{width}f", data)) - self._expected[index])
            hits.append(float((error <= self._options.near).all()))
            errors.append(float(error.mean()))
        # What each row adds: compare-models has its intervals from it.
        means = {"near": np.array(hits), "mean_error": np.array(errors)}
        metrics = {name: float(each.sum()) / len(self) for name, each in means.items()}
        return Score(metrics, "rows", len(self), means=means)

    def describe_data(self) -> Mapping[str, Any]:
        """For the result."""
        return {"count": len(self), "source": str(self._path), "truth": str(self._path)}

    def files(self) -> Sequence[Path]:
        """Kept with their checksums, so that `score` refuses a table that has changed since."""
        return (self._path,)


class TableCodec(Codec):
    """One table and one model. Called from several threads at once, so it keeps nothing between calls."""

    def __init__(self, asked: Array, width: int) -> None:
        """Takes the inputs, and how many numbers an answer has."""
        self._asked, self._pack = asked, struct.Struct(f"<{width}f").pack

    def preprocess(self, index: int) -> tuple[Array, ...]:
        """Untimed: a row as the model's one input."""
        return (np.ascontiguousarray(self._asked[index : index + 1]),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """Timed: what the log holds, the same bytes in performance and accuracy runs."""
        return self._pack(*outputs[0].ravel().tolist())


class ShareNear:
    """A metric for any model: the share of an output's values that are within a tenth of what was expected."""

    unit = "share"
    lower_is_better = False

    def __init__(self) -> None:
        """One is made for each output."""
        self._near = self._values = 0

    def update(self, found: Array, expected: Array) -> None:
        """Counts one sample: two arrays of one shape, in real units."""
        self._near += int(np.count_nonzero(np.abs(found - expected) <= 0.1))
        self._values += found.size

    def compute(self) -> float:
        """The figure of all samples."""
        return self._near / self._values
