"""Samples of a process and its machine: the counts grow with what happens, and what the machine does not tell is unknown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.machine.watched import sampler as module
from harness.machine.watched.sampler import COLUMNS, UNKNOWN, Sampler

_STAT = "7 (a (b) c) R 1 7 7 0 -1 4194304 {minor} 0 {major} 0 {user} 5 0 0 20 0 1 0\n"


def _lay_out(root: Path, *, minor: int = 0, user: int = 0, steal: int = 0, khz: int = 0, waited: int = 0) -> None:
    task = root / "proc/7/task/7"
    task.mkdir(parents=True, exist_ok=True)
    (root / "proc/7/stat").write_text(_STAT.format(minor=minor, major=3, user=user))
    (root / "proc/stat").write_text(
        f"cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 50 9 0 1 1 {steal} 0 0\ncpu10 9 9 9 9 9 9 9 9 0 0\n"
    )
    (task / "schedstat").write_text(f"1000 {waited} 12\n")
    (task / "sched").write_text("nr_involuntary_switches : 4\nse.nr_migrations  :  2\nse.vruntime : 1.5\n")
    cpu = root / "sys/devices/system/cpu/cpu0"
    (cpu / "cpufreq").mkdir(parents=True, exist_ok=True)
    (cpu / "cpufreq/scaling_cur_freq").write_text(f"{khz}\n")
    zone = root / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "temp").write_text("61000\n")


def _last(sampler: Sampler) -> dict[str, int]:
    return dict(zip(COLUMNS, sampler.samples[-len(COLUMNS) :], strict=True))


def test_a_sample_holds_what_the_files_of_proc_and_sys_tell(tmp_path: Path) -> None:
    _lay_out(tmp_path, minor=11, user=20, steal=6, khz=2_400_000, waited=5_000)
    sampler = Sampler(7, {0}, tmp_path)
    sampler.sample()
    found = _last(sampler)
    tick_ms = 1000 // os.sysconf("SC_CLK_TCK")
    assert found["at_ns"] > 0
    assert (found["waited_ns"], found["preempted"], found["migrations"]) == (5_000, 4, 2)
    assert (found["minor_faults"], found["major_faults"]) == (11, 3)
    assert (found["steal_ms"], found["others_ms"]) == (6 * tick_ms, (152 - 25) * tick_ms)
    assert (found["khz"], found["millicelsius"], found["throttled"]) == (2_400_000, 61_000, UNKNOWN)
    # The files are read anew for each.
    _lay_out(tmp_path, minor=12, user=20, steal=9, khz=1_200_000, waited=9_000)
    sampler.sample()
    assert (_last(sampler)["khz"], _last(sampler)["waited_ns"], _last(sampler)["minor_faults"]) == (
        1_200_000,
        9_000,
        12,
    )
    sampler.close()


def test_what_a_machine_does_not_tell_is_unknown_and_breaks_nothing(tmp_path: Path) -> None:
    sampler = Sampler(7, {0, 1}, tmp_path)
    sampler.sample()
    assert set(_last(sampler).values()) - {_last(sampler)["at_ns"]} == {UNKNOWN}
    sampler.close()


def test_a_real_process_is_seen_to_touch_memory_and_to_end() -> None:
    code = "import mmap, sys\nsys.stdin.readline()\nm = mmap.mmap(-1, 64 * 4096)\nfor i in range(64): m[i * 4096] = 1\n"
    code += "print(1, flush=True)\nsys.stdin.readline()\n"
    with subprocess.Popen([sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        sampler = Sampler(child.pid, os.sched_getaffinity(0))
        sampler.sample()
        before = _last(sampler)["minor_faults"]
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()
        sampler.sample()
        # A huge page is one fault.
        assert _last(sampler)["minor_faults"] > before
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.wait()
        sampler.sample()
        assert _last(sampler)["minor_faults"] == UNKNOWN
        sampler.close()


def test_where_threads_work_on_all_cpus_or_files_are_slow_samples_are_rarer(tmp_path: Path) -> None:
    _lay_out(tmp_path)
    assert Sampler(7, {0}, tmp_path).every_s > Sampler(7, {0, 1}, tmp_path).every_s


def test_samples_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SAMPLES", 2)
    sampler = Sampler(7, {0}, tmp_path)
    for _ in range(5):
        sampler.sample()
    assert len(sampler.samples) == 2 * len(COLUMNS)
