"""What a run is told to use must be what it was when the run was planned, and stay so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest

from accuracy.truth.labels import TrueLabels, read_labels
from harness.config.files import find_benchmark, read_config
from harness.errors import Interrupted, RunFailed
from harness.machine.child_process import Child
from harness.results.files import read_result
from harness.run.execute import execute
from harness.run.held import HeldRun
from harness.run.launch import StartWorker, start_worker
from harness.run.score import rescore
from harness.spec.resolve import resolve
from harness.spec.schema import Spec
from tests.double import Double


class Unseen:
    """Progress that nobody looks at."""

    def progress(self, *_: object) -> None: ...

    def end_progress(self) -> None: ...


def with_another_label(data: bytes) -> bytes:
    return data.replace(b"12, 0", b"12, 7", 1)


@pytest.fixture
def while_it_works(warm: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[Double], StartWorker]:
    """A way to start a worker for which a double lies there until it has ended."""
    del warm

    def with_double(double: Double) -> StartWorker:
        def start(descriptors: Sequence[int], folder: Path, log: IO[bytes]) -> Child:
            double.put()
            child = start_worker(descriptors, folder, log)
            wait = child.wait

            def wait_and_take_away(timeout: float | None = None) -> int:
                status = wait(timeout=timeout)
                monkeypatch.setattr(child, "wait", wait)
                double.take_away()
                return status

            monkeypatch.setattr(child, "wait", wait_and_take_away)
            return child

        return start

    return with_double


@pytest.fixture
def spec(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Spec:
    """An accuracy run of a model and data of its own, each in a folder."""
    for name in ("models", "sets"):
        (tmp_path / name).mkdir()
    model = shutil.copyfile(keyword_model, tmp_path / "models" / "own.tflite")
    data = shutil.copytree(keyword_data, tmp_path / "sets" / "keywords")
    given = [("model.use", str(model)), ("dataset.use", str(data)), ("load.mode", "accuracy")]
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


def test_a_model_whose_folder_is_away_while_the_worker_opens_it_is_not_run(
    spec: Spec, while_it_works: Callable[[Double], StartWorker], tmp_path: Path
) -> None:
    start = while_it_works(Double(spec.model.path))
    with pytest.raises(
        RunFailed, match=r"own.tflite changed during the run: what is opened there is not what was hashed"
    ):
        execute(spec, tmp_path / "run", Unseen(), start)
    assert read_result(tmp_path / "run").status == "failed"


def test_a_truth_that_is_another_while_the_worker_reads_it_is_not_what_was_scored_by(
    spec: Spec, while_it_works: Callable[[Double], StartWorker], tmp_path: Path
) -> None:
    start = while_it_works(Double(spec.dataset.path / "y_labels.csv", with_another_label))
    with pytest.raises(RunFailed, match=r"y_labels.csv changed during the run: what was scored by \(its sha256 is "):
        execute(spec, tmp_path / "run", Unseen(), start)


def test_a_truth_that_is_another_while_it_is_read_is_not_what_lies_there_at_the_end(
    spec: Spec, warm: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the command itself, before the worker starts; and in `score`, long after it."""
    del warm
    execute(spec, tmp_path / "before", Unseen())
    double = Double(spec.dataset.path / "y_labels.csv", with_another_label)

    def read_while_away(path: Path, classes: int) -> TrueLabels:
        double.put()
        try:
            return read_labels(path, classes)
        finally:
            double.take_away()

    monkeypatch.setattr("tasks.keyword_spotting.read_labels", read_while_away)
    with pytest.raises(RunFailed, match=r"y_labels.csv changed during the run: another file lies there"):
        rescore(tmp_path / "before")
    with pytest.raises(RunFailed, match=r"y_labels.csv changed during the run: "):
        execute(spec, tmp_path / "run", Unseen())
