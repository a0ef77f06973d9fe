"""Slow queries held against what the machine did: a planted cause is found, a planted slowness without one is not explained."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from harness.errors import ConfigError
from harness.machine.watched.sampler import COLUMNS, UNKNOWN
from harness.report.tail import tail_text
from harness.results.queries.machine_trace import MACHINE_TRACE_FILE, write_machine_trace
from harness.results.queries.query_times import KeptTimes, write_query_times
from harness.results.queries.tail import joined, tail_of

_MS = 1_000_000
_BEGAN = 5_000 * _MS
_SAMPLES = 200


def _times(slow: tuple[int, ...], began_ns: int | None = _BEGAN) -> KeptTimes:
    """20 s of queries of 10 ms, of which some take 60 ms."""
    latency = np.random.default_rng(2).integers(9_900_000, 10_100_000, 2000)
    latency[list(slow)] = 60 * _MS
    return KeptTimes(latency, np.cumsum(latency), len(latency), began_ns=began_ns)


def _machine() -> npt.NDArray[np.int64]:
    """A sample every 100 ms, of a machine that tells no clock and no heat."""
    random = np.random.default_rng(3)
    found = np.full((_SAMPLES, len(COLUMNS)), UNKNOWN, np.int64)
    found[:, 0] = _BEGAN + np.arange(_SAMPLES) * 100 * _MS
    for name in ("waited_ns", "preempted", "migrations", "minor_faults", "major_faults", "steal_ms", "others_ms"):
        found[:, COLUMNS.index(name)] = np.cumsum(random.integers(0, 9, _SAMPLES))
    return found


def _window(times: KeptTimes, query: int) -> int:
    return int(times.ended_ns[query] - 30 * _MS) // (100 * _MS)


SLOW = (150, 420, 700, 980, 1260, 1540)


def test_a_planted_disturbance_is_named_with_how_many_would_coincide_by_accident() -> None:
    times, machine = _times(SLOW), _machine()
    column = COLUMNS.index("waited_ns")
    for query in SLOW[:5]:
        machine[_window(times, query) + 1 :, column] += 50 * _MS
    tail = joined(times, machine)
    assert [(cause.what, cause.outliers) for cause in tail.causes] == [("waiting for a CPU", 5)]
    assert 0 < tail.causes[0].by_accident < 1
    assert "6 of 2,000 queries took over" in tail_text(tail)
    assert "5 of 6 coincide with waiting for a CPU (0." in tail_text(tail)


def test_a_clock_that_drops_is_a_cause_and_a_faster_one_is_none() -> None:
    times, machine = _times(SLOW), _machine()
    column = COLUMNS.index("khz")
    machine[:, column] = np.random.default_rng(4).integers(2_390_000, 2_400_000, _SAMPLES)
    fast = machine.copy()
    for query in SLOW:
        machine[_window(times, query), column] = 800_000
        fast[_window(times, query), column] = 4_000_000
    assert [cause.what for cause in joined(times, machine).causes] == ["a lower clock"]
    assert joined(times, fast).causes == ()


def test_slowness_without_a_cause_is_said_to_coincide_with_nothing_and_what_was_not_told_is_named() -> None:
    text = tail_text(joined(_times(SLOW), _machine()))
    assert "nothing coincides (looked at: waiting for a CPU, " in text
    assert "not told by this machine: a lower clock, heat, throttling" in text


@pytest.mark.parametrize(
    ("times", "machine", "said"),
    [
        (_times(()), _machine(), "none of 2,000 queries took over"),
        (_times(SLOW), None, "was not sampled"),
        (_times(SLOW, None), _machine(), "was not sampled"),
        (_times(SLOW), _machine()[:15], "to say what is usual"),
        (_times(SLOW, _BEGAN + 60_000 * _MS), _machine(), "another run's"),
        (_times(SLOW[:1]), _machine(), "to tell cause from accident"),
    ],
)
def test_what_cannot_be_said_is_not(times: KeptTimes, machine: npt.NDArray[np.int64] | None, said: str) -> None:
    tail = joined(times, machine)
    assert said in tail_text(tail)
    assert not tail.causes


def test_where_most_windows_have_an_outlier_the_slowest_are_looked_at() -> None:
    times, machine = _times(tuple(range(3, 2000, 15))), _machine()
    assert times.ended_ns[-1] > 20_000 * _MS
    tail = joined(times, machine)
    assert tail.outliers == 134
    assert 0 < tail.looked_at <= 20
    assert f"nothing coincides with the slowest {tail.looked_at} (looked at: " in tail_text(tail)


def test_what_was_sampled_after_the_last_query_says_nothing_of_what_is_usual() -> None:
    times, machine = _times(SLOW), _machine()
    column = COLUMNS.index("waited_ns")
    machine[:, column] = 0
    busy = np.cumsum(np.where(np.arange(_SAMPLES) % 7 == 0, 20 * _MS, 0))
    machine[:, column] = busy
    idle = np.repeat(machine[-1:], 5000, axis=0)
    idle[:, 0] += np.arange(1, 5001) * 100 * _MS
    # Beside hours of nothing, every seventh window would be unusual.
    assert joined(times, np.concatenate([machine, idle])).causes == joined(times, machine).causes == ()


def test_a_damaged_trace_is_said(tmp_path: Path) -> None:
    write_query_times(tmp_path, _times(SLOW))
    write_machine_trace(tmp_path, array("q", _machine().ravel().tolist()))
    assert tail_of(tmp_path, _times(SLOW)) is not None
    (tmp_path / MACHINE_TRACE_FILE).write_bytes(b"{}\n")
    with pytest.raises(ConfigError, match=MACHINE_TRACE_FILE):
        tail_of(tmp_path, _times(SLOW))
