"""One result held against others: figures with intervals, and a verdict where limits are given."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.comparison.asked import WRONG_VERDICT, ComparisonRequest
from harness.comparison.differences import differences, refuse_differences, refuse_incomparable
from harness.comparison.limits import refuse_unknown
from harness.comparison.record import SCHEMA_VERSION, ComparedFigure, ComparisonResult, Pair, Standing
from harness.comparison.scored import scored_figures
from harness.comparison.sides import Side, read_side
from harness.comparison.timed import MORE_IS_BETTER, UNITS, figures_of, timed_figures
from harness.errors import EXIT_INVALID, EXIT_VALID, ConfigError
from harness.results.verdict.figure_names import metric_figure


def compare(base: Path, others: Sequence[Path], asked: ComparisonRequest) -> ComparisonResult:
    """Compares.

    Args:
        base: What the others are held against: a run, a series, or another program's result.
        others: Runs or series.
        asked: Limits, and what may differ.

    Raises:
        ConfigError: Something cannot be read, has nothing in common, differs where it must not, or is limited and not there.
    """
    sides = [read_side(other) for other in others]
    pairs = tuple(_pair(read_side(base, side), side, asked) for side in sides)
    refuse_unknown(asked.limits, sorted({figure.name for pair in pairs for figure in pair.figures}))
    status = EXIT_INVALID if any(pair.regressed for pair in pairs) else EXIT_VALID
    return ComparisonResult(SCHEMA_VERSION, 1 - 2 * asked.alpha, WRONG_VERDICT, asked.allowed, pairs, status)


def _pair(base: Side, new: Side, asked: ComparisonRequest) -> Pair:
    if base.published is not None:
        figures = tuple(_against_published(base.published, new, asked))
        if not figures:
            raise ConfigError(f"{base.path} and {new.path} have no figure in common")
        note = "the base is a figure without its spread: how sure the difference is cannot be said"
        return Pair(str(base.path), str(new.path), True, (0, len(new.timed)), (), figures, None, (note,))
    refuse_incomparable(base, new)
    found = differences(base, new)
    refuse_differences(found, asked.allowed)
    notes: list[str] = []
    if base.path.resolve() == new.path.resolve():
        notes.append("base and new are the same directory: nothing is compared but a result with itself")
    timed = list(timed_figures(base, new, asked, notes))
    scored, samples = scored_figures(base, new, asked, notes)
    figures = (*timed, *scored, *_size(base, new, asked))
    if not timed and not scored:
        raise ConfigError(f"{base.path} and {new.path} have no figure in common: one was timed, the other scored")
    runs = len(base.timed), len(new.timed)
    invalid = [str(run.folder) for run in (*base.timed, *new.timed) if run.result.status == "invalid"]
    if invalid:
        notes.append(f"LoadGen says INVALID of {', '.join(invalid)}")
    unstable = [str(run.folder) for run in (*base.timed, *new.timed) if run.result.unstable]
    if unstable:
        notes.append(f"unstable while it was measured: {', '.join(unstable)} (show says why)")
    return Pair(str(base.path), str(new.path), False, runs, found, figures, samples, tuple(notes))


def _size(base: Side, new: Side, asked: ComparisonRequest) -> Iterator[ComparedFigure]:
    """Of the files, where they still are what ran."""
    sizes = [_model_bytes(side) for side in (base, new)]
    if sizes[0] is None or sizes[1] is None:
        return
    more, limit = sizes[1] / sizes[0] - 1, asked.limits.get("size")
    standing: Standing = "the same" if not more else "worse" if more > 0 else "better"
    regressed = None if limit is None else more > limit
    yield ComparedFigure(
        "size", "bytes", sizes[0], sizes[1], more, more, more, "exact", standing, None, limit, regressed
    )


def _model_bytes(side: Side) -> float | None:
    model = side.any.model
    try:
        size = Path(model.path).stat().st_size
    except OSError:
        return None
    return float(size) or None


def _against_published(published: Mapping[str, float], new: Side, asked: ComparisonRequest) -> Iterator[ComparedFigure]:
    """Figures alone: never a regression, for nobody knows how they spread."""
    runs = [figures_of(run) for run in new.timed]
    mine = {name: statistics.median(figures[name] for figures in runs) for name in (runs[0] if runs else ())}
    if new.scored:
        mine |= {name: metric.value for name, metric in (new.scored[0].result.accuracy or {}).items()}
    for name, value in published.items():
        if name not in mine:
            continue
        of_ratio = name in UNITS
        change = mine[name] / value - 1 if of_ratio else mine[name] - value
        below = change < 0 if name in MORE_IS_BETTER or not of_ratio else change > 0
        standing: Standing = "below the published figure" if below else "not below it"
        unit = UNITS[name] if of_ratio else metric_figure(name).unit
        why = "published: no spread is known"
        yield ComparedFigure(
            name, unit, value, mine[name], change, None, None, why, standing, None, asked.limits.get(name), None
        )
