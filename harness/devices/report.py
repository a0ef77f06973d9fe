"""What was measured on a device, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from harness.devices.android import THROTTLED, AndroidDevice
from harness.devices.bench import DeviceBench, DeviceRow
from harness.devices.op_tables import op_tables
from harness.devices.tool_output import ToolFound
from harness.units import bytes_text, duration

_WIDTH, _INDENT = 118, 20


def render(result: DeviceBench, views: Sequence[str] = ("type", "slowest")) -> str:
    """For a terminal.

    Args:
        result: What was measured.
        views: Of `VIEWS`, of ops that were told of.
    """
    lines = [_field("device", f"{result.target}: {_device(result.device)}")]
    for row in result.rows:
        lines += _row(row)
    if result.taskset is not None:
        lines.append(_field("cores", f"by taskset {result.taskset}"))
    lines.append(_field("before", result.before.text()))
    lines.append(_field("after", result.after.text()))
    if max(result.before.thermal_status or 0, result.after.thermal_status or 0) >= THROTTLED:
        lines.append(
            _field("", "its thermal service says that it is throttled: let it cool (--cooldown 5m) and measure again")
        )
    lines.append(_field("tool", f"{result.tool.path} (SHA-256 {result.tool.sha256[:16]}...)"))
    lines.append(_field("measured", f"by {result.measured_by}"))
    for row in result.rows:
        if row.ops is not None:
            lines += op_tables(row.name, row.ops, views)
    return "\n".join(lines)


def _device(device: AndroidDevice) -> str:
    name = " ".join(filter(None, (device.manufacturer, device.model))) or "a device without a name"
    system = f"Android {device.android or '?'}, API level {device.api_level or '?'}"
    return ", ".join(filter(None, (name, device.soc and f"SoC {device.soc}", device.abi, system)))


def _row(row: DeviceRow) -> Iterator[str]:
    yield _field("model", f"{row.model} ({row.path})")
    if row.source == "standin":
        yield _field("stand-in", "of our own, since no official file is here: its speed is its own (docs/standins.md)")
    threads = f"{row.threads} thread{'' if row.threads == 1 else 's'}"
    if row.found is None:
        yield _field("backend", f"{row.backend_asked} ({threads})")
        yield _field("not measured", row.refusal.why if row.refusal else "")
        return
    found, steady = row.found, row.found.latency
    if row.waited_s is not None:
        yield _field("cooled", f"for {row.waited_s:.1f} s before it")
    yield _field("backend", f"{row.backend_asked} ({', '.join([threads, *_applied(found)])})")
    yield _field("load", duration(found.init_ns))
    yield _field("first", duration(found.first_ns))
    if (warm := found.warm_up) is not None:
        yield _field("warm-up", f"{duration(warm.mean)} in the mean of {warm.runs:,} runs, the first among them")
    yield _field("steady", f"{duration(steady.mean)} in the mean of {steady.runs:,} runs, std {duration(steady.std)}")
    if row.ops is not None:
        yield _field("", "with the profiler's own cost in it: the same without it by ./run.sh bench")
    median = "" if steady.median is None else f"median {duration(steady.median)}, "
    yield _field("", f"{median}min {duration(steady.min)}, max {duration(steady.max)}")
    if steady.p5 is not None and steady.p95 is not None:
        yield _field("", f"p5 {duration(steady.p5)}, p95 {duration(steady.p95)}")
    if found.memory_init_bytes is not None and found.memory_overall_bytes is not None:
        size = f"{bytes_text(found.memory_init_bytes)} at load, {bytes_text(found.memory_overall_bytes)} overall"
        yield _field("memory", f"{size}, above the tool as it began")


def _applied(found: ToolFound) -> Iterator[str]:
    for each in found.applied:
        pieces = "" if each.kernels is None else f" in {each.kernels} piece{'' if each.kernels == 1 else 's'}"
        yield f"{each.delegate} runs {'all of it' if each.completely else 'a part of it'}{pieces}"


def _field(name: str, text: str) -> str:
    return "\n".join(
        textwrap.wrap(text, _WIDTH, initial_indent=f"{name:{_INDENT}}", subsequent_indent=" " * _INDENT) or [name]
    )
