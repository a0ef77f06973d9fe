"""Two accuracy runs on the same samples, held against each other sample by sample.

A sample that both answered alike scores alike. Only the others are scored by themselves, each with its own run's task; where
those differences add up to the difference of the whole metric, the metric is a mean over samples and the pairs tell how sure
it is: McNemar's test where each is a hit or none, else the paired bootstrap. Of a metric that is no mean (mIoU, AP, AUC) the
answers to the samples that differ are exchanged at random between the runs and scored again: approximate randomisation
(E. W. Noreen, "Computer-Intensive Methods for Testing Hypotheses", 1989, section 2.3).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from accuracy.answers.log import Answer, LogError, read_answers
from accuracy.confidence.interval import PairedHits, paired_hits
from accuracy.errors import TruthError
from harness.comparison.sides import ComparedRun
from harness.errors import ConfigError
from harness.results.loadgen_log import ACCURACY_LOG
from harness.results.read_data import load_read_data
from harness.spec.schema import read_spec
from harness.spec.task import open_task
from harness.statistics.change import mcnemar, paired_bootstrap
from tasks.base import DataMissing, Task

_EXCHANGES, _LEAST_EXCHANGES = 200, 20
_MOST_S = 60.0
"""Exchanges of a metric that takes long end after so long."""
_SEED = 1979
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Paired:
    """What the pairs say of one metric."""

    low: float
    """Of the difference, in the metric's own unit."""
    high: float
    p: float | None
    method: str


@dataclass(frozen=True, slots=True)
class PairedAnswers:
    """Of all metrics, by name; and of the headline which samples changed."""

    metrics: Mapping[str, Paired]
    metric: str
    compared: int
    better: tuple[str, ...]
    worse: tuple[str, ...]


class NoPairs(Exception):  # noqa: N818 - it says what there is not
    """The samples cannot be paired; says why."""


def paired_answers(base: ComparedRun, new: ComparedRun, alpha: float) -> PairedAnswers:
    """Scores what changed.

    Args:
        base: An accuracy run.
        new: Another of the same data.
        alpha: What an interval may miss on each side.

    Raises:
        NoPairs: A log or the data are gone, damaged or not those that were scored.
    """
    try:
        sides = [_Side(run) for run in (base, new)]
        return _paired(base, new, sides[0], sides[1], alpha)
    except (LogError, TruthError, DataMissing, ConfigError, OSError) as error:
        raise NoPairs(str(error)) from None


class _Side:
    """One run's answers, and its task."""

    def __init__(self, run: ComparedRun) -> None:
        spec = read_spec(run.folder)
        self.task: Task = open_task(spec.task, spec.options, spec.dataset)
        self.answers = {answer.index: answer.data for answer in read_answers(run.folder / ACCURACY_LOG, len(self.task))}

    def score(self, answers: Mapping[int, bytes]) -> Mapping[str, float]:
        """The metrics of these."""
        return self.task.score([Answer(index, answers[index]) for index in sorted(answers)])


def _paired(base: ComparedRun, new: ComparedRun, one: _Side, other: _Side, alpha: float) -> PairedAnswers:
    if one.answers.keys() != other.answers.keys():
        raise NoPairs("they answered other samples")
    totals = [{name: each.value for name, each in (run.result.accuracy or {}).items()} for run in (base, new)]
    names = [name for name in totals[0] if name in totals[1]]
    changed = sorted(index for index, data in one.answers.items() if data != other.answers[index])
    each = [[side.score({index: side.answers[index]}) for index in changed] for side in (one, other)]
    count, found = len(one.answers), dict[str, Paired]()
    parts: dict[str, npt.NDArray[np.float64]] = {}
    for name in names:
        more = totals[1][name] - totals[0][name]
        if all(name in scored for side in each for scored in side):
            parts[name] = np.array([b[name] - a[name] for a, b in zip(*each, strict=True)])
            # A score of one sample is a part of the whole where it counts all samples of the set.
            for scale in (1, count):
                if abs(parts[name].sum() * scale / count - more) < _ROUNDING:
                    found[name] = _of_mean(parts[name] * scale, totals[0][name] * count, count, alpha)
                    break
    ratios = {name: totals[1][name] - totals[0][name] for name in names if name not in found}
    if ratios:
        found |= _by_exchange(one, other, changed, ratios, alpha)
    headline = next(iter(names), "")
    told = parts.get(headline, np.zeros(0))
    return PairedAnswers(found, headline, count, _names(new, changed, told > 0), _names(new, changed, told < 0))


def _of_mean(parts: npt.NDArray[np.float64], base: float, count: int, alpha: float) -> Paired:
    """Of the mean of what each sample adds.

    Args:
        parts: [samples] how much more each sample that changed adds.
        base: What all samples add to the base's, in all.
        count: Of samples.
        alpha: That the change lies beyond an end of the interval.
    """
    whole = np.round(parts)
    if np.all(np.abs(parts - whole) < _ROUNDING) and np.all(np.abs(whole) <= 1):
        won, lost = int((whole > 0).sum()), int((whole < 0).sum())
        both = round(base) - lost
        neither = count - both - won - lost
        if abs(base - round(base)) < _ROUNDING * count and min(both, neither) >= 0:
            found = paired_hits(PairedHits(both, won, lost, neither), NormalDist().inv_cdf(1 - alpha))
            if found is not None:
                told = f"paired by sample: {won} won, {lost} lost (McNemar, exact; interval by Newcombe)"
                return Paired(found.low, found.high, mcnemar(lost, won), told)
    low, high = paired_bootstrap(parts, count, alpha)
    return Paired(low, high, None, f"paired bootstrap over {count:,} samples")


def _by_exchange(
    one: _Side, other: _Side, changed: list[int], ratios: Mapping[str, float], alpha: float
) -> dict[str, Paired]:
    """The interval is the observed difference and as far around it as exchanges reach around none."""
    if not changed:
        return {name: Paired(0.0, 0.0, None, "every answer is the same") for name in ratios}
    random = np.random.Generator(np.random.PCG64(_SEED))
    drawn: dict[str, list[float]] = {name: [] for name in ratios}
    end = time.monotonic() + _MOST_S
    for number in range(_EXCHANGES):
        if number >= _LEAST_EXCHANGES and time.monotonic() > end:
            break
        swapped = [index for index, swap in zip(changed, random.random(len(changed)) < 0.5, strict=True) if swap]
        mine = one.score(one.answers | {index: other.answers[index] for index in swapped})
        others = other.score(other.answers | {index: one.answers[index] for index in swapped})
        for name, values in drawn.items():
            values.append(others.get(name, np.nan) - mine.get(name, np.nan))
    found = {}
    for name, more in ratios.items():
        null = np.array(drawn[name])
        null = null[~np.isnan(null)]
        if len(null) < _LEAST_EXCHANGES:
            continue
        # Both signs are as likely, so both ends tell of either.
        reach = float(np.quantile(np.abs(null), 1 - 2 * alpha))
        p = (1 + int((np.abs(null) >= abs(more) - _ROUNDING).sum())) / (1 + len(null))
        found[name] = Paired(more - reach, more + reach, p, f"answers exchanged between the runs, {len(null)} times")
    return found


def _names(run: ComparedRun, changed: list[int], which: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    read = load_read_data(run.folder)
    samples = read.samples if read is not None else ()
    picked = [index for index, taken in zip(changed, which, strict=False) if taken]
    return tuple(samples[index].name if index < len(samples) else f"sample {index}" for index in picked)
