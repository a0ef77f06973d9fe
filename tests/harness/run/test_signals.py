"""SIGINT, SIGTERM and SIGKILL at the real command line, in the middle of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.errors import Interrupted
from harness.machine import stop_signals
from harness.results import files as results
from harness.run import execute as run
from harness.run import outcome
from harness.whole_file import write_json
from tests.living import lives

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
Popen = subprocess.Popen[str]
Start = Callable[..., Popen]
Wait = Callable[..., None]
Read = Callable[[Path], dict[str, Any]]

SLOW = """
import os, time
from pathlib import Path
from backends.litert.interpreter import InterpreterBackend
from harness.serving import loadgen

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, hang=False, input_shapes=None):
        super().__init__(model, name="slow", threads=threads, input_shapes=input_shapes)
        self.hang, self.said = hang, False

    def invoke(self, inputs):
        if not self.said:
            # Whole or not at all: the test reads it as soon as it is there.
            name = "running" if loadgen._started else "calibrating"
            making = Path(f".{name}-{id(self)}")
            making.write_text(str(os.getpid()))
            making.rename(name)
            self.said = loadgen._started
        time.sleep(3600 if self.hang and loadgen._started else 0.002)
        return super().invoke(inputs)
"""
"""Takes 2 ms an answer, so that a run of a minute is a few thousand queries, and says when it is driven, and where."""

SETTINGS = ("load.min_duration_ms=60000", "load.min_query_count=100000", "load.expected_latency_ns=1000000")
LONG = ["--backend", "slow", *(word for setting in SETTINGS for word in ("--set", setting))]


@pytest.fixture
def slow(plug_in: Callable[[str, str], dict[str, str]]) -> dict[str, str]:
    return plug_in("slow", SLOW)


def begin(start: Start, eventually: Wait, words: list[str], out: Path, env: Mapping[str, str]) -> tuple[Popen, int]:
    """A run that LoadGen drives by now, and its worker's process id."""
    process = start(*words, "--out", out, env=env)
    eventually(lambda: (out / "running").exists() or process.poll() is not None, "the run is under way")
    assert process.poll() is None, process.communicate()
    return process, int((out / "running").read_text())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_any_scenario_leaves_a_failed_result_and_the_directory_intact(
    number: signal.Signals,
    status: int,
    start: Start,
    eventually: Wait,
    keywords: list[str],
    slow: dict[str, str],
    tmp_path: Path,
    read_result: Read,
) -> None:
    runs = {}
    for scenario in SCENARIOS:
        # All four at once: the machine is busy, and so be it.
        words = [*keywords, *LONG, "--set", "load.target_qps=100", "--scenario", scenario]
        runs[scenario] = begin(start, eventually, words, tmp_path / scenario, slow)
    for process, _ in runs.values():
        process.send_signal(number)
    for scenario, (process, worker) in runs.items():
        stdout, stderr = process.communicate(timeout=600)
        assert process.returncode == status, stderr
        assert stdout == ""
        assert stderr.endswith(f"tflite-loadgen: stopped by {number.name}\n")
        assert "Traceback" not in stderr
        out = tmp_path / scenario
        result = read_result(out)
        assert result["status"] == "failed"
        assert result["reasons"] == [{"what": f"stopped by {number.name}", "figure": "", "fix": ""}]
        assert result["performance"] is None
        names = {path.name for path in out.iterdir()}
        assert {"spec.yaml", "run.log", "mlperf_log_detail.txt"} <= names
        assert not {name for name in names if name.startswith((".result", "core"))}
        assert not lives(worker)


def test_ctrl_c_on_the_terminal_reaches_the_whole_process_group_and_ends_the_same(
    start: Start, eventually: Wait, keywords: list[str], slow: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    process, worker = begin(start, eventually, [*keywords, *LONG], tmp_path / "run", slow)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 130
    assert stderr.endswith("tflite-loadgen: stopped by SIGINT\n")
    assert "Traceback" not in (tmp_path / "run" / "run.log").read_text(encoding="utf-8")
    assert read_result(tmp_path / "run")["status"] == "failed"
    assert not lives(worker)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGHUP, 129), (signal.SIGQUIT, 131), (signal.SIGXCPU, 152)])
