"""A profile as a person reads it, as CSV, and two of them side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields

from harness.profiling.record import Op, OpRow, Profile
from harness.report.table import Column, table_lines

VIEWS = ("type", "slowest", "order", "shape")
_SLOWEST = 10
_NAMED_KERNELS = 2
_SHAPES = 25
_WIDTH = 150


def render(found: Profile, views: Sequence[str] = ("type", "slowest")) -> str:
    """The head, and a table for each view.

    Args:
        found: The profile.
        views: Of `VIEWS`.
    """
    lines = [*table_lines(_head(found), width=200)]
    lines += [f"warning: {warning}" for warning in found.warnings]
    tables = {
        "type": lambda: ["", "Summary by node type", *_rows(found.by_type, "node type")],
        "slowest": lambda: [
            "",
            f"The {_SLOWEST} slowest ops",
            *_ops(sorted(found.ops, key=lambda op: -op.avg_us)[:_SLOWEST]),
        ],
        "order": lambda: ["", "Run order", *_ops(found.ops)],
        "shape": lambda: ["", "By shape", *_rows(found.by_shape[:_SHAPES], "node type and shape")],
    }
    return "\n".join([*lines, *(line for view in views for line in tables[view]())])


def _head(found: Profile) -> list[tuple[str, str]]:
    standin = " (a stand-in)" if found.source == "standin" else ""
    options = "".join(f", {name}={value}" for name, value in found.options.items())
    threads = f"{found.threads} thread{'s' * (found.threads != 1)}"
    fixed = found.profiled.mean_us - found.unprofiled.mean_us
    added = f"{_ms(abs(fixed))} {'more' if fixed >= 0 else 'less'} ({fixed / found.unprofiled.mean_us:+.1%})"
    runs = f"the quickest {found.counted_runs} of {found.num_runs} runs"
    rows = [
        ("model", f"{found.model}{standin}" + (f"; {found.modified}" if found.modified else "")),
        ("backend", f"{found.backend}, {threads}{options}"),
        ("told by", found.how + (f" ({found.why_coarse})" if found.why_coarse else "")),
        ("fed", f"random {found.fed}" if found.fed else "nothing: it has no inputs"),
        (
            "unprofiled",
            f"{_ms(found.unprofiled.mean_us)} a run, the mean of {runs}; the slowest {_ms(found.slowest_us)}",
        ),
        ("ops", f"{_ms(found.op_sum.mean_us)} added up, {found.op_sum_ratio:.1%} of an unprofiled run"),
        ("profiled", f"a run takes {added} with the profiler"),
    ]
    if found.multiply_adds:
        per_s = found.multiply_adds / found.unprofiled.mean_us / 1e3
        rows.append(("work", f"{found.multiply_adds / 1e6:,.2f} M multiply-adds, {per_s:,.2f} G a second"))
    if found.peaks:
        peaks = ", ".join(f"{kind} {rate / 1e9:,.1f}" for kind, rate in found.peaks.items())
        rows.append(("peak here", f"{peaks} G multiply-adds a second (a large matrix product, {threads})"))
    return rows


def _rows(rows: Sequence[OpRow], name: str) -> list[str]:
    columns = [
        Column(name, wrap=True),
        Column("count", "right"),
        Column("avg ms", "right"),
        Column("avg %", "right"),
        Column("cdf %", "right"),
        Column("GMAC/s", "right"),
        Column("of peak", "right"),
        Column("run by"),
    ]
    return table_lines(
        [
            (
                row.name,
                str(row.count),
                f"{row.avg_us / 1e3:.3f}",
                f"{row.share:.2%}",
                f"{row.cumulated:.2%}",
                *_rate(row.multiply_adds_per_s, row.peak_share),
                ", ".join(row.kernels[:_NAMED_KERNELS])
                + (f" and {len(row.kernels) - _NAMED_KERNELS} more" if len(row.kernels) > _NAMED_KERNELS else ""),
            )
            for row in rows
        ],
        columns,
        width=_WIDTH,
    )


def _ops(ops: Sequence[Op]) -> list[str]:
    columns = [
        Column("op", "right"),
        Column("node type"),
        Column("avg ms", "right"),
        Column("avg %", "right"),
        Column("GMAC/s", "right"),
        Column("of peak", "right"),
        Column("shape", wrap=True),
        Column("run by", wrap=True),
    ]
    rows = [
        (
            str(op.order),
            named(op),
            f"{op.avg_us / 1e3:.3f}",
            f"{op.share:.2%}",
            *_rate(op.multiply_adds_per_s, op.peak_share),
            op.shape,
            op.kernel,
        )
        for op in ops
    ]
    return table_lines(rows, columns, width=_WIDTH)


def named(op: Op) -> str:
    """With how many ops stand behind it, where it is a delegate's piece, and how often it ran, where more than once."""
    if op.inside is None:
        return f"{op.name}: it is not told which ops are inside"
    if op.inside:
        return f"{op.name}: {op.inside} ops inside"
    times = f" x {op.calls:g}" if op.calls != 1 else ""
    of_its_own = op.node is None and op.kernel != "built-in"
    return f"{op.name}{times}" + (" (no op of the model's)" if of_its_own else "")


