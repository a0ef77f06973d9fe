"""Whole runs on a board: sent, run there, brought back; cut off in the middle, picked up, stopped, lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from harness.json_records import to_json
from harness.remote.record import Job
from harness.results.files import read_result
from harness.results.record import Result, SeriesResult
from harness.results.subject import HarnessFacts
from harness.spec.schema import read_spec
from tests.conftest import KEYWORD_FILES
from tests.harness.remote.conftest import LAUNCHER, NAME, SSHD_UNPACKED, Board, has_what_is_needed

pytestmark = pytest.mark.ssh
Call = Callable[..., subprocess.CompletedProcess[str]]
LONG = ("--scenario", "Server", "--set", "load.target_qps=1", "--set", "load.min_duration_ms=3600000")
"""A query a second for an hour: it never ends by itself."""


@pytest.fixture
def long_run(
    start: Callable[..., Any], reached: Board, keywords: list[str], tmp_path: Path, eventually: Callable[..., None]
) -> Iterator[Callable[[Path], tuple[subprocess.Popen[str], str]]]:
    """Starts a run that lasts until it is stopped, and gives its process and its name, once LoadGen asks."""

    def run(out: Path) -> tuple[subprocess.Popen[str], str]:
        process = start(*keywords, *LONG, "--target", reached.target(), "--out", out, env={"PATH": os.environ["PATH"]})
        jobs = reached.folder / NAME / "jobs"
        detail = "run/mlperf_log_detail.txt"
        eventually(lambda: process.poll() is not None or any(jobs.glob(f"*/{detail}")), "LoadGen asks on the board")
        assert process.poll() is None, process.stderr.read()
        return process, next(jobs.glob(f"*/{detail}")).parents[1].name

    yield run
    for job in (reached.folder / NAME / "jobs").glob("*/process.json"):
        _kill(json.loads(job.read_text())["pid"])


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _job(board: Board, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((board.folder / NAME / "jobs" / name / "process.json").read_text())
    return found


def _keys(value: Any, where: str = "") -> set[str]:
    """The names of all fields, of those whose names are not data."""
    if isinstance(value, dict):
        return {f"{where}{name}" for name in value} | {
            key for name, each in value.items() for key in _keys(each, f"{where}{name}.")
        }
    return set()


def test_a_run_on_a_board_leaves_here_what_a_run_here_leaves_with_the_target_named(
    call: Call, reached: Board, keywords: list[str], tmp_path: Path
) -> None:
    part = (*keywords, "--mode", "accuracy", "--count", "30", "--json")
    here = call(*part, "--out", "here")
    there = call(*part, "--out", "there", "--target", reached.target())
    assert (there.returncode, there.stderr) == (0, "")
    mine, theirs = json.loads(here.stdout), json.loads(there.stdout)
    assert theirs["target"]["name"] == reached.target()
    assert _keys(theirs) - _keys(mine) == {"target", "target.name", "target.asked_from"}
    assert _keys(mine) <= _keys(theirs)
    assert theirs["accuracy"] == mine["accuracy"]
    # Paths are ours again, in the result and in the spec, from which it is scored once more.
    assert (theirs["model"], theirs["dataset"]["path"]) == (mine["model"], mine["dataset"]["path"])
    assert read_spec(tmp_path / "there") == read_spec(tmp_path / "here")
    assert {file.name for file in (tmp_path / "there").iterdir()} == {
        file.name for file in (tmp_path / "here").iterdir()
    }
    assert call("score", tmp_path / "there").returncode == 0
    assert "device" in call("show", tmp_path / "there").stdout
    # Of the samples behind the count only names went there.
    sizes = [file.stat().st_size for file in (reached.folder / NAME / "trees").rglob("*.bin")]
    assert sizes.count(0) >= KEYWORD_FILES - 30 - 1
    # Nothing of the run stays there.
    assert not any((reached.folder / NAME / "jobs").iterdir())


def test_a_sweep_on_a_board_is_one_result_and_its_files_go_there_once(
    call: Call, reached: Board, keywords: list[str], flexible_keyword_model: Path, tmp_path: Path
) -> None:
    words = ("--model", flexible_keyword_model, "--out", "sweep", "--target", reached.target())
    done = call(*keywords, *words, "--mode", "submission", "--cooldown", "0s")
    assert done.returncode == 1, done.stderr
    assert "run 4 of 4: 4-accuracy-cpu" in done.stderr
    top = read_result(tmp_path / "sweep")
    assert isinstance(top, SeriesResult)
    assert [run.directory for run in top.runs] == [
        "1-performance-cpu", "2-performance-cpu", "3-accuracy-cpu", "4-accuracy-cpu"
    ]  # fmt: skip
    assert top.target is not None
    assert all(run.result.target == top.target for run in top.runs)
    assert top.sweep is not None
    assert all(row.model_bytes for row in top.sweep), "models are found by our own paths"
    blobs = {file.name: file.stat().st_ino for file in (reached.folder / NAME / "blobs").iterdir()}
    call(*keywords, "--mode", "accuracy", "--out", "again", "--target", reached.target())
    assert {file.name: file.stat().st_ino for file in (reached.folder / NAME / "blobs").iterdir()} == blobs


def test_a_run_whose_connection_breaks_is_followed_on_a_new_one(
    long_run: Callable[..., Any], reached: Board, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    process, _ = long_run(tmp_path / "out")
    reached.cut()
    lines: list[str] = []
    while "trying again" not in (line := process.stderr.readline()):
        assert line, lines
        lines.append(line)
    # It still lives there, and hears of Ctrl-C over the new connection.
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 128 + signal.SIGINT, said
    result = read_result(tmp_path / "out")
    assert result.status == "failed"
    assert "SIGINT" in result.reasons[0].what


def test_a_run_goes_on_without_its_command_and_is_attached_again(
    long_run: Callable[..., Any], call: Call, reached: Board, tmp_path: Path
) -> None:
    process, name = long_run(tmp_path / "out")
    process.kill()
    process.wait()
    reached.cut()
    busy = call("--task", "kws", "--target", reached.target(), "--out", "other")
    assert busy.returncode == 2
    assert f"is busy with {name}" in busy.stderr
    assert not (tmp_path / "other").exists()
    clean = call("--clean", "--target", reached.target())
    assert (clean.returncode, name in clean.stderr) == (2, True)
    os.kill(_job(reached, name)["pid"], signal.SIGTERM)
    # Into the directory that it was meant for.
    attached = call("--attach", "--target", reached.target())
    assert attached.returncode == 128 + signal.SIGTERM, attached.stderr
    result = read_result(tmp_path / "out")
    assert isinstance(result, Result)
    assert (result.status, result.target is None) == ("failed", False)
    none = call("--attach", "--target", reached.target())
    assert (none.returncode, "has no run" in none.stderr) == (2, True)
    unknown = call("--attach", name, "--target", reached.target())
    assert (unknown.returncode, f"has no run {name}" in unknown.stderr) == (2, True)


@pytest.mark.parametrize("boots", [False, True])
def test_a_run_that_its_device_lost_says_so_and_leaves_what_there_is(
    boots: bool, long_run: Callable[..., Any], reached: Board, tmp_path: Path
) -> None:
    process, name = long_run(tmp_path / "out")
    job = _job(reached, name)
    if boots:
        place = reached.folder / NAME / "jobs" / name / "process.json"
        place.write_text(json.dumps(job | {"boot": "another"}))
    _kill(job["pid"])
    _, said = process.communicate()
    assert process.returncode == 3
    assert ("it has started anew" if boots else "was killed there") in said
    result = read_result(tmp_path / "out")
    assert result.status == "failed"
    assert (tmp_path / "out" / "run.log").exists()


def test_a_run_of_another_version_is_not_guessed_at(call: Call, reached: Board) -> None:
    place = reached.folder / "other version" / "jobs" / "20200101-000000-kws-0000"
    place.mkdir(parents=True)
    (place / "job.json").write_text(json.dumps({"argv": [], "novelty": 1}))
    done = call("--attach", "--target", reached.target("other version"))
    assert done.returncode == 2
    assert "was started by another version of the harness" in done.stderr


def test_a_device_does_not_choose_the_directory_that_is_written_here(
    call: Call, reached: Board, tmp_path: Path
) -> None:
    place = reached.folder / "liar" / "jobs" / "20200101-000000-kws-0000"
    place.mkdir(parents=True)
    job = Job(("run.sh",), {}, str(tmp_path / "autostart"), "here", HarnessFacts.here())
    (place / "job.json").write_text(json.dumps(to_json(job)))
    done = call("--attach", "--target", reached.target("liar"))
    assert (done.returncode, "no such directory waits for it here" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "autostart").exists()
    told = call("--attach", "--target", reached.target("liar"), "--out", "mine")
    assert (told.returncode, "was killed there" in told.stderr) == (3, True), told.stderr


def test_a_mistake_that_only_the_device_finds_ends_as_here(
    call: Call, reached: Board, keywords: list[str], tmp_path: Path
) -> None:
    done = call(*keywords, "--backend", "external:/no/such.so", "--target", reached.target())
    assert done.returncode == 2
    assert "/no/such.so" in done.stderr
    assert reached.target() not in done.stderr.splitlines()[-1]
    here = call(*keywords, "--backend", "external:./libmine.so", "--target", reached.target())
    assert (here.returncode, "lies on the device" in here.stderr) == (2, True)


def test_all_of_ours_is_taken_away(call: Call, reached: Board, keywords: list[str]) -> None:
    other = reached.target("other")
    done = call("--clean", "--target", other, "--json")
    assert json.loads(done.stdout) == {"freed_bytes": 0}
    (reached.folder / "other" / "blobs").mkdir(parents=True)
    (reached.folder / "other" / "blobs" / "x").write_bytes(bytes(1000))
    done = call("--clean", "--target", other, "--json")
    assert json.loads(done.stdout) == {"freed_bytes": 1000}
    assert not (reached.folder / "other").exists()


def test_a_device_that_fills_in_the_middle_of_what_is_sent_says_so(
    call: Call, reached: Board, keywords: list[str], tmp_path: Path
) -> None:
    target = reached.target("small")
    has_what_is_needed(target)
    # In blocks of 512 bytes: no file there grows beyond, as on a full disk.
    with reached.other_python(LAUNCHER.replace("exec", "ulimit -f 200\nexec", 1)):
        done = call(*keywords, "--target", target, "--out", "out")
    assert done.returncode == 2
    assert "is full: " in done.stderr
    assert "Make room there" in done.stderr
    assert not (tmp_path / "out").exists()
    assert not list((reached.folder / "small" / "blobs").iterdir())


def test_what_the_harness_needs_is_installed_from_wheels_that_are_chosen_here(
    call: Call, reached: Board, keywords: list[str], tmp_path: Path
) -> None:
    """For real: pip's index or cache here, its wheel and no network there."""
    target = reached.target("new")
    done = call(*keywords, "--mode", "accuracy", "--out", "out", "--target", target, "--json")
    if "could not be got" in done.stderr and SSHD_UNPACKED not in os.environ:
        pytest.skip("no network here, and no wheels in pip's cache")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["system"]["versions"]["ai-edge-litert"] == metadata.version("ai-edge-litert")
    (needed,) = (reached.folder / "new" / "deps").iterdir()
    assert all(
        "==" in line and "--hash=sha256:" in line for line in (needed / "requirements.txt").read_text().splitlines()
    )
    assert not (needed / "site").is_symlink()
    assert (needed / "site" / "ai_edge_litert").is_dir()
    # What was installed is kept once, not as wheels besides.
    assert not [file for file in (reached.folder / "new" / "blobs").iterdir() if zipfile.is_zipfile(file)]
    again = call(*keywords, "--mode", "accuracy", "--out", "again", "--target", target)
    assert (again.returncode, "wheels" in again.stderr) == (0, False)
    freed = json.loads(call("--clean", "--target", target, "--json").stdout)["freed_bytes"]
    assert freed > 100_000_000
    assert not (reached.folder / "new").exists()
