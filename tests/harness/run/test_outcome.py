"""What a result says of a run that has not begun, of one that broke, and of what its worker told before that."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.base import BackendInfo, Coverage
from harness.config.files import find_benchmark, read_config
from harness.errors import RunFailed
from harness.messages.worker import Opened
from harness.results.beginning import failed, started
from harness.results.record import Result
from harness.run.hearing import WorkerReport
from harness.run.outcome import known
from harness.spec.resolve import resolve


@pytest.fixture
def begun(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Result:
    """Of a keyword run that has not begun."""
    given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data))]
    return started(resolve(read_config(find_benchmark("kws")), given, tmp_path))


def test_a_run_that_has_not_begun_names_what_is_to_run_and_nothing_measured(begun: Result, keyword_model: Path) -> None:
    assert (begun.status, begun.task, begun.scenario) == ("started", "kws", "SingleStream")
    assert (begun.model.path, begun.backend.name) == (str(keyword_model), "cpu")
    assert (begun.backend.opened, begun.performance, begun.accuracy, begun.loadgen) == (None, None, None, None)


def test_what_the_worker_told_of_the_open_model_stays_where_the_run_breaks(begun: Result) -> None:
    info = BackendInfo("cpu", "Interpreter", "XNNPACK", coverage=Coverage(7, 5, 2, {"CUSTOM": 2}))
    error = RunFailed("the cable came off")
    report = WorkerReport(error, Opened(info, "completed shapes", "serve", {"x": (1, 4)}), None, None, None)
    result = failed(known(begun, report), error)
    assert (result.status, result.reasons[0].what) == ("failed", "the cable came off")
    opened = result.backend.opened
    assert opened is not None
    assert (opened.engine, opened.nodes, opened.delegated_nodes, opened.cpu_ops) == ("Interpreter", 7, 5, {"CUSTOM": 2})
    assert (result.model.modified, result.model.signature, result.model.input_shapes) == (
        "completed shapes",
        "serve",
        {"x": (1, 4)},
    )


def test_of_a_worker_that_told_nothing_nothing_is_known(begun: Result) -> None:
    assert known(begun, WorkerReport(RunFailed("x"), None, None, None, None)) == begun
