"""How far a model's outputs are from the truth, output by output and as a whole, as metrics.

The whole is the worst of the outputs. An output that holds a value which is no number where a number was expected has no error
figures, and neither has the whole then: what is asked of them is missed. `not_finite` counts such places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Real

import numpy as np
import numpy.typing as npt

from accuracy.answers.arrays import Output
from accuracy.answers.log import LogError
from accuracy.errors import MetricUnusable
from accuracy.metric.output_figures import OutputError
from accuracy.metric.own_metrics import OwnMetric, RunningMetric
from accuracy.metric.score import Score
from accuracy.output_error import ErrorSums, Totals
from tasks.base import Array, MetricKind, ModelMismatch
from tasks.tensors.array_files import told_apart
from tasks.tensors.fitting import real_values

NOT_FINITE = "not_finite"
HEADLINE = "snr_db"
KINDS = (
    MetricKind(HEADLINE, "dB", by_output=True),
    MetricKind("max_error", "count", lower_is_better=True, by_output=True),
    MetricKind("mean_error", "count", lower_is_better=True, by_output=True),
    MetricKind("rmse", "count", lower_is_better=True, by_output=True),
    MetricKind("cosine", "count", by_output=True),
    MetricKind("argmax_agreement", "share", by_output=True),
    MetricKind("equal_share", "share", by_output=True),
    MetricKind("max_steps", "count", lower_is_better=True, by_output=True),
    MetricKind("mean_steps", "count", lower_is_better=True, by_output=True),
    MetricKind(NOT_FINITE, "count", lower_is_better=True, by_output=True),
)
"""The error figures, as `accuracy.metric.output_figures.OutputError` names them, and the count of what has none."""
_SHAPES_SHOWN = 3
_LARGEST = ("max_error", "max_steps")


@dataclass(slots=True)
class _OfOutput:
    """What is added up for one output."""

    sums: ErrorSums
    own: list[tuple[OwnMetric, RunningMetric]]
    shapes: set[tuple[int, ...]] = field(default_factory=set)
    totals: list[tuple[int, Totals]] = field(default_factory=list)
    """What had been added up after each sample that it was judged in, and which sample that was."""

    @property
    def is_empty(self) -> bool:
        """Whether no sample had a value of it."""
        return all(0 in shape for shape in self.shapes)

    def by_sample(self, count: int) -> npt.NDArray[np.float64]:
        """[count, totals] what each sample adds."""
        rows = np.zeros((count, len(Totals._fields)))
        if self.totals:
            places, sums = zip(*self.totals, strict=True)
            rows[list(places)] = np.diff(np.array(sums), axis=0, prepend=0.0)
        return rows


class Errors:
    """Adds up answers."""

    def __init__(self, own: Sequence[OwnMetric]) -> None:
        """Takes the metrics of the user's own."""
        self._own = own
        self._outputs: dict[str, _OfOutput] = {}
        self._names: list[str] | None = None
        self._samples = 0

    def update(self, outputs: Sequence[Output], expected: Mapping[int, Array]) -> None:
        """Counts one sample.

        Args:
            outputs: As they were answered.
            expected: By the place of the output.

        Raises:
            LogError: An answer of other outputs than the ones before it, or of texts where numbers are expected.
            MetricUnusable: A metric of the user's own breaks.
        """
        names = told_apart([output.name for output in outputs])
        if self._names is None:
            self._names = names
        elif self._names != names:
            raise LogError(f"this answer has the outputs {', '.join(names)}, the one before {', '.join(self._names)}")
        self._samples += 1
        for place, truth in expected.items():
            self._add(names[place], outputs[place], truth)

    def score(self) -> Score:
        """The metrics.

        Raises:
            ModelMismatch: No output has a value.
        """
        found = {name: one.sums.error() for name, one in self._outputs.items()}
        by_output = {name: _metrics(error) for name, error in found.items()}
        odd: list[str] = []
        for name, one in self._outputs.items():
            for metric, counted in one.own:
                value = _computed(metric, counted, name)
                # No result holds it, and what is asked of it is missed.
                by_output[name][metric.name] = value if math.isfinite(value) else None
                if not math.isfinite(value):
                    odd.append(
                        f"{metric.name} came out as {value} on output {name}, which is no figure: it is left out"
                    )
        if found and all(one.is_empty for one in self._outputs.values()):
            raise ModelMismatch(
                f"the model answers no values at {', '.join(found)}, so there is nothing to compare: a size there is 0"
            )
        kinds = [*KINDS, *(kind_of(metric) for metric in self._own)]
        metrics = _by_name(kinds, by_output, found)
        redrawn = partial(self._redrawn, found, sorted(metrics))
        return Score(metrics, "samples", self._samples, redrawn=redrawn, notes=(*odd, *self._notes(found)))

    def _redrawn(
        self, found: Mapping[str, OutputError], names: Sequence[str], weights: npt.NDArray[np.float64]
    ) -> Mapping[str, npt.NDArray[np.float64]]:
        """See `accuracy.metric.score.Redrawn`; the largest error, and how many values are no numbers, hang on one sample."""
        sums = {name: weights @ one.by_sample(self._samples) for name, one in self._outputs.items()}
        kinds = [kind for kind in KINDS if kind.name not in (NOT_FINITE, *_LARGEST)]
        drawn = []
        for place in range(len(weights)):
            errors = {
                name: replace(one.sums.error_of(Totals(*sums[name][place].tolist())), not_finite=found[name].not_finite)
                for name, one in self._outputs.items()
            }
            drawn.append(_by_name(kinds, {name: _metrics(error) for name, error in errors.items()}, errors))
        return {
            name: np.array([each.get(name, np.nan) for each in drawn])
            for name in names
            if any(kind.gives(name) for kind in kinds)
        }

    def _add(self, name: str, output: Output, truth: Array) -> None:
        raw = truth.dtype == output.values.dtype or not output.scale
        if name not in self._outputs:
            sums = ErrorSums(scale=output.scale, zero_point=output.zero_point, expected_scale=None if raw else 0.0)
            self._outputs[name] = _OfOutput(sums, [(metric, _made(metric)) for metric in self._own])
        one = self._outputs[name]
        one.shapes.add(output.values.shape)
        try:
            one.sums.update(output.values, truth)
        except ValueError as error:
            raise LogError(f"output {name}: {error}") from None
        one.totals.append((self._samples - 1, one.sums.totals()))
        if one.own:
            mine = real_values(output.values, output.scale, output.zero_point)
            theirs = real_values(truth, output.scale, output.zero_point) if raw else truth
            for metric, counted in one.own:
                _called(metric, name, partial(counted.update, mine, theirs))

    def _notes(self, found: Mapping[str, OutputError]) -> Iterable[str]:
        for name, error in found.items():
            odd = error.not_finite
            if odd.any:
                said = "none of its error figures is given" if odd.differing else "they stand where they are expected"
                yield (
                    f"output {name}: NaN {odd.found_nan:,} times and infinity {odd.found_inf:,} times in the answers, "
                    f"{odd.expected_nan:,} and {odd.expected_inf:,} times in what was expected; {odd.differing:,} places "
                    f"differ by them: {said}"
                )
        for name, one in self._outputs.items():
            if one.is_empty:
                yield f"output {name} has no values, {list(min(one.shapes))}: nothing was compared"
            if len(one.shapes) > 1:
                shown = ", ".join(str(list(shape)) for shape in sorted(one.shapes)[:_SHAPES_SHOWN])
                yield f"output {name} had {len(one.shapes)} shapes: {shown}{', ...' if len(one.shapes) > _SHAPES_SHOWN else ''}"
        left_out = [name for name in self._names or [] if name not in self._outputs]
        if left_out:
            yield f"nothing is expected of {', '.join(left_out)}: not judged"


