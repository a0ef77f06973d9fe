"""The system's clock is set before, while or after LoadGen measures: no figure that a step has gone into may be believed."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.machine import child_process, stop_signals
from harness.machine.watched.clocks import Clocks, read_clocks, step_of
from harness.run import hearing
from tests.shared_library import shared_library

Read = Callable[[Path], dict[str, Any]]
Run = Callable[..., tuple[int, str]]
Result = Callable[[], dict[str, Any]]

FAKETIME = "TFLITE_LOADGEN_FAKETIME"
"""An environment variable: Debian's libfaketimeMT.so.1, unpacked. Where it is named, it must work."""
SIGN = "clock.txt"
"""What the clock reads, in a process's current directory: one in a run's directory is seen by its worker and peers alone."""
TRUE_ELSEWHERE = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}
MEASURED = (0, 1)
"""Exit statuses of runs that were: how quick the machine is says whether they are valid."""
STEPPING = f"""
import os
import signal
from pathlib import Path
from backends.litert.interpreter import InterpreterBackend
from harness.serving import loadgen

class Backend(InterpreterBackend):
    calls = {{True: 0, False: 0}}

    def __init__(self, model, *, threads, steps=(), preload="", input_shapes=None):
        super().__init__(model, name="stepping", threads=threads, input_shapes=input_shapes)
        self.steps = {{tuple(moment): step for *moment, step in steps}}
        if preload and b"harness.serving.dispatch.peer" not in Path("/proc/self/cmdline").read_bytes():
            os.environ["LD_PRELOAD"] = preload

    def invoke(self, inputs):
        driven = loadgen._started
        self.calls[driven] += 1
        if step := self.steps.get((driven, self.calls[driven])):
            # Whole or not at all: faketime ends a process that finds a half of it.
            sign = Path(os.environ.get("FAKETIME_TIMESTAMP_FILE", "{SIGN}"))
            mine = sign.with_suffix(f".{{os.getpid()}}")
            mine.write_text(step + "\\n")
            mine.rename(sign)
        while step == "stay":
            signal.pause()
        return super().invoke(inputs)
"""
"""Sets the clock at its so manieth answer, driven or not: `steps=[[true, 10, "+20"]]`. `preload` is what peers alone get."""


@pytest.fixture(scope="module")
def faketime() -> Iterator[Path]:
    """Debian's library, which fakes what the file says that FAKETIME_TIMESTAMP_FILE names."""
    if not os.environ.get(FAKETIME):
        pytest.skip(f"no libfaketime is here: .ci/run unpacks Debian's and names it with {FAKETIME}")
    yield Path(os.environ[FAKETIME]).resolve(strict=True)
    # It takes away nothing where a process ends at once, and refuses to work in a process that has such a one's number.
    for left in Path("/dev/shm").glob("*faketime_s*_*"):
        if not Path(f"/proc/{left.name.rpartition('_')[2]}").exists():
            with suppress(FileNotFoundError):
                left.unlink()


@pytest.fixture(scope="module")
def own_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What that one cannot do: see its head."""
    library = shared_library(Path(__file__).with_name("clock_step.c"), tmp_path_factory.mktemp("clock"))
    if library is None:
        pytest.skip("no C compiler is here to build a clock that steps with")
    return library


@pytest.fixture
def run(
    keywords: list[str],
    environment: dict[str, str],
    plug_in: Callable[[str, str], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """The exit status of a run and what it said: run(library of the worker alone, steps, *words, NAME=value)."""
    for name, value in (environment | plug_in("stepping", STEPPING)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(tmp_path / "site")
    handlers = {number: signal.getsignal(number) for number in stop_signals.ALL}
    start = child_process.start

    def perform(library: Path | None, steps: str, *words: str, preload: str = "", **variables: str) -> tuple[int, str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

        def start_worker(*given: Any, **named: Any) -> child_process.Child:
            with monkeypatch.context() as patch:
                if library is not None:
                    patch.setenv("LD_PRELOAD", str(library))
                return start(*given, **named)

        monkeypatch.setattr(child_process, "start", start_worker)
        options = f"backend.options={{steps: {steps}, preload: '{preload}'}}"
        # Few queries are made beforehand: one that waits for a clock that was set back would wait for long.
        short = [word.replace("expected_latency_ns=1000", "expected_latency_ns=100000") for word in keywords]
        given = [*short, "--backend", "stepping", "--set", options, *words, "--out", str(tmp_path / "run")]
        return main(given), capsys.readouterr().err

    yield perform
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def result(tmp_path: Path, read_result: Read) -> Result:
    return lambda: read_result(tmp_path / "run")


def lasted_s(result: dict[str, Any]) -> float:
    """By LoadGen's figures, which are not more than a steady clock says."""
    duration_s: float = result["performance"]["duration_s"]
    assert 0 < duration_s <= result["machine"]["during"]["duration_s"]
    return duration_s


