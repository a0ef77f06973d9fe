"""The CPU's part of the time, from a clock around every node."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backends.base import BackendInfo, Coverage, TimeShare
from backends.cpu import CpuBackend, open_cpu
from backends.external import ExternalBackend
from backends.litert.times import profile
from harness.model.contents.coverage import time_share

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
PICTURE = np.random.default_rng(1).normal(size=(1, 32, 32, 3)).astype(np.float32)


def share(model: Path, library: Path, **options: Any) -> TimeShare:
    return ExternalBackend(model, threads=1, library=str(library), delegate_options=options).time_share([PICTURE])


def test_a_delegate_that_sleeps_has_most_of_the_time(adds_model: Path, delegate_library: Path) -> None:
    # Two partitions of 20 ms each; the CPU's three ops are microseconds, and may wait for a CPU now and then.
    slow = share(adds_model, delegate_library, sleep_us=20_000)
    assert slow.why is None
    assert slow.cpu is not None
    assert 0 < slow.cpu < 0.5


@pytest.mark.parametrize(("xnnpack", "of_the_cpu"), [(False, 3 / 5), (True, 1 / 3)])
def test_nodes_that_take_equally_long_share_by_their_number(
    xnnpack: bool, of_the_cpu: float, adds_model: Path, delegate_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(0, 1000)
    monkeypatch.setattr(profile, "time", SimpleNamespace(perf_counter_ns=lambda: next(ticks)))
    # The delegate has two partitions; the three ops between them are one node where XNNPACK runs them.
    backend = ExternalBackend(adds_model, threads=1, library=str(delegate_library), xnnpack=xnnpack)
    assert backend.time_share([PICTURE]) == TimeShare(of_the_cpu)


@pytest.mark.parametrize("xnnpack", [True, False])
def test_the_clocks_are_taken_away_again_and_answers_stay(
    xnnpack: bool, adds_model: Path, delegate_library: Path
) -> None:
    backend = ExternalBackend(adds_model, threads=1, library=str(delegate_library), xnnpack=xnnpack)
    before = backend.invoke([PICTURE])[0]
    assert backend.time_share([PICTURE]).cpu is not None
    coverage = backend.coverage
    assert (coverage.nodes, coverage.delegated_nodes, coverage.partitions) == (5, 2, 2)
    for _ in range(3):
        np.testing.assert_array_equal(backend.invoke([PICTURE])[0], before)
    backend.close()


def test_without_an_accelerators_nodes_it_is_what_xnnpack_left_and_without_those_there_is_no_share(
    adds_model: Path,
) -> None:
    assert CpuBackend(adds_model, threads=1).time_share([PICTURE]) == TimeShare(0.0)
    found = CpuBackend(adds_model, threads=1, xnnpack=False).time_share([PICTURE])
    assert found.cpu is None
    assert found.why is not None
    compiled = open_cpu(adds_model, threads=1, engine="CompiledModel").time_share([PICTURE])
    assert compiled == TimeShare(None, "CompiledModel does not tell what its ops take")


def test_what_need_not_or_cannot_be_profiled_says_why(adds_model: Path) -> None:
    backend = CpuBackend(adds_model, threads=1)

    def info(delegated: int, *, accelerator: bool = True) -> BackendInfo:
        return BackendInfo("x", "Interpreter", "x", coverage=Coverage(5, delegated, 1), accelerator=accelerator)

    assert time_share(backend, info(5), [PICTURE], 1) == TimeShare(0.0)
    assert time_share(backend, info(2, accelerator=False), [PICTURE], 1).why == "no accelerator is promised"
    assert time_share(backend, info(2), [PICTURE], 55_000_000_000) == TimeShare(
        None, "one run takes 55.0 s, which is too long to profile"
    )


def test_a_run_says_what_part_of_the_time_the_cpus_ops_took(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    for name, backend in (("external", f"external:{delegate_library},sleep_us=2000"), ("cpu", "cpu")):
        done = cli(*classify, "--backend", backend, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
    found = read_result(tmp_path / "external")["backend"]
    assert 0 < found["cpu_ops_time_share"] < 1
    assert found["cpu_ops_time_unknown"] is None
    plain = read_result(tmp_path / "cpu")["backend"]
    assert plain["cpu_ops_time_share"] is None
    assert plain["cpu_ops_time_unknown"] == "no accelerator is promised"
