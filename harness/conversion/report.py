"""What a conversion made, as a person reads it."""

from __future__ import annotations

from harness.conversion.record import Conversion, MadeVariant
from harness.report.table import Column, table_lines
from harness.units import bytes_text, seconds

_COLUMNS = [
    Column("type"),
    Column("size", "right"),
    Column("made smaller", "right"),
    Column("took", "right"),
    Column("file", wrap=True),
]


def render_conversion(made: Conversion) -> str:
    """For a terminal."""
    lines = [f"{made.source}: {made.source_form}", "", *table_lines([_row(one) for one in made.files], _COLUMNS)]
    if (seen := made.calibration) is not None:
        lines += ["", f"ranges seen on {seen.chosen} of {seen.dataset}, prepared as {seen.task} has it"]
    lines += [f"note: {note}" for note in made.notes]
    return "\n".join(lines)


def _row(one: MadeVariant) -> list[str]:
    channels = f", {one.quantised_per_channel} by channel" if one.quantised_per_channel else ""
    return [
        one.variant,
        bytes_text(one.size_bytes),
        f"{one.quantised_weights} weights{channels}",
        seconds(one.took_s),
        str(one.file),
    ]