def test_a_terminal_that_goes_or_quits_stops_a_run_as_ctrl_c_does(
    number: signal.Signals,
    status: int,
    start: Start,
    eventually: Wait,
    keywords: list[str],
    slow: dict[str, str],
    tmp_path: Path,
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    process, worker = begin(start, eventually, [*keywords, *LONG], out, slow)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == status, stderr
    assert stderr.endswith(f"tflite-loadgen: stopped by {number.name}\n")
    assert read_result(out)["status"] == "failed"
    assert not [path for path in out.iterdir() if path.name.startswith(".result")]
    assert not lives(worker)


def test_what_nohup_has_ignored_stays_ignored() -> None:
    # A shell's background job, as this may be, has some ignored from the start.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in stop_signals.ALL}
    try:
        assert {*stop_signals.heard()} == {*stop_signals.ALL}
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert {*stop_signals.heard()} == {*stop_signals.ALL} - {signal.SIGHUP}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_an_impatient_user_presses_ctrl_c_many_times(
    start: Start, eventually: Wait, keywords: list[str], slow: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    process, worker = begin(start, eventually, [*keywords, *LONG], tmp_path / "run", slow)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert read_result(tmp_path / "run")["status"] == "failed"
    assert not lives(worker)


def test_a_backend_that_hangs_can_still_be_stopped(
    start: Start, eventually: Wait, keywords: list[str], slow: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    words = [*keywords, *LONG, "--set", "backend.options={hang: true}"]
    process, worker = begin(start, eventually, words, tmp_path / "run", slow)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=600)
    assert process.returncode == 143
    assert read_result(tmp_path / "run")["status"] == "failed"
    assert not lives(worker)


def test_a_signal_while_calibrating_is_heard(
    start: Start, eventually: Wait, keywords: list[str], slow: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    process = start(*keywords, *LONG, "--out", tmp_path / "run", env=slow)
    eventually((tmp_path / "run" / "calibrating").exists, "the calibration is under way")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)
    assert process.returncode == 130
    assert read_result(tmp_path / "run")["status"] == "failed"
    assert not lives(int((tmp_path / "run" / "calibrating").read_text()))


def test_a_worker_does_not_outlive_a_parent_that_was_killed(
    start: Start, eventually: Wait, keywords: list[str], slow: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    process, worker = begin(start, eventually, [*keywords, *LONG], tmp_path / "run", slow)
    assert lives(worker)
    process.kill()
    process.communicate(timeout=600)
    eventually(lambda: not lives(worker), "the worker is gone")
    # Nobody was left to say more; it is not taken for a result.
    assert read_result(tmp_path / "run")["status"] == "started"


def test_a_worker_killed_from_outside_is_a_failed_run(
    start: Start, eventually: Wait, keywords: list[str], slow: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    process, worker = begin(start, eventually, [*keywords, *LONG], tmp_path / "run", slow)
    os.kill(worker, signal.SIGKILL)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 3
    assert "the worker was killed by SIGKILL while running" in stderr
    assert read_result(tmp_path / "run")["status"] == "failed"


def test_an_interrupted_series_is_failed_on_top_and_in_the_run_that_was_under_way(
    start: Start, eventually: Wait, keywords: list[str], slow: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    out = tmp_path / "both"
    process = start(*keywords, *LONG, "--mode", "submission", "--out", out, env=slow)
    eventually((out / "1-performance-slow" / "running").exists, "the first run is under way")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)
    assert process.returncode == 130
    assert read_result(out)["status"] == read_result(out / "1-performance-slow")["status"] == "failed"
    assert not (out / "2-accuracy-slow").exists()


def test_two_runs_started_at_once_get_two_directories(
    start: Start, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    processes = [start(*keywords, cwd=tmp_path) for _ in range(2)]
    for process in processes:
        _, stderr = process.communicate(timeout=600)
        assert process.returncode == 0, stderr
    folders = list((tmp_path / "results").iterdir())
    assert len(folders) == 2
    assert [read_result(folder)["status"] for folder in folders] == ["valid", "valid"]


@pytest.fixture
def own_handlers() -> Any:
    """The command line's signal handlers inside this process, taken back afterwards."""
    before = {number: signal.getsignal(number) for number in stop_signals.ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_while_the_score_is_computed_ends_as_failed(
    keywords: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_handlers: None,
    capsys: pytest.CaptureFixture[str],
    read_result: Read,
) -> None:
    monkeypatch.setattr(outcome, "score", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert cli.main([*keywords, "--mode", "accuracy", "--out", str(tmp_path / "run")]) == 143
    assert read_result(tmp_path / "run")["status"] == "failed"
    assert capsys.readouterr().err.endswith("tflite-loadgen: stopped by SIGTERM\n")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("moment", ["started", "failed", "valid"])
def test_a_signal_while_a_result_is_written_never_leaves_a_wrong_one(
    moment: str,
    after: bool,
    keywords: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_handlers: None,
    read_result: Read,
) -> None:
    real = write_json

    def interrupted(path: Path, value: Mapping[str, Any]) -> None:
        if value["status"] == moment and not after:
            os.kill(os.getpid(), signal.SIGINT)
        real(path, value)
        if value["status"] == moment and after:
            os.kill(os.getpid(), signal.SIGINT)

    def broken(*_: Any, **__: Any) -> Any:
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(results, "write_json", interrupted)
    if moment == "failed":
        monkeypatch.setattr(run, "run_worker", broken)
    assert cli.main([*keywords, "--out", str(tmp_path / "run")]) == 130
    folder = tmp_path / "run"
    assert read_result(folder)["status"] == "failed"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
