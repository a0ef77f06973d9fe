"""Metrics that installed packages bring."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest

from accuracy.errors import MetricUnusable
from accuracy.metric.own_metrics import GROUP, own_metric, own_metric_names


class WorstAngle:
    """As a package would have it."""

    unit = "count"
    lower_is_better = True

    def update(self, found: Any, expected: Any) -> None: ...

    def compute(self) -> float:
        return 0.0


class OddUnit(WorstAngle):
    unit = "furlong"


class OddWay(WorstAngle):
    lower_is_better = "no"  # type: ignore[assignment]


def installed(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    entry = metadata.EntryPoint("worst_angle", target, GROUP)

    def entry_points(**wanted: str) -> list[metadata.EntryPoint]:
        return [entry] if wanted["group"] == GROUP and wanted.get("name", entry.name) == entry.name else []

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda self: _load(self.value))


def _load(target: str) -> Any:
    if target == "broken:Metric":
        raise ImportError("no module named sundial")
    return globals()[target]


def test_a_metric_is_found_by_its_name_with_what_it_counts_in(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "WorstAngle")
    assert own_metric_names() == ["worst_angle"]
    found = own_metric("worst_angle")
    assert (found.name, found.make, found.unit, found.lower_is_better) == ("worst_angle", WorstAngle, "count", True)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("broken:Metric", "'worst_angle' cannot be loaded from broken:Metric: ImportError: no module named sundial"),
        ("installed", "a class with update"),
        ("OddUnit", "counts in 'furlong'"),
        ("OddWay", "lower_is_better of the metric 'worst_angle' is 'no' in OddWay: True or False is wanted"),
    ],
)
def test_one_that_cannot_be_used_is_named_with_its_error(
    target: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, target)
    with pytest.raises(MetricUnusable, match=why):
        own_metric("worst_angle")


def test_one_that_nobody_brings_is_refused_with_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "WorstAngle")
    with pytest.raises(MetricUnusable, match=r"no installed package brings a metric 'angle'.*here are: worst_angle"):
        own_metric("angle")
