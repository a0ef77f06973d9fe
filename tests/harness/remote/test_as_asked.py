"""A run's directory from a device that ran something else than it was asked for, or says so."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.errors import ConfigError, RunFailed
from harness.remote.as_asked import refuse_other
from harness.remote.brought_back import brought_back
from harness.remote.device import End
from harness.remote.record import Ended, Job
from harness.results.subject import HarnessFacts
from harness.series.plan import PeakSearch, PlannedRun, Series
from harness.series.plan_file import plan_to_json
from harness.spec.schema import read_spec

BOARD = "ssh://board"


@pytest.fixture(scope="module")
def made(
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    keyword_model: Path,
    keyword_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A short run of the first 20 samples."""
    folder = tmp_path_factory.mktemp("made")
    short = ("--preset", "rapid", "--set", "load.min_duration_ms=1", "--set", "load.min_query_count=64")
    given = ("--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--count", "20", "--label", "a=b")
    done = run_command("run", *given, *short, "--out", folder / "run", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return folder / "run"


@pytest.fixture
def came(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "came")
    return tmp_path / "came"


def asked(made: Path, *names: str, peak: PeakSearch | None = None) -> Series:
    spec = read_spec(made)
    return Series("performance", tuple(PlannedRun(name, spec, "cpu", "auto") for name in names), peak=peak)


def change(file: Path, field: str, value: Any) -> None:
    is_json = file.suffix == ".json"
    whole = json.loads(file.read_text()) if is_json else yaml.safe_load(file.read_text())
    *above, last = field.split(".")
    part = whole
    for name in above:
        part = part[name]
    assert part[last] != value
    part[last] = value
    file.write_text(json.dumps(whole) if is_json else yaml.safe_dump(whole))


def test_what_was_asked_for_is_taken(made: Path, came: Path) -> None:
    refuse_other(came, asked(made, "1"), BOARD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", "ad"),
        ("scenario", "MultiStream"),
        ("preset", "rules"),
        ("model.name", "another"),
        ("model.sha256", "0" * 64),
        ("model.source", "official"),
        ("model.path", "/etc/passwd"),
        ("dataset.name", "another"),
        ("dataset.source", "official"),
        ("dataset.count", 1000),
        ("dataset.count", -1),
        ("backend.name", "gpu"),
        ("labels", {}),
        ("labels", {"a": "c"}),
        ("rules", "mobile-v6.0"),
        ("performance.latency_ns.p90", -1.0),
        ("performance.query_count", -64),
        ("performance.samples_per_second", -1.0),
        ("memory.peak_rss_bytes", -1),
    ],
)
def test_a_result_of_another_run_is_refused_by_the_name_of_what_differs(
    field: str, value: Any, made: Path, came: Path
) -> None:
    change(came / "result.json", field, value)
    name = field.partition(".")[0] if field == "labels" else field
    with pytest.raises(RunFailed, match=rf"^{BOARD} brought another run than was asked for: {name} is "):
        refuse_other(came, asked(made, "1"), BOARD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("benchmark", "ad"),
        ("model.sha256", "0" * 64),
        ("model.path", "/etc/passwd"),
        ("dataset.path", "/etc"),
        ("dataset.count", None),
        ("load.scenario", "Server"),
        ("load.mode", "accuracy"),
        ("load.min_query_count", 1),
        ("load.min_duration_ms", 0),
        ("load.performance_sample_count", 1),
        ("backend.name", "null"),
        ("labels", {}),
        ("options", {}),
        ("allow_short", True),
    ],
)
def test_a_spec_of_another_run_is_refused_by_the_name_of_what_differs(
    field: str, value: Any, made: Path, came: Path
) -> None:
    change(came / "spec.yaml", field, value)
    with pytest.raises(RunFailed, match=rf"another run than was asked for: {field.split('.')[0]}"):
        refuse_other(came, asked(made, "1"), BOARD)