def kind_of(metric: OwnMetric) -> MetricKind:
    """A metric of the user's own, as targets must know it."""
    return MetricKind(metric.name, metric.unit, metric.lower_is_better, by_output=True)


def _metrics(error: OutputError) -> dict[str, float | None]:
    """An output's figures; without those that say nothing of it."""
    odd: dict[str, float | None] = {NOT_FINITE: float(error.not_finite.differing)}
    if not error.comparable:
        return odd
    figures = {kind.name: getattr(error, kind.name) for kind in KINDS if kind.name != NOT_FINITE}
    return {name: value for name, value in figures.items() if value is not None} | odd


def _by_name(
    kinds: Sequence[MetricKind],
    by_output: Mapping[str, Mapping[str, float | None]],
    found: Mapping[str, OutputError],
) -> dict[str, float]:
    """Of the whole, and of each output."""
    metrics: dict[str, float] = {}
    for kind in kinds:
        values = {name: values[kind.name] for name, values in by_output.items() if kind.name in values}
        if (whole := _whole(kind, values, found)) is not None:
            metrics[kind.name] = whole
        metrics |= {f"{kind.name}.{name}": value for name, value in values.items() if value is not None}
    return metrics


def _whole(kind: MetricKind, values: Mapping[str, float | None], found: Mapping[str, OutputError]) -> float | None:
    """The worst of the outputs; None where one has no figure since it is broken, or where none has."""
    known = [value for value in values.values() if value is not None]
    if kind.name == NOT_FINITE:
        return sum(known)
    broken = any(not error.comparable for error in found.values()) or len(known) < len(values)
    if broken or not known:
        return None
    return max(known) if kind.lower_is_better else min(known)


def _made(metric: OwnMetric) -> RunningMetric:
    made: list[RunningMetric] = []
    _called(metric, "", lambda: made.append(metric.make()))
    return made[0]


def _computed(metric: OwnMetric, counted: RunningMetric, output: str) -> float:
    """The figure, which may be no finite number.

    Raises:
        MetricUnusable: It breaks, or gives no number.
    """
    values: list[object] = []
    _called(metric, output, lambda: values.append(counted.compute()))
    (value,) = values
    if not isinstance(value, Real):
        raise MetricUnusable(f"metric {metric.name!r} is {value!r:.80} on output {output}, but must be a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _called(metric: OwnMetric, output: str, call: Callable[[], object]) -> None:
    try:
        call()
    except (Exception, SystemExit) as error:
        # Whatever a package does.
        where = f" on output {output}" if output else ""
        raise MetricUnusable(f"metric {metric.name!r} broke{where}: {type(error).__name__}: {error}") from error