def _rate(per_s: float | None, peak: float | None) -> tuple[str, str]:
    return ("" if per_s is None else f"{per_s / 1e9:,.2f}", "" if peak is None else f"{peak:.0%}")


def _ms(us: float) -> str:
    return f"{us / 1e3:.3f} ms"


def as_csv(found: Profile) -> str:
    """A line for each op in run order; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(Op)]
    writer.writerow(names)
    for op in found.ops:
        writer.writerow(["" if (value := getattr(op, name)) is None else value for name in names])
    return text.getvalue()


@dataclass(frozen=True, slots=True)
class Contrast:
    """A kind of op in two profiles."""

    name: str
    counts: tuple[int, int]
    avg_us: tuple[float, float]
    difference_us: float
    """The second's less the first's."""


def contrast(first: Profile, second: Profile) -> tuple[Contrast, ...]:
    """By kind of op, what makes the most difference first."""
    rows = [{row.name: row for row in each.by_type} for each in (first, second)]
    found = []
    for name in dict.fromkeys([*rows[0], *rows[1]]):
        both = [each.get(name) for each in rows]
        counts, times = ([row.count if row else 0 for row in both], [row.avg_us if row else 0.0 for row in both])
        found.append(Contrast(name, (counts[0], counts[1]), (times[0], times[1]), times[1] - times[0]))
    return tuple(sorted(found, key=lambda each: -abs(each.difference_us)))


def op_contrast(first: Profile, second: Profile) -> tuple[Contrast, ...]:
    """Op by op, what makes the most difference first; those that both have, told by their place and their output."""
    known = {(op.graph, op.node, op.name, op.tensor): op for op in first.ops if op.node is not None}
    found = []
    for op in second.ops:
        other = known.get((op.graph, op.node, op.name, op.tensor)) if op.node is not None else None
        if other is not None:
            name = f"{op.name} {op.shape}".rstrip()
            found.append(Contrast(name, (1, 1), (other.avg_us, op.avg_us), op.avg_us - other.avg_us))
    return tuple(sorted(found, key=lambda each: -abs(each.difference_us)))


def render_contrast(first: Profile, second: Profile) -> str:
    """Two profiles side by side."""
    names = [
        f"{each.model} ({each.backend}, {each.threads} thread{'s' * (each.threads != 1)})" for each in (first, second)
    ]
    columns = [
        Column("node type", wrap=True),
        Column("count 1", "right"),
        Column("count 2", "right"),
        Column("ms 1", "right"),
        Column("ms 2", "right"),
        Column("2 - 1", "right"),
        Column("2 / 1", "right"),
    ]
    rows = [(each.name, *map(str, each.counts), *_contrasted(each)) for each in contrast(first, second)]
    whole = (first.unprofiled.mean_us, second.unprofiled.mean_us)
    run = Contrast("a whole run, unprofiled", (1, 1), whole, whole[1] - whole[0])
    rows.append((run.name, "", "", *_contrasted(run)))
    ops = op_contrast(first, second)[:_SLOWEST]
    by_op = [(each.name, *_contrasted(each)) for each in ops]
    tables = table_lines(rows, columns, width=_WIDTH)
    if by_op:
        of_op = [Column("op", wrap=True), *columns[3:]]
        tables += ["", "The ops of both that differ most", *table_lines(by_op, of_op, width=_WIDTH)]
    head = [f"1: {names[0]}", f"2: {names[1]}"]
    warnings = [f"warning, {place}: {each}" for place, found in ((1, first), (2, second)) for each in found.warnings]
    apart = ["The two were profiled one after the other: ./run.sh bench measures in turns."]
    return "\n".join([*head, *tables, *warnings, *apart])


def _contrasted(each: Contrast) -> tuple[str, ...]:
    """Both times, their difference and their ratio."""
    one, other = each.avg_us
    ratio = f"{other / one:.2f}" if one else "-"
    return (f"{one / 1e3:.3f}", f"{other / 1e3:.3f}", f"{each.difference_us / 1e3:+.3f}", ratio)
