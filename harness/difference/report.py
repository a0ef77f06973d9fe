"""A difference as a person reads it, and as TFLite's tool writes it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from harness.difference.record import INVOCATIONS, Bisected, Culprit, DiffResult, OutputDifference, SideFacts
from harness.report.table import Column, table_lines

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
"""Wire types of a protocol buffer."""
_SHOWN_SCALES = 3


def render(found: DiffResult) -> str:
    """The lines of the tool, then what it does not say."""
    rows = [
        ("test", _side(found.test)),
        ("reference", _side(found.reference)),
        ("fed", f"{found.inputs_from}; each input {INVOCATIONS} times, the last answer counts"),
    ]
    lines = [
        *table_lines(rows, width=200),
        f"Num evaluation runs: {found.num_runs}",
        f"Reference run latency: {_latency(found.reference)}",
        f"Test run latency: {_latency(found.test)}",
        *(
            f"OutputDiff[{place}]: avg_error={_figure(output.avg_error)}, std_dev={_figure(output.std_dev)}"
            for place, output in enumerate(found.outputs)
        ),
        *_outputs(found.outputs),
        *(line for output in found.outputs for line in _spoilt(output, found.num_runs)),
    ]
    if found.same_sides:
        lines.append(f"not a test: {found.same_sides}")
    added = found.seconds - found.invoke_seconds
    lines.append(
        f"{found.seconds:.2f} s, of which {found.invoke_seconds:.2f} s in the models"
        + (f" ({added / found.invoke_seconds:.1%} added)" if found.invoke_seconds else "")
    )
    return "\n".join([*lines, *(_bisected(found.bisected) if found.bisected else [])])


def spoilt(found: DiffResult) -> str:
    """Why the difference could not be measured at an output; "" where it was at all of them."""
    whys = [line for output in found.outputs for line in _spoilt(output, found.num_runs)]
    missing = any(output.avg_error is None and not output.is_empty for output in found.outputs)
    return "; ".join(whys) if missing else ""


def _side(side: SideFacts) -> str:
    delegated = ""
    if side.delegated_nodes is not None:
        runs = f"{side.delegate} runs {side.delegated_nodes} of {side.nodes} ops" if side.delegate else "no delegate"
        delegated = f", {runs}"
    options = "".join(f", {name}={value}" for name, value in side.options.items())
    standin = " (a stand-in)" if side.source == "standin" else ""
    changed = f"; {side.modified}" if side.modified else ""
    threads = f"{side.threads} thread{'s' * (side.threads != 1)}"
    return f"{side.model}{standin}: {side.backend} ({side.engine}, {threads}{options}{delegated}){changed}"


def _latency(side: SideFacts) -> str:
    return f"avg={side.latency_us:.6g}(us), std_dev={side.latency_std_us:.6g}(us)"


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.6g}"


def _outputs(outputs: Sequence[OutputDifference]) -> list[str]:
    columns = (
        Column("output", wrap=True),
        Column("type"),
        Column("largest", "right"),
        Column("steps, mean", "right"),
        Column("largest", "right"),
        Column("SNR", "right"),
        Column("argmax", "right"),
    )
    rows = [
        (
            output.name,
            f"{output.dtype} {list(output.shape)}" + (" in real values" if output.unit == "real" else ""),
            "-" if output.largest is None else f"{output.largest:.4g}",
            "-" if output.avg_steps is None else f"{output.avg_steps:.4g}",
            "-" if output.largest_steps is None else f"{output.largest_steps:.4g}",
            "exact" if output.exact else "-" if output.snr_db is None else f"{output.snr_db:.1f} dB",
            "-" if output.argmax_agreement is None else f"{output.argmax_agreement:.2%}",
        )
        for output in outputs
    ]
    return table_lines(rows, columns, width=140)


def _spoilt(output: OutputDifference, runs: int) -> list[str]:
    lines = []
    if output.nan_test or output.nan_reference:
        lines.append(
            f"output {output.name}: {output.nan_test:,} values are no number (NaN) on the tested side, "
            f"{output.nan_reference:,} on the reference's"
        )
    if output.inf_test or output.inf_reference:
        lines.append(
            f"output {output.name}: {output.inf_test:,} values are infinite on the tested side, "
            f"{output.inf_reference:,} on the reference's"
        )
    if output.other_shapes:
        lines.append(f"output {output.name}: in {output.other_shapes} of {runs} runs the two sides give other shapes")
    if output.is_empty:
        lines.append(f"output {output.name}: it has no values on either side, so that nothing was compared")
    return lines


def _bisected(found: Bisected) -> list[str]:
    lines = [f"bisect: {found.cuts} cuts"]
    if found.culprit:
        lines += _culprit(found.culprit, "first without numbers" if found.not_numbers else "first beyond the tolerance")
    else:
        lines.append(f"  nothing found: {found.why_none}")
    lines += [f"  left out: {each}" for each in found.refused]
    return lines + [f"  {each}" for each in found.repartitioned]


def _culprit(culprit: Culprit, what: str) -> list[str]:
    named = ", ".join(f"{scale:.6g}" for scale in culprit.scales[:_SHOWN_SCALES])
    more = f" and {len(culprit.scales) - _SHOWN_SCALES} more" if len(culprit.scales) > _SHOWN_SCALES else ""
    zero = f", zero point {culprit.zero_points[0]}" if culprit.zero_points else ""
    quantised = f", scale {named}{more}{zero}" if culprit.scales else ", not quantised"
    return [
        f"  {what}: {culprit.tensor}: {culprit.dtype} {list(culprit.shape)}{quantised}",
        f"  made by op {culprit.operator_index}, {culprit.operator}, of {', '.join(culprit.inputs) or 'constants'}",
        *(f"  {why}" for why in culprit.why),
    ]


def metrics_proto(found: DiffResult) -> bytes:
    """What the tool writes with `--output_file_path`: an EvaluationStageMetrics, serialised.

    The numbers of its fields are those of LRT tflite/tools/evaluation/proto/evaluation_stages.proto.
    """
    profiled = _field(1, _BYTES, _latency_proto(found.reference)) + _field(2, _BYTES, _latency_proto(found.test))
    for output in found.outputs:
        nan = float("nan")
        worst, least, mean, spread = (
            nan if value is None else value
            for value in (output.max_error, output.min_error, output.avg_error, output.std_dev)
        )
        values = (
            _field(1, _FLOAT, struct.pack("<f", worst))
            + _field(2, _FLOAT, struct.pack("<f", least))
            + _field(3, _DOUBLE, struct.pack("<d", mean))
            + _field(4, _FLOAT, struct.pack("<f", spread))
        )
        profiled += _field(3, _BYTES, values)
    return _field(1, _VARINT, _varint(found.num_runs)) + _field(2, _BYTES, _field(5, _BYTES, profiled))


def _latency_proto(side: SideFacts) -> bytes:
    whole = (side.latency_last_us, side.latency_max_us, side.latency_min_us, side.latency_sum_us)
    numbers = b"".join(_field(at, _VARINT, _varint(round(value))) for at, value in enumerate(whole, start=1))
    mean = _field(5, _DOUBLE, struct.pack("<d", side.latency_us))
    return numbers + mean + _field(6, _VARINT, _varint(round(side.latency_std_us)))


def _field(number: int, kind: int, payload: bytes) -> bytes:
    length = _varint(len(payload)) if kind == _BYTES else b""
    return _varint(number << 3 | kind) + length + payload


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
