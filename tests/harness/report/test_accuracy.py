"""Metrics as a person reads them: errors in any unit, and a row an output."""

from __future__ import annotations

import pytest

from harness.report.accuracy import accuracy_rows, metric, rows_by_output
from harness.results.scores import Metric


def found(**values: float) -> dict[str, Metric]:
    return {name.replace("__", "."): Metric(value, None, None) for name, value in values.items()}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("max_error", 3.2e-7, "3.2e-07"),
        ("max_error.scores", 12345.678, "1.235e+04"),
        ("not_finite", 3.0, "3"),
        ("max_steps.y", 8.0, "8"),
        ("snr_db.y:0", 31.257, "31.26 dB"),
        ("argmax_agreement.y", 0.9375, "93.75 %"),
        ("cosine", 0.99987, "0.9999"),
        ("coco_ap50", 0.3263, "0.326"),
    ],
)
def test_an_error_shows_its_digits_whatever_its_size(name: str, value: float, text: str) -> None:
    assert metric(name, value) == text


def test_a_share_of_hits_is_in_percent_however_many_labels_an_answer_holds() -> None:
    assert [metric(name, 0.5) for name in ("top1", "top2", "top3", "top5")] == ["50.00 %"] * 4


def test_each_of_several_outputs_has_a_row_and_an_only_one_none() -> None:
    both = found(max_error=2.0, max_error__a=1.0, max_error__b=2.0, snr_db=30.0, snr_db__a=40.0)
    assert rows_by_output(both) == [("output", "a: max_error 1, snr_db 40.00 dB"), ("output", "b: max_error 2")]
    assert accuracy_rows(both, None)[:2] == [("max_error", "2"), ("snr_db", "30.00 dB")]
    alone = found(max_error=2.0, max_error__a=2.0)
    assert accuracy_rows(alone, None) == [("max_error", "2")]
