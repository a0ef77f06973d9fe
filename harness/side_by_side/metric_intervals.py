"""How sure the metrics of accuracy runs are: each one's interval, and that of what a run has over the first.

A share of hits has Wilson's interval, and what it has over another's Newcombe's of paired shares. Everything else has the
bootstrap: the samples are drawn again with replacement, the same ones for both runs, so that what is hard for both is in
neither's favour. Where two cannot be paired, their own intervals are put together by Newcombe's method.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accuracy.answers.log import LogError, read_answers
from accuracy.confidence.interval import CONFIDENCE, RESAMPLES, Interval, paired_shares, resampled_weights, wilson
from accuracy.errors import TruthError
from accuracy.metric.score import Score
from harness.errors import ConfigError
from harness.results.loadgen_log import ACCURACY_LOG
from harness.spec.schema import read_spec
from harness.spec.task import open_task
from harness.statistics.intervals import difference
from tasks.base import DataMissing

Float64 = npt.NDArray[np.float64]
_ALPHA = (1 - CONFIDENCE) / 2
_SETS_AT_ONCE = 25
_FEWEST_SETS, _MOST_S = 100, 40.0
"""Scoring thousands of pictures again takes seconds each time: fewer sets than these tell nothing of a tail."""
_TOO_LONG = "no interval: scoring the samples again takes too long"
_UNTOLD = "no interval: what each sample adds to it is not known (a largest error hangs on one of them)"
_NO_PAIRS = "not paired by sample (Newcombe)"


@dataclass(frozen=True, slots=True)
class Scored:
    """One run's score, with what each sample adds to it."""

    score: Score | None
    """None where there is none, or the task tells metrics alone."""
    indices: tuple[int, ...] = ()
    """The samples that were answered."""
    why: str = _UNTOLD
    """What is said of a metric without an interval."""


@dataclass(frozen=True, slots=True)
class Sure:
    """An interval and how it was found, or why there is none."""

    low: float | None
    high: float | None
    method: str


def scored_again(folder: Path) -> Scored:
    """The score of a run's log, with all that the result does not keep.

    Args:
        folder: The run's directory, whose spec names the answers of a reference, too.
    """
    try:
        spec = read_spec(folder)
        task = open_task(spec.task, spec.options, spec.dataset)
        answers = sorted(read_answers(folder / ACCURACY_LOG, len(task)), key=lambda answer: answer.index)
        found = task.score(answers)
    except (LogError, TruthError, DataMissing, ConfigError, OSError) as error:
        return Scored(None, why=f"no interval: {error}")
    return Scored(found if isinstance(found, Score) else None, tuple(answer.index for answer in answers))


class MetricIntervals:
    """Of some runs, the first of which the others are held against."""

    def __init__(self, runs: Sequence[Scored]) -> None:
        """Draws the samples again and again.

        Args:
            runs: In their order.
        """
        self._runs = runs
        # Runs of other samples are drawn by themselves.
        self._paired = [
            run.score is not None and run.indices == runs[0].indices and _alike(run, runs[0]) for run in runs
        ]
        self._drawn = _drawn(runs, self._paired)

    def own(self, place: int, metric: str, value: float) -> Sure:
        """Of one run's metric.

        Args:
            place: Of the run.
            metric: Its name.
            value: What it is.
        """
        run = self._runs[place]
        if run.score is None:
            return Sure(None, None, run.why)
        if (parts := run.score.means.get(metric)) is not None and _hits(parts):
            return _sure(wilson(int(parts.sum()), len(parts)), _UNTOLD)
        if metric == next(iter(run.score), None) and run.score.interval is not None:
            return _sure(run.score.interval, _UNTOLD)
        if (known := run.score.intervals.get(metric)) is not None:
            return _sure(known, _UNTOLD)
        if (drawn := self._drawn[place].get(metric)) is not None:
            return _bootstrapped(drawn, value, mean=metric in run.score.means)
        return Sure(None, None, _TOO_LONG if metric in self._drawn[place] else _UNTOLD)

    def over_the_first(self, place: int, metric: str, first: float, second: float) -> Sure:
        """Of what a run has over the first.

        Args:
            place: Of the run.
            metric: Its name.
            first: The first run's.
            second: This one's.
        """
        one, other = self._runs[0].score, self._runs[place].score
        if one is not None and other is not None and self._paired[place]:
            parts = one.means.get(metric), other.means.get(metric)
            if parts[0] is not None and parts[1] is not None and _hits(parts[0]) and _hits(parts[1]):
                return _sure(paired_shares(parts[0] > 0, parts[1] > 0), _UNTOLD)
            drawn = self._drawn[0].get(metric), self._drawn[place].get(metric)
            if drawn[0] is not None and drawn[1] is not None:
                if not np.any(drawn[1] - drawn[0]):
                    return Sure(0.0, 0.0, "the same on every sample")
                mean = metric in one.means and metric in other.means
                found = _bootstrapped(drawn[1] - drawn[0], second - first, mean=mean)
                return Sure(found.low, found.high, f"paired {found.method}")
        sides = self.own(0, metric, first), self.own(place, metric, second)
        (a, b), (c, d) = ((side.low, side.high) for side in sides)
        if a is None or b is None or c is None or d is None:
            return Sure(None, None, next(side.method for side in sides if side.low is None))
        _, low, high = difference((first, a, b), (second, c, d))
        return Sure(low, high, _NO_PAIRS)


