"""What a run is told to use must be what it was when the run was planned, and stay so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.config.files import find_benchmark, read_config
from harness.errors import Interrupted, RunFailed
from harness.run.held import HeldRun
from harness.spec.resolve import resolve
from harness.spec.schema import Spec


@pytest.fixture
def spec(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Spec:
    """A keyword run of a model of its own."""
    model = shutil.copyfile(keyword_model, tmp_path / "own.tflite")
    given = [("model.use", str(model)), ("dataset.use", str(keyword_data))]
    return resolve(read_config(find_benchmark("kws")), given, tmp_path / "cache")


def test_a_model_that_was_replaced_after_the_run_was_planned_is_refused(spec: Spec) -> None:
    spec.model.path.write_bytes(spec.model.path.read_bytes()[:-1] + b"x")
    with pytest.raises(
        RunFailed, match=r"changed during the run: its sha256 was .* when the run was planned, and now is "
    ):
        HeldRun(spec)


def test_a_model_that_changes_is_refused_at_the_end_and_explains_how_the_run_broke(spec: Spec) -> None:
    held, broke = HeldRun(spec), RunFailed("the worker was killed by SIGBUS")
    held.refuse_changes()
    assert held.explain(broke) is broke
    spec.model.path.write_bytes(b"short")
    with pytest.raises(RunFailed, match=r"own.tflite changed during the run: its size is another"):
        held.refuse_changes()
    assert str(held.explain(broke)).endswith("It ended so: the worker was killed by SIGBUS")
    stopped = Interrupted(2)
    assert held.explain(stopped) is stopped
