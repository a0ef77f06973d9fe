"""query_times.bin: what is written is what is read, and what is damaged is said to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.results.queries.query_times import (
    HEAD_WORDS,
    MOST_KEPT,
    QUERY_TIMES_FILE,
    KeptTimes,
    of_memory,
    read_query_times,
    write_query_times,
)
from harness.serving.dispatch.query_times import QueryTimes


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), max_size=9))
def test_times_are_read_as_they_were_written_to_a_unit_of_a_microsecond(
    tmp_path_factory: pytest.TempPathFactory, queries: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    latency, gaps = (np.array([each[side] for each in queries], np.int64) for side in range(2))
    write_query_times(folder, KeptTimes(latency, np.cumsum(gaps), 10 + len(queries), every=2))
    read = read_query_times(folder)
    assert read is not None
    assert (read.seen, read.every, read.all) == (10 + len(queries), 2, False)
    assert np.all(np.abs(read.latency_ns - latency) < 1024)
    # However many they are, no end is further off than a unit.
    assert np.all(np.abs(read.ended_ns - np.cumsum(gaps)) < 1024)


def test_short_queries_are_kept_to_the_nanosecond(tmp_path: Path) -> None:
    times = QueryTimes(4, expected_latency_ns=3000)
    for began, ended in ((10**15, 10**15 + 2999), (10**15 + 3100, 10**15 + 6001)):
        times.add(began, ended)
    write_query_times(tmp_path, of_memory(times.words))
    read = read_query_times(tmp_path)
    assert read is not None
    assert read.latency_ns.tolist() == [2999, 2901]
    assert read.ended_ns.tolist() == [2999, 6001]


def test_a_clock_that_goes_back_makes_a_query_of_no_time_and_spoils_no_other() -> None:
    times = QueryTimes(4, expected_latency_ns=3000)
    for began, ended in ((1000, 1500), (1400, 900), (1000, 1300)):
        times.add(began, ended)
    assert of_memory(times.words).latency_ns.tolist() == [500, 0, 300]
    assert np.all(np.diff(of_memory(times.words).ended_ns) >= 0)


def test_more_than_a_million_queries_take_8_mb_and_the_rest_is_counted(tmp_path: Path) -> None:
    times = QueryTimes(3 * MOST_KEPT, expected_latency_ns=3000)
    assert len(times.words) == HEAD_WORDS + MOST_KEPT
    times.words[0] = MOST_KEPT + 7
    write_query_times(tmp_path, of_memory(times.words))
    assert (tmp_path / QUERY_TIMES_FILE).stat().st_size < 8 * MOST_KEPT + 200
    read = read_query_times(tmp_path)
    assert read is not None
    assert (read.seen, len(read.latency_ns)) == (MOST_KEPT + 7, MOST_KEPT)


def test_a_run_that_kept_nothing_has_nothing_to_read(tmp_path: Path) -> None:
    assert read_query_times(tmp_path) is None


@pytest.mark.parametrize("damage", ["cut", "head", "form", "nothing", "longer"])
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, damage: str) -> None:
    write_query_times(tmp_path, KeptTimes(np.arange(9), np.arange(9), 9))
    path = tmp_path / QUERY_TIMES_FILE
    data = path.read_bytes()
    changed = {
        "cut": data[:-3],
        "head": b"\x80" + data,
        "form": data.replace(b'"version": 1', b'"version": 9'),
        "nothing": b"",
        "longer": data + data,
    }
    path.write_bytes(changed[damage])
    with pytest.raises(ConfigError, match=QUERY_TIMES_FILE):
        read_query_times(tmp_path)