@pytest.mark.parametrize(
    ("field", "value"), [("load.expected_latency_ns", 5), ("backend.threads", 2), ("load.target_qps", 5.0)]
)
def test_what_a_run_there_finds_by_itself_may_differ(field: str, value: Any, made: Path, came: Path) -> None:
    change(came / "spec.yaml", field, value)
    refuse_other(came, asked(made, "1"), BOARD)


def test_a_series_has_the_runs_that_were_asked_for_and_those_in_their_place(made: Path, tmp_path: Path) -> None:
    for name in ("1-performance-cpu", "2-performance-cpu", "2-performance-cpu-again"):
        shutil.copytree(made, tmp_path / "series" / name)
    plan = asked(made, "1-performance-cpu", "2-performance-cpu")
    refuse_other(tmp_path / "series", plan, BOARD)
    change(tmp_path / "series" / "2-performance-cpu-again" / "result.json", "model.sha256", "0" * 64)
    with pytest.raises(RunFailed, match=r"another run '2-performance-cpu-again' than was asked for: model\.sha256 is"):
        refuse_other(tmp_path / "series", plan, BOARD)
    shutil.rmtree(tmp_path / "series" / "2-performance-cpu-again")
    shutil.copytree(made, tmp_path / "series" / "3-more")
    with pytest.raises(RunFailed, match="brought a run '3-more', which was not asked for"):
        refuse_other(tmp_path / "series", plan, BOARD)


def test_a_search_chooses_its_loads_and_nothing_else(made: Path, tmp_path: Path) -> None:
    run = tmp_path / "search" / "1-find-peak-estimate"
    shutil.copytree(made, run)
    plan = asked(made, "performance", peak=PeakSearch(None, 60.0, 0.05))
    change(run / "spec.yaml", "load.min_duration_ms", 7)
    refuse_other(tmp_path / "search", plan, BOARD)
    change(run / "spec.yaml", "model.sha256", "0" * 64)
    with pytest.raises(RunFailed, match="than was asked for: model is"):
        refuse_other(tmp_path / "search", plan, BOARD)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_a_figure_that_is_no_number_is_refused(text: str, made: Path, came: Path) -> None:
    file = came / "result.json"
    whole = json.loads(file.read_text())
    p90 = whole["performance"]["latency_ns"]["p90"]
    file.write_text(json.dumps(whole).replace(json.dumps(p90), text))
    with pytest.raises(ConfigError, match=r"result\.json"):
        refuse_other(came, asked(made, "1"), BOARD)


def test_nothing_of_another_run_is_kept(made: Path, came: Path) -> None:
    job = Job(("run.sh",), plan_to_json(asked(made, "1")), "/out", "here", HarnessFacts("0.1.0", None))
    end = End("ended", Ended(0, ""))
    assert brought_back(came, job, end, {}, BOARD).result is not None
    other = replace(job, plan=plan_to_json(_of_another_model(asked(made, "1"))))
    with pytest.raises(RunFailed, match="another run than was asked for: model is"):
        brought_back(came, other, end, {}, BOARD)


def _of_another_model(series: Series) -> Series:
    (run,) = series.runs
    model = run.spec.model.model_copy(update={"sha256": "0" * 64})
    return replace(series, runs=(replace(run, spec=run.spec.model_copy(update={"model": model})),))


@pytest.mark.parametrize(
    ("name", "size"), [("spec.yaml", 1 << 25), ("result.json", 1 << 27), ("journal.jsonl", 1 << 25)]
)
def test_a_file_that_no_run_leaves_so_large_is_not_read(name: str, size: int, made: Path, came: Path) -> None:
    with (came / name).open("ab") as file:
        file.truncate(size)
    job = Job(("run.sh",), plan_to_json(asked(made, "1")), "/out", "here", HarnessFacts("0.1.0", None))
    with pytest.raises(RunFailed, match=f"{name} that came from {BOARD} has .*: no run's has"):
        brought_back(came, job, End("ended", Ended(0, "")), {}, BOARD)
