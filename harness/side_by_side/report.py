"""Models side by side as a person reads it: a column a model, and a last one for what the others have over the first."""

from __future__ import annotations

from harness.report.accuracy import metric
from harness.report.table import Column, table_lines
from harness.side_by_side.record import EXACT, ComparedBackend, ComparedRow, ModelComparison, ModelFigure, Versus
from harness.units import bytes_text, duration

_WIDTH = 170
_WORDS = {
    "time": ("faster", "slower"),
    "memory": ("less", "more"),
    "size": ("smaller", "larger"),
    "work": ("less", "more"),
}
_MILLION = 1_000_000
_FEW_DIGITS = 2
"""From here on three digits tell a ratio; below, that would hide what 1 % is."""


def render_comparison(found: ModelComparison) -> str:
    """For a terminal."""
    samples = f", {found.samples:,} samples" if found.samples is not None else ""
    lines = [f"{found.kind}: {', '.join(found.models)} on {found.dataset}{samples}"]
    ours = [row.model for row in found.backends[0].bench.rows if row.source == "standin"]
    lines += [f"{name} is a stand-in of our own, since no official file is here (docs/standins.md)" for name in ours]
    for each in found.backends:
        lines += ["", *_table(found, each)]
        lines += [f"{model}: not scored: {why}" for model, why in each.failures.items()]
        lines += [f"{row.name}: {row.refusal.kind}: {row.refusal.why}" for row in each.bench.rows if row.refusal]
    return "\n".join(
        [
            *lines,
            "",
            *_explained(found),
            found.directory,
        ]
    )


def _explained(found: ModelComparison) -> list[str]:
    """How the intervals were found, and which figures have none."""
    lines = [
        f"in brackets 95 % intervals (how each was found: --json); times in turns, by bench's clock on {found.fed}; "
        "sizes, counts and shares of ops are exact (docs/any-model.md)"
    ]
    without: dict[str, list[str]] = {}
    for each in found.backends:
        for row in each.rows:
            both: tuple[ModelFigure | Versus, ...] = (*row.figures, *row.versus)
            for one in both:
                if one.low is None and one.method not in (None, EXACT):
                    without.setdefault(one.method or "", []).append(row.name)
    return lines + [f"{'; '.join(dict.fromkeys(names))}: {why}" for why, names in without.items()]


def _table(found: ModelComparison, each: ComparedBackend) -> list[str]:
    # With one rival the column says what it has; with several, which.
    others = ["" if len(found.models) == 2 else f"{name} " for name in found.models[1:]]
    columns = [Column(each.backend_asked), *(Column(name, "right", wrap=True) for name in found.models)]
    columns += [Column(f"{other}against {found.models[0]}", wrap=True) for other in others]
    rows = [
        [row.name, *(_figure(row, one) for one in row.figures), *(versus_text(row, one) for one in row.versus)]
        for row in each.rows
    ]
    return table_lines(rows, columns, width=_WIDTH)


def _figure(row: ComparedRow, one: ModelFigure) -> str:
    if one.value is None:
        return "-"
    text = _quantity(row, one.value)
    if one.low is None or one.high is None:
        return text
    return f"{text} ({_quantity(row, one.low)}..{_quantity(row, one.high)})"


def _quantity(row: ComparedRow, value: float) -> str:
    if row.kind == "metric":
        return metric(row.name, value)
    if row.unit == "ns":
        return duration(value)
    if row.unit == "share":
        return f"{value:.1%}"
    if row.unit == "bytes":
        return bytes_text(round(value))
    return f"{value / 1e6:,.2f} M" if value >= _MILLION else f"{round(value):,}"


def versus_text(row: ComparedRow, one: Versus) -> str:
    """What a model has over the first in one figure: `-11.00 points`, `15x faster`, `9.3x smaller`."""
    if one.difference is not None:
        return _points(row, one)
    if one.ratio is None:
        return "-"
    better, worse = _WORDS[row.kind]
    if one.standing in ("same", "not told apart"):
        interval = f" ({_times(one.low)}..{_times(one.high)})" if one.low and one.high else ""
        return f"{'the same within 1 %' if one.standing == 'same' else 'not told apart'}{interval}"
    if one.method == EXACT and _times(one.ratio) == _times(1):
        return "the same" if one.ratio == 1 else "about the same"
    # Below 1 the first has more of it: said the other way round, so that a number is never below 1.
    word, ratio, low, high = better, one.ratio, one.low, one.high
    if one.ratio < 1:
        word, ratio = worse, 1 / one.ratio
        low, high = (1 / one.high, 1 / one.low) if one.low and one.high else (None, None)
    interval = f" ({_times(low)}..{_times(high)})" if low and high else ""
    if row.kind in ("time", "memory") and one.standing is None:
        if low is None or high is None:
            # Measured once, or in too few rounds: two digits are more than enough.
            times = f"{float(f'{ratio:.2g}'):g}"
            return "about the same, not judged" if times == "1" else f"{times}x {word}, not judged"
        if low <= 1 <= high:
            return f"not told apart ({_times(one.low or 0)}..{_times(one.high or 0)})"
    return f"{_times(ratio)} {word}{interval}"


def _times(ratio: float) -> str:
    return f"{ratio:.3g}x" if ratio >= _FEW_DIGITS else f"{ratio:.3f}x"


def _points(row: ComparedRow, one: Versus) -> str:
    factor, unit = (100, "points") if row.unit == "share" else (1, "dB" if row.unit == "dB" else "")
    text = f"{(one.difference or 0) * factor:+.2f} {unit}".rstrip()
    if one.low is None or one.high is None:
        return text
    return f"{text} ({one.low * factor:+.2f}..{one.high * factor:+.2f})"
