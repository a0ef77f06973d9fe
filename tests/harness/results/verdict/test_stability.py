"""Why a run's figures may not hold: each reason from a machine that gives it, and from one that nearly does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.json_records import from_json, to_json
from harness.machine.facts import describe
from harness.machine.state import MachineState
from harness.results.record import Reason
from harness.results.verdict.stability import between, drifted, prospects, reasons
from harness.run import hearing
from harness.statistics.drift import QueryPace

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
QUIET = replace(describe(), governor="performance", load_average=(0.1, 0.1, 0.1), usable_cpus=4, cpus=4)
BEFORE_PLAIN: dict[str, Any] = {
    "at_s": 100.0,
    "load_average": [0.1, 0.1, 0.1],
    "cpu_mhz": [2000.0, 3000.0],
    "temperatures": [{"name": "cpu", "celsius": 60.0, "limit_celsius": 100.0}],
    "throttle_count": 5,
    "cpu_s": {"busy": 50.0, "steal": 1.0, "total": 500.0},
    "own_cpu_s": 10.0,
    "memory_stall_s": 2.0,
    "swapped_pages": 7,
    "on_battery": False,
    "batteries": None,
    "energy": [{"name": "package-0", "microjoules": 1_000_000, "wraps_at": 10_000_000}],
}
# Ten seconds of two CPUs, one of which the run has used.
AFTER_PLAIN = {
    **BEFORE_PLAIN,
    "at_s": 110.0,
    "cpu_s": {"busy": 60.5, "steal": 1.0, "total": 520.0},
    "own_cpu_s": 20.0,
    "energy": [{"name": "package-0", "microjoules": 51_000, "wraps_at": 10_000_000}],
}


BEFORE = from_json(MachineState, BEFORE_PLAIN)
AFTER = from_json(MachineState, AFTER_PLAIN)


def later(**after: Any) -> MachineState:
    return from_json(MachineState, {**AFTER_PLAIN, **after})


def found(**after: Any) -> list[Reason]:
    return reasons(BEFORE, later(**after), between(BEFORE, later(**after)))


def test_a_quiet_machine_gives_no_reason_and_its_figures() -> None:
    assert found() == []
    assert to_json(between(BEFORE, AFTER)) == {
        "duration_s": 10.0,
        "others_cpu_share": 0.5 / 20,
        "steal_share": 0.0,
        "frequency_change": 0.0,
        "throttled": 0,
        "memory_stall_share": 0.0,
        "swapped_pages": 0,
        # The counter has wrapped.
        "energy_j": 9.051,
        "energy_j_per_sample": None,
        "latency_drift": None,
    }


@pytest.mark.parametrize(
    ("after", "what", "figure"),
    [
        ({"cpu_s": {"busy": 61.2, "steal": 1.0, "total": 520.0}}, "other work used the CPUs", "6.0% of their time"),
        ({"cpu_s": {"busy": 60.9, "steal": 1.0, "total": 520.0}}, "", ""),
        ({"own_cpu_s": None}, "", ""),
        ({"cpu_s": {"busy": 60.0, "steal": 1.3, "total": 520.0}}, "the hypervisor", "1.5% of their time was stolen"),
        ({"cpu_s": {"busy": 60.0, "steal": 1.1, "total": 520.0}}, "", ""),
        ({"cpu_mhz": [2600.0, 2600.0]}, "the CPU's frequency dropped", "3000 to 2600 MHz"),
        ({"cpu_mhz": [1000.0, 2800.0]}, "", ""),
        ({"cpu_mhz": None}, "", ""),
        ({"throttle_count": 17}, "the CPU was throttled for heat or power", "12 times"),
        (
            {"temperatures": [{"name": "cpu", "celsius": 96.0, "limit_celsius": 100.0}]},
            "the machine is hot",
            "cpu 96 °C, its limit 100 °C",
        ),
        (
            {"temperatures": [{"name": "cpu", "celsius": 91.0, "limit_celsius": None}]},
            "the machine is hot",
            "cpu 91 °C",
        ),
        ({"temperatures": [{"name": "cpu", "celsius": 91.0, "limit_celsius": 105.0}]}, "", ""),
        ({"swapped_pages": 1007}, "memory was short", "1,000 pages swapped"),
        ({"memory_stall_s": 2.5}, "memory was short", "something waited for it 5.0% of the time"),
        ({"memory_stall_s": 2.05}, "", ""),
        (
            {"on_battery": True, "batteries": [{"status": "Discharging", "percent": 63}]},
            "the machine runs on battery",
            "63 %",
        ),
    ],
)
def test_each_reason_has_its_figure_and_what_to_do(after: dict[str, Any], what: str, figure: str) -> None:
    given_reasons = found(**after)
    if not what:
        assert given_reasons == []
        return
    (reason,) = given_reasons
    assert reason.what.startswith(what)
    assert reason.figure == figure
    assert reason.fix


def test_a_moment_is_too_short_to_say_what_others_used() -> None:
    soon = later(at_s=100.5, own_cpu_s=10.0, cpu_s={"busy": 52.0, "steal": 1.5, "total": 501.0})
    span = between(BEFORE, soon)
    assert (span.others_cpu_share, span.steal_share) == (None, None)


def test_nothing_is_said_of_what_could_not_be_read() -> None:
    nothing = from_json(MachineState, {**dict.fromkeys(BEFORE_PLAIN), "at_s": 0.0})
    span = between(nothing, replace(nothing, at_s=60.0))
    assert {name for name, value in to_json(span).items() if value is not None} == {"duration_s"}
    assert reasons(nothing, nothing, span) == []
    other = later(energy=[{"name": "other", "microjoules": 1, "wraps_at": 1}])
    assert between(BEFORE, other).energy_j is None


@pytest.mark.parametrize(
    ("drift", "figure"),
    [(None, None), (0.049, None), (-0.049, None), (0.071, "+7.1% from"), (-0.2, "-20.0% from")],
)
def test_a_drift_either_way_is_a_reason(drift: float | None, figure: str | None) -> None:
    said = [reason.figure for reason in drifted(drift)]
    assert (said == []) if figure is None else said[0].startswith(figure)


def paced(*rates: float, tick_s: float = 0.5) -> float | None:
    """The drift of a run of so many samples per second in each tick."""
    pace, done = QueryPace(), 1.0
    pace.note(0.0, 0)
    for number, rate in enumerate(rates, 1):
        pace.note(number * tick_s, int(done))
        done += rate * tick_s
    pace.note((len(rates) + 1) * tick_s, int(done))
    return pace.drift()


def test_a_run_that_slows_down_drifts_and_one_disturbed_once_does_not() -> None:
    assert paced(*[1000] * 20) == pytest.approx(0, abs=0.01)
    assert paced(*[1000] * 10, *[800] * 10) == pytest.approx(0.25, abs=0.01)
    assert paced(*[800] * 10, *[1000] * 10) == pytest.approx(-0.2, abs=0.01)
    assert paced(*[1000] * 15, 100, *[1000] * 5) == pytest.approx(0, abs=0.01)


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 12))
def test_a_short_or_slow_run_has_no_drift(ticks: int) -> None:
    """Less than eight times fifty samples."""
    assert paced(*[60] * ticks) is None


def test_the_counts_of_another_phase_are_no_progress() -> None:
    pace = QueryPace()
    for at_s, done in ((0, 0), (1, 5000), (2, 0), (3, 0)):
        pace.note(at_s, done)
    assert pace.drift() is None


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({}, ""),
        ({"governor": None}, ""),
        ({"governor": "powersave"}, "governor is powersave"),
        ({"load_average": (3.0, 0, 0)}, "other work is running (a load of 3 on"),
        ({"usable_cpus": 2}, "only 2 of 4 CPUs"),
        ({"available_memory_bytes": 100_000_000}, "little memory is free (only 100 MB)"),
    ],
)
def test_what_would_make_runs_unstable_is_said_beforehand(state: dict[str, Any], says: str) -> None:
    free = state.pop("available_memory_bytes", 8 << 30)
    said = [f"{reason.what} ({reason.figure})" for reason in prospects(replace(QUIET, **state), free)]
    assert (says in said[0]) if says else said == []


@pytest.fixture
def other_work() -> Iterator[None]:
    """Something that keeps every CPU busy, but lets others go first."""
    code = "import os; os.nice(10)\nwhile True: pass"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in os.sched_getaffinity(0)]
    yield
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("other_work")
def test_a_run_beside_other_work_is_valid_and_says_what_it_was_beside(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The counts of a minute's run in a second's.
    monkeypatch.setattr(hearing, "_TICK_S", 0.02)
    # LoadGen makes queries for 1.2 s of 2 us each, and no gigabyte of them.
    long = ("--set", "load.min_duration_ms=1200", "--set", "load.expected_latency_ns=4000")
    done = call(*keywords, *long, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert (result["status"], result["reasons"], result["warnings"]) == ("valid", [], [])
    during = result["machine"]["during"]
    # It had its share of one CPU at most.
    assert 0.05 < during["others_cpu_share"] <= 1
    assert during["latency_drift"] is not None
    (reason,) = (reason for reason in result["unstable"] if reason["what"] == "other work used the CPUs")
    assert (
        f"  unstable: {reason['what']} ({during['others_cpu_share']:.1%} of their time)\n  fix: stop it" in done.stdout
    )
