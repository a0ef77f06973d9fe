"""What `bench` found, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from harness.bench.result import BenchResult, BenchRow
from harness.messages.bench import Advice, BenchInput, Opened
from harness.model.contents.describe import Invoked
from harness.model.drawn_inputs import fed_nothing
from harness.units import bytes_text, duration

_WIDTH, _INDENT = 118, 20
_TABLE_WIDTH = 170


def render(result: BenchResult) -> str:
    """For a terminal."""
    measured = [row for row in result.rows if row.found is not None]
    lines: list[str] = []
    if len(result.rows) == 1:
        lines += _alone(result.rows[0])
    else:
        lines += _table(result.rows)
        for row in measured:
            lines += [f"{row.name}:", *(f"  {line}" for line in [*_stand_in(row), *_what_ran(row), *_doubts(row)])]
    lines += [f"{row.name}: {row.refusal.kind}: {row.refusal.why}" for row in result.rows if row.refusal]
    if measured:
        lines.append(_field("measured", f"by {result.measured_by}"))
    if result.advice is None and len(result.rows) == 1 and measured:
        lines.append(_field("", "what would make it quicker here: the same with --advice"))
    if result.advice is not None:
        lines += ["", *advice_lines(result.advice)]
    return "\n".join(lines)


def advice_lines(found: Sequence[Advice]) -> list[str]:
    """What would make a model quicker, each with its figure, and below it its command."""
    lines = ["what would make it quicker here:" if found else "nothing was found that makes it quicker here"]
    for advice in found:
        lines += textwrap.wrap(f"* {advice.what}: {advice.figure}", _WIDTH, subsequent_indent="  ")
        lines.append(f"    {advice.command}")
    return lines


def _alone(row: BenchRow) -> list[str]:
    if row.opened is None:
        return []
    lines = [_field("model", f"{row.model} ({row.path})"), *_stand_in(row), *_what_ran(row)]
    lines += [_field("input", _input(each)) for each in row.opened.inputs]
    lines.append(_field("load", f"{duration(row.opened.load_ns)}, the file being in the system's memory"))
    if (warm := row.warm_up) is not None and warm.first_ns is not None and warm.mean_ns is not None:
        lines += [
            _field("first", duration(warm.first_ns)),
            _field("warm-up", f"{duration(warm.mean_ns)} in the mean of {warm.runs:,} runs, the first among them"),
        ]
    if (found := row.found) is not None:
        steady = found.latency
        lines += [
            _field(
                "steady", f"{duration(steady.mean)} in the mean of {steady.runs:,} runs, std {duration(steady.std)}"
            ),
            _field("", f"median {duration(steady.median)}, min {duration(steady.min)}, max {duration(steady.max)}"),
            _field(
                "",
                ", ".join(f"{name} {duration(getattr(steady, name))}" for name in ("p5", "p90", "p95", "p99")),
            ),
            _field("timed", row.opened.timed),
            _field("memory", _memory(row)),
        ]
    return [*lines, *_costs(row), *_doubts(row)]


def _stand_in(row: BenchRow) -> list[str]:
    """That it is no model of that name but one of ours."""
    if row.source != "standin":
        return []
    return [_field("stand-in", "of our own, since no official file is here: its speed is its own (docs/standins.md)")]


def _what_ran(row: BenchRow) -> Iterator[str]:
    opened = row.opened
    if opened is None:
        return
    yield _field("backend", _backend(row, opened))
    if opened.backend.engine == "none":
        yield _field("", "no model ran: the times are those of nothing but the harness")
    if opened.signature is not None:
        yield _field("signature", opened.signature)
    if opened.modified:
        yield _field("changed", opened.modified)
    if opened.keeps:
        kept = "put back before every run" if opened.state == "reset" else "lives on from run to run"
        yield _field("state", f"{opened.keeps}: {kept}")


def _backend(row: BenchRow, opened: Opened) -> str:
    info = opened.backend
    threads = f"{row.threads} thread{'' if row.threads == 1 else 's'}"
    words = [info.engine, threads]
    if (coverage := info.coverage) is not None and info.delegate:
        words.append(f"{info.delegate} runs {coverage.delegated_nodes} of {coverage.nodes} nodes")
    return f"{row.backend_asked} ({', '.join(words)})"


def _input(each: BenchInput) -> str:
    return f"{each.name}: {each.dtype} {list(each.shape)}, {each.fed}"


def _memory(row: BenchRow) -> str:
    memory = row.found.memory if row.found else None
    if memory is None or memory.load_bytes is None or memory.overall_bytes is None:
        return "not known: the system does not tell"
    whole = f"; the whole process {bytes_text(memory.peak_rss_bytes)}" if memory.peak_rss_bytes else ""
    parts = memory.parts
    held = [
        f"{what} {bytes_text(size)}"
        for what, size in (("tensors", parts.tensors_bytes), ("model file", parts.model_bytes))
        if size
    ]
    return (
        f"{bytes_text(memory.load_bytes)} at load, {bytes_text(memory.overall_bytes)} overall, above the process as it was "
        f"before{whole}" + (f" ({', '.join(held)})" if held else "")
    )


def _costs(row: BenchRow) -> Iterator[str]:
    found = row.description
    if found is None:
        return
    runs = found.runs
    zero = (
        ""
        if runs is None or runs.zero_weights_share is None
        else f"; {runs.zero_weights_share:.2%} of the weights are zero"
    )
    sparse = f", {len(runs.sparse_tensors)} tensors stored sparse" if runs and runs.sparse_tensors else ""
    yield _field("size", f"{bytes_text(found.size_bytes)}, {bytes_text(found.gzip_bytes)} after gzip{zero}{sparse}")
    if runs is not None:
        yield _field("work", _work(row, runs))


def _work(row: BenchRow, runs: Invoked) -> str:
    least = "" if runs.counts_are_complete else " at least"
    rate = row.multiply_adds_per_second
    pace = f", {rate / 1e9:.2f} G a second" if rate else ""
    ops = sum(each.count for each in runs.operators)
    return (
        f"{runs.multiply_adds:,} multiply-adds{least}{pace}; {ops:,} ops; {runs.parameters:,} parameters; arena about "
        f"{bytes_text(runs.arena_bytes)}"
    )


def _doubts(row: BenchRow) -> list[str]:
    """What must be known of the answers."""
    if row.found is None or row.opened is None:
        return []
    lines = [
        _field("NaN", f"{count:,} values of output {name} are no numbers: the model or its inputs are broken")
        for name, count in row.found.nan.items()
    ]
    if row.description is not None and row.description.runs is not None:
        lines += [_field("note", said) for said in row.description.runs.without_effect]
    lines += [_field("empty", said) for said in fed_nothing((each.name, each.shape) for each in row.opened.inputs)]
    opened = {each.name: each.shape for each in row.opened.outputs}
    lines += [
        _field("shape", f"output {name} came as {list(shape)}, and was {list(opened[name])} when it was opened")
        for name, shape in row.found.changed_shapes.items()
    ]
    return lines


def _field(name: str, text: str) -> str:
    return "\n".join(
        textwrap.wrap(text, _WIDTH, initial_indent=f"{name:{_INDENT}}", subsequent_indent=" " * _INDENT) or [name]
    )


def _table(rows: Sequence[BenchRow]) -> list[str]:
    # What draws tables takes a tenth of a second to import, and one model alone has none.
    from harness.report.table import Column, table_lines

    names = [
        "model",
        "load",
        "first",
        "mean",
        "median",
        "p90",
        "p99",
        "memory",
        "size",
        "work",
        "speed",
        "95 % interval",
        "",
    ]
    columns = [
        Column(name, "left" if place in (0, len(names) - 1) else "right", wrap=True) for place, name in enumerate(names)
    ]
    return table_lines([_cells(row, first=place == 0) for place, row in enumerate(rows)], columns, width=_TABLE_WIDTH)


def _cells(row: BenchRow, *, first: bool) -> list[str]:
    steady = row.found.latency if row.found else None
    times = (steady.mean, steady.median, steady.p90, steady.p99) if steady else (None,) * 4
    overall = row.found.memory.overall_bytes if row.found else None
    runs = row.description.runs if row.description else None
    ratio = row.speed
    interval = f"{ratio.low:.3f}..{ratio.high:.3f}" if ratio and ratio.low and ratio.high else "-"
    standing = row.standing or ("the first" if first and not row.refusal else "")
    return [
        row.name,
        duration(row.opened.load_ns) if row.opened else "-",
        duration(row.warm_up.first_ns) if row.warm_up and row.warm_up.first_ns is not None else "-",
        *("-" if each is None else duration(each) for each in times),
        "-" if overall is None else bytes_text(overall),
        bytes_text(row.description.size_bytes) if row.description else "-",
        f"{runs.multiply_adds / 1e6:,.1f} M" if runs else "-",
        f"{ratio.median:.3f}x" if ratio else "-",
        interval,
        row.refusal.kind if row.refusal else standing,
    ]