def _alike(run: Scored, first: Scored) -> bool:
    """Whether both have scored as many units, one beside the other."""
    return first.score is not None and run.score is not None and run.score.count == first.score.count


def _hits(parts: Float64) -> bool:
    return bool(np.all((parts == 0) | (parts == 1)))


def _sure(found: Interval | None, why_none: str) -> Sure:
    return Sure(None, None, why_none) if found is None else Sure(found.low, found.high, found.method)


def _bootstrapped(drawn: Float64, value: float, *, mean: bool) -> Sure:
    """Of a figure or a difference; sets with repeated samples score higher or lower by their nature, where it is no mean."""
    known = drawn[~np.isnan(drawn)]
    if 2 * len(known) < len(drawn) or len(known) < _FEWEST_SETS:
        return Sure(None, None, "no interval: too few sets of the samples have such a figure")
    low, middle, high = np.quantile(known, [_ALPHA, 0.5, 1 - _ALPHA]).tolist()
    if low == high:
        return Sure(None, None, "no interval: every set of the samples has the same")
    moved = 0.0 if mean else value - middle
    return Sure(low + moved, high + moved, f"bootstrap over samples, {len(known):,} sets")


def _drawn(runs: Sequence[Scored], paired: Sequence[bool]) -> list[Mapping[str, Float64 | None]]:
    """For each run metric -> its value in each of the sets that were drawn; None where there was no time for enough of them."""
    groups = [[place for place, is_paired in enumerate(paired) if is_paired]]
    groups += [[place] for place, is_paired in enumerate(paired) if not is_paired and runs[place].score is not None]
    found: list[Mapping[str, Float64 | None]] = [{} for _ in runs]
    for group in groups:
        scores = [score for place in group if (score := runs[place].score) is not None]
        if scores and scores[0].count >= 2:
            for place, drawn in zip(group, _of_group(scores), strict=True):
                found[place] = drawn
    return found


def _of_group(scores: Sequence[Score]) -> Iterator[Mapping[str, Float64 | None]]:
    """Of runs that scored the same units: the sets are the same for all."""
    count = scores[0].count
    means: list[list[Mapping[str, Float64]]] = [[] for _ in scores]
    others: list[list[Mapping[str, Float64]]] = [[] for _ in scores]
    end = time.monotonic() + _MOST_S
    for weights in resampled_weights(count, RESAMPLES, _SETS_AT_ONCE):
        in_time = time.monotonic() < end
        for score, mean, other in zip(scores, means, others, strict=True):
            mean.append({name: weights @ of / count for name, of in score.means.items() if len(of) == count})
            if in_time and score.redrawn is not None:
                other.append(score.redrawn(weights))
    # The sides are drawn in step, so that all have as many sets.
    for mean, other in zip(means, others, strict=True):
        enough = len(other) * _SETS_AT_ONCE >= _FEWEST_SETS
        redrawn = {name: None if not enough else _joined(other, name) for name in (other[0] if other else ())}
        yield redrawn | {name: _joined(mean, name) for name in mean[0]}


def _joined(pieces: Sequence[Mapping[str, Float64]], name: str) -> Float64:
    return np.concatenate([each[name] for each in pieces])
