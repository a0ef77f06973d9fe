"""One run on the parent's side: its directory, and what is written whatever comes of the worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.files import find_benchmark, read_config
from harness.errors import ConfigError, RunFailed
from harness.results.files import read_result
from harness.results.record import Result
from harness.run import execute as module
from harness.run.execute import execute
from harness.run.hearing import WorkerReport
from harness.spec.resolve import resolve
from harness.spec.schema import Spec


class Unseen:
    """Progress that nobody looks at."""

    def progress(self, *_: object) -> None: ...

    def end_progress(self) -> None: ...


@pytest.fixture
def spec(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Spec:
    """A keyword run."""
    given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data))]
    return resolve(read_config(find_benchmark("kws")), given, tmp_path / "cache")


def test_a_directory_that_holds_something_is_refused_and_left_alone(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not empty: every run gets a directory of its own"):
        execute(spec, tmp_path / "run", Unseen())
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_a_worker_that_fails_leaves_a_result_that_says_so(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def run_worker(folder: Path, *_: object, **__: object) -> WorkerReport:
        found = read_result(folder)
        seen.append(found.status)
        return WorkerReport(RunFailed("the cable came off"), None, None, None, None)

    monkeypatch.setattr(module, "run_worker", run_worker)
    with pytest.raises(RunFailed, match="the cable came off"):
        execute(spec, tmp_path / "run", Unseen())
    result = read_result(tmp_path / "run")
    assert isinstance(result, Result)
    assert (seen, result.status, result.reasons[0].what) == (["started"], "failed", "the cable came off")
    # The blocks that were kept free for it are given back.
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == ["result.json", "spec.yaml"]


def test_what_breaks_the_parent_itself_is_in_the_result_too(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_worker(*_: object, **__: object) -> WorkerReport:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_worker", run_worker)
    with pytest.raises(KeyboardInterrupt):
        execute(spec, tmp_path / "run", Unseen())
    assert read_result(tmp_path / "run").status == "failed"
