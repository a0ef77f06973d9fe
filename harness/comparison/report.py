"""A comparison as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison.record import ComparedFigure, ComparisonResult, Pair
from harness.report.accuracy import metric
from harness.report.table import Column, table_lines
from harness.units import bytes_text, duration, rate_text

_WIDTH = 80
_MOST_NAMES = 10


def render(found: ComparisonResult) -> str:
    """For a terminal of 80 columns."""
    parts = [_pair(pair, found) for pair in found.pairs]
    return "\n\n".join(parts)


def verdict_of(pair: Pair, found: ComparisonResult) -> str:
    """In one sentence."""
    allowed = [each for each in found.allowed if any(one.subject == each for one in pair.differences)]
    but = f" (allowed to differ: {', '.join(allowed)})" if allowed else ""
    if pair.published:
        below = [figure.name for figure in pair.figures if figure.standing == "below the published figure"]
        return f"below the published figure: {', '.join(below)}" if below else "not below the published figures"
    if pair.regressed:
        return f"REGRESSED: {', '.join(pair.regressed)}{but}"
    limited = [figure for figure in pair.figures if figure.limit is not None]
    if not limited:
        return f"no limit was given (--max-regression){but}"
    unsure = [figure.name for figure in limited if not _within(figure)]
    if unsure:
        return f"no regression is shown; whether {', '.join(unsure)} kept within the limit is not told apart{but}"
    return f"within the limits: {', '.join(figure.name for figure in limited)}{but}"


def _within(figure: ComparedFigure) -> bool:
    """Whether the whole interval lies within the limit."""
    if figure.standing == "the same":
        return True
    if figure.low is None or figure.high is None or figure.limit is None or "not of runs" in figure.method:
        return False
    if figure.name == "throughput" or figure.unit in ("share", "dB"):
        return -figure.low <= figure.limit
    return figure.high <= figure.limit


def figure_text(figure: ComparedFigure, value: float) -> str:
    """A value of it, with its unit."""
    if figure.unit == "ns":
        return duration(value)
    if figure.unit == "bytes":
        return bytes_text(round(value))
    if figure.unit == "samples/s":
        return f"{rate_text(value)}/s"
    return metric(figure.name, value)


def change_text(figure: ComparedFigure, value: float | None) -> str:
    """A change: `+3.1 %`, `-0.50 pt`."""
    if value is None:
        return "-"
    if figure.unit in ("ns", "bytes", "samples/s"):
        return f"{100 * value:+.1f} %"
    return (
        f"{value:+.2f} dB"
        if figure.unit == "dB"
        else f"{100 * value:+.2f} pt"
        if figure.unit == "share"
        else f"{value:+.4g}"
    )


def _pair(pair: Pair, found: ComparisonResult) -> str:
    percent = f"{100 * found.confidence:.3g} %"
    rows = [
        [
            figure.name,
            figure_text(figure, figure.base),
            figure_text(figure, figure.new),
            change_text(figure, figure.change),
            "-" if figure.low is None else f"{change_text(figure, figure.low)}..{change_text(figure, figure.high)}",
            "REGRESSED" if figure.regressed else figure.standing,
        ]
        for figure in pair.figures
    ]
    columns = [Column("figure"), Column("base", "right"), Column("new", "right"), Column("change", "right")]
    columns += [Column(percent, "right"), Column("", wrap=True)]
    lines = [f"base  {pair.base}", f"new   {pair.new}", "", *table_lines(rows, columns, width=_WIDTH), ""]
    lines += [f"{each.subject} differs: {each.what} {each.base} -> {each.new}" for each in pair.differences]
    lines += _methods(pair)
    lines += _samples(pair)
    lines += [f"note: {note}" for note in pair.notes]
    if any(figure.limit is not None for figure in pair.figures) and not pair.published:
        lines.append(
            f"a change within its limits is called regressed in at most {found.wrong_verdict:.0%} of comparisons"
        )
    return "\n".join([*lines, verdict_of(pair, found)])


def _methods(pair: Pair) -> Iterator[str]:
    by_method: dict[str, list[str]] = {}
    for figure in pair.figures:
        by_method.setdefault(figure.method, []).append(figure.name)
    yield from (f"{', '.join(names)}: {method}" for method, names in by_method.items() if method != "exact")
    effects = [
        f"{f.name} {f.effect:+.1f}" for f in pair.figures if f.effect is not None and f.unit in ("ns", "samples/s")
    ]
    if effects:
        yield f"in standard deviations of runs (Hedges' g): {', '.join(effects)}"
    chances = [f"{f.name} {f.effect:.2g}" for f in pair.figures if f.effect is not None and f.unit in ("share", "dB")]
    if chances:
        yield f"so uneven by chance alone (p): {', '.join(chances)}"


def _samples(pair: Pair) -> Iterator[str]:
    if pair.samples is None:
        return
    for word, names in (("better", pair.samples.better), ("worse", pair.samples.worse)):
        if names:
            more = f" and {len(names) - _MOST_NAMES:,} more (--json names all)" if len(names) > _MOST_NAMES else ""
            yield f"{len(names):,} of {pair.samples.compared:,} samples {word}: {', '.join(names[:_MOST_NAMES])}{more}"
