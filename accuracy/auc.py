"""The area under the ROC curve, whole and of its beginning: how well scores tell anomalies from what is normal.

A score tells an anomaly by being higher. The whole area is the share of pairs of an anomaly and a normal sample in which the
anomaly scores more, ties counting half (Mann and Whitney 1947). The partial area is that up to a false positive rate, scaled so
that guessing has 0.5 and perfection 1 (McClish 1989), as scikit-learn's roc_auc_score(max_fpr=...) has it, which the DCASE 2020
task 2 and MLPerf Tiny's baseline use with 0.1.

    python -m accuracy.auc --predictions SCORES.csv --truth LABELS.csv

Both hold a file's name and a number a line; labels are 0 for normal and 1 for an anomaly. `--truth SCORES.csv` itself takes the
labels from the names, `normal_...` and `anomaly_...`.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.metric.doubt import OtherReading, remark
from accuracy.metric.score import Score
from accuracy.outside.border import reads
from accuracy.outside.text_files import NotText, lines_of, read_text

Floats = npt.NDArray[np.float64]
PARTIAL = 0.1
"""The false positive rate up to which the partial area reaches."""
CHANCE = 0.55
"""The whole area up to which scores are no better than guesses, which have 0.5."""


def auc(scores: Sequence[float] | Floats, anomalous: Sequence[int] | npt.NDArray[np.int64]) -> float:
    """The whole area.

    Args:
        scores: Of the samples, none of them NaN.
        anomalous: 1 for an anomaly, 0 for a normal sample.

    Raises:
        TruthError: There is only one kind, or a score is no number.
    """
    values, labels = _checked(scores, anomalous)
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]
    positives = int(labels.sum())
    above = float(ranks[labels == 1].sum()) - positives * (positives + 1) / 2
    return above / (positives * (len(labels) - positives))


def partial_auc(
    scores: Sequence[float] | Floats, anomalous: Sequence[int] | npt.NDArray[np.int64], most: float = PARTIAL
) -> float:
    """The area up to a false positive rate, scaled: see the module. Arguments as for `auc`.

    Raises:
        TruthError: As `auc`.
        ValueError: `most` is not in 0 to 1.
    """
    if not 0 < most <= 1:
        raise ValueError(f"most is {most}, but must be more than 0 and at most 1")
    values, labels = _checked(scores, anomalous)
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    hits = np.append(0, np.cumsum(labels[order])[last_of_ties])
    true_rate = hits / hits[-1]
    false_rate = (np.append(0, last_of_ties + 1) - hits) / (len(labels) - hits[-1])
    stop = int(np.searchsorted(false_rate, most, "right"))
    if stop < len(false_rate):
        reached = float(np.interp(most, false_rate[stop - 1 : stop + 1], true_rate[stop - 1 : stop + 1]))
    else:
        reached = float(true_rate[-1])
    area = float(np.trapezoid(np.append(true_rate[:stop], reached), np.append(false_rate[:stop], most)))
    least = most**2 / 2
    return 0.5 * (1 + (area - least) / (most - least))


def _checked(
    scores: Sequence[float] | Floats, anomalous: Sequence[int] | npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    values, labels = np.asarray(scores, np.float64), np.asarray(anomalous, np.int64)
    if len(values) != len(labels):
        raise ValueError(f"{len(values)} scores for {len(labels)} labels")
    if np.isnan(values).any():
        raise TruthError(f"the score of sample {int(np.isnan(values).argmax())} is NaN: an area needs numbers")
    if len(kinds := set(labels.tolist())) < 2:
        what = (
            "there are no samples" if not kinds else f"all {len(labels)} are {'anomalies' if 1 in kinds else 'normal'}"
        )
        raise TruthError(f"an AUC needs normal samples and anomalies, but {what}: it compares the two")
    return values, labels


@reads(TruthError)
def read_scores(path: Path) -> dict[str, float]:
    """A file's name and its number, a line each, as the DCASE baseline writes `anomaly_score_ToyCar_id_01.csv`.

    Raises:
        TruthError: It cannot be read, is empty, or a line is something else or names a file again.
    """
    try:
        rows = list(csv.reader(lines_of(read_text(path))))
    except OSError as error:
        raise TruthError(f"no scores at {path}: {error.strerror}") from None
    except (NotText, csv.Error) as error:
        raise TruthError(f"{path} is no list of scores: {error}") from None
    found: dict[str, float] = {}
    for number, row in enumerate(rows, 1):
        value = _number(row[1]) if len(row) == 2 else None
        if value is None:
            raise TruthError(f"{path}, line {number} is {','.join(row)[:60]!r}, not a file's name and a number")
        if row[0] in found:
            raise TruthError(f"{path}, line {number} names {row[0]} again")
        found[row[0]] = value
    if not found:
        raise TruthError(f"{path} holds no scores: it is empty")
    return found


def label_of(name: str) -> int | None:
    """1 for `anomaly_...`, 0 for `normal_...`, as ToyADMOS and DCASE call their recordings; None for other names."""
    kind = Path(name).name.partition("_")[0].lower()
    return {"normal": 0, "anomaly": 1}.get(kind)


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """`auc` and `pauc` of a list of scores.

    Raises:
        TruthError: Either cannot be read, or they do not belong together.
    """
    scores = read_scores(predictions)
    listed = scores if truth == predictions else read_scores(truth)
    labels = {}
    for name, value in listed.items():
        label = label_of(name) if truth == predictions else int(value) if value in (0, 1) else None
        if label is None:
            raise TruthError(f"{truth} does not say whether {name} is normal (0) or an anomaly (1)")
        if label_of(name) not in (None, label):
            raise TruthError(
                f"{truth} calls {name} {('normal', 'an anomaly')[label]}, its name the other: 0 is normal and 1 an anomaly"
            )
        labels[name] = label
    if labels.keys() != scores.keys():
        other = sorted(labels.keys() ^ scores.keys())
        raise TruthError(f"{predictions} and {truth} name different recordings, the first is {other[0]}")
    values, kinds = list(scores.values()), [labels[name] for name in scores]
    figures = {"auc": auc(values, kinds), "pauc": partial_auc(values, kinds)}
    exchanged = OtherReading(
        "the order of the scores reversed",
        "the higher a score, the more of an anomaly: are these scores of what is normal, or are 0 and 1 exchanged?",
        lambda: 1 - figures["auc"],
    )
    doubt = remark("auc", figures["auc"], CHANCE, [exchanged])
    return Score(figures, "recordings", len(values), notes=(doubt,) if doubt else ())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    sys.exit(command.run(score_files, "AUC and partial AUC of a list of scores, a recording a line."))
