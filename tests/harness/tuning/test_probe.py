"""A candidate, opened and calibrated as a run's worker is, and asked here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark, read_config
from harness.machine.control import Control
from harness.messages.probe import Agreement, CompareWithCpu, MeasureRound, Round
from harness.spec.resolve import resolve
from harness.spec.schema import Spec
from harness.tuning.child import Child
from harness.tuning.probe import CandidateProbe


@pytest.fixture
def spec(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Callable[..., Spec]:
    def make(*fields: tuple[str, Any]) -> Spec:
        given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data)), ("backend.threads", 1), *fields]
        return resolve(read_config(find_benchmark("kws")), given, tmp_path)

    return make


def test_a_candidate_says_what_it_decided_measures_and_agrees_with_the_cpu(
    spec: Callable[..., Spec], control: Control
) -> None:
    probe = CandidateProbe(spec(("backend.options", {"engine": "Interpreter"})), control)
    calibrated = probe.calibrated()
    assert (calibrated.threads, calibrated.instances, calibrated.workers, calibrated.batch) == (1, 1, "inline", 1)
    assert (calibrated.engine, calibrated.engine_chosen) == ("Interpreter", None)
    measured = probe.answer(MeasureRound())
    assert isinstance(measured, Round)
    assert measured.latency_ns == pytest.approx(1e9 / measured.samples_per_second)
    for asked, compared in ((1_000_000, 40), (0, 1)):
        assert probe.answer(CompareWithCpu(asked)) == Agreement(compared, True, ())


def test_the_parent_hears_the_same_of_a_candidate_in_a_process_of_its_own(
    spec: Callable[..., Spec], warm: None
) -> None:
    child = Child(spec(("backend.options", {"engine": "Interpreter"})), ())
    try:
        assert child.open(600).workers == "inline"
        assert child.compare_with_cpu(5, 600) == Agreement(5, True, ())
        assert child.round(600).samples_per_second > 0
    finally:
        child.close()
        child.close()
