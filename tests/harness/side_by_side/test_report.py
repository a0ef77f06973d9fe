"""What one model has over another, in words."""

from __future__ import annotations

import pytest

from harness.side_by_side.record import EXACT, ComparedRow, Kind, ModelFigure, Versus
from harness.side_by_side.report import versus_text
from harness.units import Unit


def row(kind: Kind, unit: Unit) -> ComparedRow:
    return ComparedRow("top1" if kind == "metric" else "latency", kind, unit, (ModelFigure(1.0),), ())


@pytest.mark.parametrize(
    ("kind", "unit", "versus", "words"),
    [
        ("metric", "share", Versus(difference=-0.11, low=-0.13, high=-0.09), "-11.00 points (-13.00..-9.00)"),
        ("metric", "share", Versus(difference=0.0), "+0.00 points"),
        ("metric", "dB", Versus(difference=1.5), "+1.50 dB"),
        ("time", "ns", Versus(ratio=15.0, low=14.6, high=15.3, standing="quicker"), "15x faster (14.6x..15.3x)"),
        ("time", "ns", Versus(ratio=0.5, low=0.4, high=0.625, standing="slower"), "2x slower (1.600x..2.5x)"),
        (
            "time",
            "ns",
            Versus(ratio=1.01, low=0.9, high=1.1, standing="not told apart"),
            "not told apart (0.900x..1.100x)",
        ),
        (
            "time",
            "ns",
            Versus(ratio=1.001, low=0.998, high=1.004, standing="same"),
            "the same within 1 % (0.998x..1.004x)",
        ),
        ("time", "ns", Versus(ratio=1.914), "1.9x faster, not judged"),
        ("memory", "bytes", Versus(ratio=0.5), "2x more, not judged"),
        ("time", "ns", Versus(ratio=329.4), "330x faster, not judged"),
        ("memory", "bytes", Versus(ratio=0.98), "about the same, not judged"),
        ("size", "bytes", Versus(ratio=9.3), "9.3x smaller"),
        ("size", "bytes", Versus(ratio=0.25), "4x larger"),
        ("size", "bytes", Versus(ratio=1.0001, method=EXACT), "about the same"),
        ("work", "count", Versus(ratio=1.0, method=EXACT), "the same"),
        ("time", "ns", Versus(ratio=1.9, low=1.5, high=2.5), "1.900x faster (1.500x..2.5x)"),
        ("memory", "bytes", Versus(ratio=0.5, low=0.4, high=0.8), "2x more (1.250x..2.5x)"),
        ("memory", "bytes", Versus(ratio=1.1, low=0.9, high=1.3), "not told apart (0.900x..1.300x)"),
        ("work", "count", Versus(), "-"),
    ],
)
def test_it_is_said_the_way_round_that_makes_a_number_of_at_least_1(
    kind: Kind, unit: Unit, versus: Versus, words: str
) -> None:
    assert versus_text(row(kind, unit), versus) == words
