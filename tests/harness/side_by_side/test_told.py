"""Models side by side, as other programs are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from harness.side_by_side.record import ComparedBackend, ComparedRow, ModelComparison, ModelFigure, Versus
from harness.side_by_side.told import told_of_models


def test_errors_are_better_when_smaller_and_a_ratio_says_who_has_more() -> None:
    figures = (ModelFigure(9.0), ModelFigure(3.0))
    rows = (
        ComparedRow("size", "size", "bytes", figures, (Versus(ratio=3.0),)),
        ComparedRow("mean_error", "metric", "count", figures, (Versus(difference=-6.0, low=-7.0, high=-5.0),)),
        ComparedRow("snr_db", "metric", "dB", figures, (Versus(difference=-6.0),), lower_is_better=False),
    )
    bench: Any = SimpleNamespace(rows=())
    behind = ComparedBackend("cpu", rows, bench, {})
    found = ModelComparison(1, "t", "tensors", "d", 1, ("a", "b"), (behind,), "out", "fed", 0)
    told = told_of_models(found).rows
    assert [row.smaller_is_better for row in told[1::2]] == [True, True, False]
    assert [row.note for row in told[1::2]] == [
        "the first has 3 times as much",
        "-6 more than the first (-7..-5)",
        "-6 more than the first",
    ]