@pytest.mark.parametrize(("scenario", "step"), [("Server", "+20"), ("MultiStream", "-20")])
def test_a_run_in_whose_worker_the_clock_was_set_is_failed_and_says_by_how_much(
    scenario: str, step: str, faketime: Path, run: Run, result: Result
) -> None:
    words = ["--scenario", scenario, "--set", "load.target_qps=200"]
    status, said = run(faketime, f"[[true, 10, '{step}']]", *words, FAKETIME_TIMESTAMP_FILE=SIGN, **TRUE_ELSEWHERE)
    assert status == 3, said
    assert f"the system's clock was set while LoadGen measured, by {step}.0" in said
    assert (result()["status"], result()["performance"]) == ("failed", None)


def test_a_clock_that_is_set_and_set_back_while_loadgen_measures_leaves_no_figure(
    faketime: Path, run: Run, result: Result
) -> None:
    steps = "[[true, 10, '+20'], [true, 30, '+0']]"
    status, said = run(faketime, steps, FAKETIME_TIMESTAMP_FILE=SIGN, **TRUE_ELSEWHERE)
    assert status == 3, said
    assert "Was the system's clock set while it measured?" in said
    assert (result()["status"], result()["performance"]) == ("failed", None)


@pytest.mark.parametrize("step", ["+20", "-20"])
def test_a_clock_that_is_set_before_loadgen_measures_goes_into_no_figure(
    step: str, faketime: Path, run: Run, result: Result
) -> None:
    status, said = run(faketime, f"[[false, 2, '{step}']]", FAKETIME_TIMESTAMP_FILE=SIGN, **TRUE_ELSEWHERE)
    assert status in MEASURED, said
    assert result()["performance"]["latency_ns"]["max"] / 1e9 < lasted_s(result())


def test_a_clock_that_is_set_when_loadgen_has_measured_goes_into_no_figure(
    faketime: Path, run: Run, result: Result, tmp_path: Path
) -> None:
    # What is asked after the 64 samples of the run holds the backend against the CPU once more.
    words = ["--scenario", "Offline", "--set", "load.target_qps=1", "--batch", "1"]
    status, said = run(faketime, "[[true, 65, '+20']]", *words, FAKETIME_TIMESTAMP_FILE=SIGN, **TRUE_ELSEWHERE)
    assert (tmp_path / "run" / SIGN).exists()
    assert status in MEASURED, said
    assert lasted_s(result()) < 20


def test_a_clock_that_is_set_for_a_process_of_the_pool_alone_goes_into_no_figure(
    faketime: Path, run: Run, result: Result, tmp_path: Path
) -> None:
    words = ["--scenario", "Offline", "--set", "backend.workers=processes", "--set", "load.target_qps=1"]
    sign = {"FAKETIME_TIMESTAMP_FILE": str(tmp_path / SIGN)}
    status, said = run(None, "[[false, 3, '+20']]", *words, preload=str(faketime), **sign, **TRUE_ELSEWHERE)
    assert (tmp_path / SIGN).exists()
    assert status in MEASURED, said
    assert lasted_s(result()) < 20


def test_a_clock_that_is_set_before_loadgen_measures_and_back_again_for_the_parent_alone_fails_the_run(
    run: Run, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead, true = Clocks(20_000_000_000, 0), Clocks(0, 0)
    readings = itertools.chain([ahead], itertools.repeat(true))
    monkeypatch.setattr(hearing, "read_clocks", lambda: next(readings))
    # It looks twice a second: this one lasts until it has seen enough.
    status, said = run(None, "[[true, 10, stay]]")
    assert status == 3, said
    assert "the system's clock was set while LoadGen measured, by -20.000 s" in said
    assert result()["status"] == "failed"


def test_a_clock_that_is_slewed_is_no_step(own_clock: Path, run: Run, result: Result) -> None:
    # By a twelfth, as chrony does at its fastest.
    status, said = run(own_clock, "[]", CLOCK_SLEW="0.083")
    assert status in MEASURED, said
    assert lasted_s(result()) < 20


@pytest.mark.parametrize("asleep", [False, True])
def test_a_machine_that_slept_is_told_from_a_clock_that_was_set(
    asleep: bool, own_clock: Path, run: Run, result: Result
) -> None:
    variables = {"CLOCK_STEP_S": "1", "CLOCK_STEP_SIGN": SIGN} | ({"CLOCK_STEP_ASLEEP": "1"} if asleep else {})
    status, said = run(own_clock, "[[true, 10, '+1']]", **variables)
    assert status == 3, said
    what = "the machine slept for 1.00" if asleep else "the system's clock was set while LoadGen measured, by +1.00"
    assert what in said
    assert (result()["status"], result()["performance"]) == ("failed", None)


def test_a_clock_that_goes_on_has_no_step() -> None:
    first = read_clocks()
    assert step_of(first, Clocks(first.wall_ns + 1_000, first.asleep_ns + 1_000)) == ""
    assert "by -0.004 s" in step_of(first, Clocks(first.wall_ns - 4_000_000, first.asleep_ns))
    assert "slept for 0.004 s" in step_of(first, Clocks(first.wall_ns, first.asleep_ns + 4_000_000))
