"""Top-k accuracy: the share of the samples whose label is among the k best predicted.

Top-1 is MLPerf's accuracy of image classification and keyword spotting (INF vision/.../accuracy-imagenet.py).

    python -m accuracy.topk --predictions FILE --truth FILE
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.metric.doubt import OtherReading, remark
from accuracy.metric.label_readings import chance_of, label_readings
from accuracy.metric.score import Score, of_hits
from accuracy.metric.tally import Tally
from accuracy.outside.border import reads
from accuracy.outside.text_files import NotText, lines_of, read_text

_MOST = 1 << 31
_MOST_DIGITS = 10
_MOST_TOLD = 1 << 15
"""Classes for which other numberings are tried."""


class TopK:
    """Counts hits; memory grows by a byte a sample and figure."""

    def __init__(self, ks: Sequence[int] = (1, 5)) -> None:
        """Starts without samples.

        Args:
            ks: How many of the best labels may hold the true one.
        """
        self._hits = {k: bytearray() for k in ks}
        self._count = 0

    def update(self, prediction: Sequence[int], truth: int) -> None:
        """Counts one sample.

        A figure whose k labels a sample does not have is left out of the result: it cannot be known.

        Args:
            prediction: The best labels, best first, at least one.
            truth: The label.

        Raises:
            ValueError: No label is predicted.
        """
        if not prediction:
            raise ValueError("a prediction has at least one label")
        self._count += 1
        for k in [k for k in self._hits if k > len(prediction)]:
            del self._hits[k]
        for k in self._hits:
            self._hits[k].append(truth in prediction[:k])

    @classmethod
    def of(cls, tally: Tally) -> TopK:
        """With the samples of a `tally`."""
        metric = cls(())
        metric._hits = {int(name.removeprefix("top")): bytearray(hits.tobytes()) for name, hits in tally.items()}
        metric._count = max(map(len, metric._hits.values()), default=0)
        return metric

    def tally(self) -> Tally:
        """`top1`, `top5` ...: uint8 [samples], 1 for a hit."""
        return {f"top{k}": np.frombuffer(bytes(hits), np.uint8) for k, hits in self._hits.items()}

    def compute(self) -> Mapping[str, float]:
        """`top1`, `top5` ... as fractions; empty before the first sample."""
        return {f"top{k}": sum(hits) / self._count for k, hits in self._hits.items()} if self._count else {}

    def score(self, unit: str) -> Score:
        """As `compute`, with Wilson's interval of the first figure.

        Args:
            unit: What a sample is, in the plural.
        """
        hits = {name: column.astype(np.float64) for name, column in self.tally().items()}
        return of_hits(self.compute(), hits, self._count, unit)


@reads(TruthError)
def read_label_lists(path: Path) -> list[list[int]]:
    """Labels as text, a sample a line, best first where there are several.

    Raises:
        TruthError: The file is absent, empty, or a line is not labels.
    """
    try:
        lines = lines_of(read_text(path))
    except OSError as error:
        raise TruthError(f"no labels at {path}: {error.strerror}") from None
    except NotText as error:
        raise TruthError(f"{path} is no list of labels: {error}") from None
    samples = []
    for number, line in enumerate(lines, 1):
        if not line.split() or not all(label.isascii() and label.isdecimal() for label in line.split()):
            raise TruthError(f"{path}, line {number} is not a label: {line!r}")
        for label in line.split():
            if len(label) > _MOST_DIGITS or int(label) > _MOST:
                some = label if len(label) <= 20 else f"{label[:20]}..."
                raise TruthError(f"{path}, line {number}: the label {some} is beyond {_MOST}, as no class is")
        samples.append([int(label) for label in line.split()])
    if not samples:
        raise TruthError(f"{path} holds no labels: it is empty")
    return samples


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """Scores two text files of the same number of lines.

    Raises:
        TruthError: Either cannot be read, or they do not belong together.
    """
    predicted, true = read_label_lists(predictions), read_label_lists(truth)
    if len(predicted) != len(true):
        raise TruthError(f"{predictions} has {len(predicted)} lines, but {truth} has {len(true)}")
    metric = TopK()
    for number, (labels, label) in enumerate(zip(predicted, true, strict=True), 1):
        if len(label) != 1:
            raise TruthError(f"{truth}, line {number} has {len(label)} labels; a true label is one")
        metric.update(labels, label[0])
    doubt = _doubt(metric.compute()["top1"], [labels[0] for labels in predicted], [label[0] for label in true])
    return metric.score("samples").with_notes([doubt] if doubt else [])


def _doubt(top1: float, best: Sequence[int], truth: Sequence[int]) -> str | None:
    """A score at chance that another numbering explains; nothing says how many classes there are but the labels."""
    answered, wanted = np.array(best, np.int64), np.array(truth, np.int64)
    classes = int(max(answered.max(), wanted.max())) + 1
    if not 1 < classes <= _MOST_TOLD:
        return None
    readings = (
        OtherReading(each.words, each.meaning, partial(each.share, answered, wanted), each.last_resort)
        for each in label_readings(classes)
    )
    return remark("top1", top1, chance_of(classes), readings)


if __name__ == "__main__":
    sys.exit(
        command.run(score_files, "Top-1 of lists of labels, one a line; top-5 where each line has five, best first.")
    )
