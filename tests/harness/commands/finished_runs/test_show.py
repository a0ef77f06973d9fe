from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.machine.watched.sampler import COLUMNS
from harness.results.queries.machine_trace import MACHINE_TRACE_FILE, read_machine_trace
from harness.results.queries.query_times import read_query_times

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def traced(run_command: Cli, keyword_model: Path, keyword_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that lasts long enough to be sampled several times."""
    folder = tmp_path_factory.mktemp("traced")
    given = ("--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--preset", "rapid")
    # However quick the machine is, LoadGen has queries for half a second and more.
    long = ("--set", "load.min_duration_ms=1500", "--set", "load.expected_latency_ns=10000")
    done = run_command("run", *given, *long, "--out", folder / "run", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    # The run's own table, which the tests hold against what `show` says of it.
    (folder / "table.txt").write_text(done.stdout, encoding="utf-8")
    return folder / "run"


def test_the_machine_is_sampled_while_queries_are_timed_and_by_their_clock(traced: Path) -> None:
    samples, times = read_machine_trace(traced), read_query_times(traced)
    assert samples is not None
    assert times is not None
    assert times.began_ns is not None
    # Of another clock not one would lie within. LoadGen's writing of its logs follows, sampled as well.
    within = (samples[:, 0] > times.began_ns) & (samples[:, 0] < times.began_ns + times.ended_ns[-1])
    assert within.sum() >= 2
    assert np.all(np.diff(samples[:, COLUMNS.index("minor_faults")]) >= 0)


def test_show_says_what_slow_queries_coincide_with(traced: Path, call: Cli) -> None:
    shown = call("show", traced)
    assert "outliers" in shown.stdout
    assert "queries took over" in " ".join(shown.stdout.split())


def test_the_run_itself_says_it_too_and_json_has_it_in_figures(traced: Path, call: Cli) -> None:
    assert (traced.parent / "table.txt").read_text("utf-8").startswith(call("show", traced).stdout.rstrip())
    tail = json.loads(call("show", traced, "--json").stdout)["tail"]
    times = read_query_times(traced)
    assert times is not None
    assert tail["queries"] == len(times.latency_ns)
    assert tail["outliers"] == int((times.latency_ns > tail["fence_ns"]).sum())
    assert isinstance(tail["causes"], list)


@pytest.mark.parametrize("name", [MACHINE_TRACE_FILE, "query_times.bin"])
def test_show_names_a_damaged_file_and_shows_the_rest(traced: Path, call: Cli, tmp_path: Path, name: str) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(traced, moved)
    (moved / name).write_bytes(b"\x00{")
    shown = call("show", moved)
    assert shown.returncode == call("show", traced).returncode
    assert name in "".join(shown.stdout.split())
    assert name in json.loads(call("show", moved, "--json").stdout)["tail"]["why_not"]
    assert "p90" in shown.stdout


def test_a_run_that_keeps_no_query_times_samples_nothing(
    run_command: Cli, keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    given = ("--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--preset", "rapid")
    short = ("--set", "load.min_duration_ms=300", "--no-query-times")
    run_command("run", *given, *short, "--out", tmp_path / "run", cwd=tmp_path)
    assert "n/a: the run kept no times of its queries" in " ".join(
        run_command("show", tmp_path / "run", cwd=tmp_path).stdout.split()
    )
    assert not (tmp_path / "run" / MACHINE_TRACE_FILE).exists()
