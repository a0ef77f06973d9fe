"""The memory of a run, as the parent sees it: real processes that take known amounts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from harness.json_records import from_json
from harness.machine.memory import SHARED_SAMPLES, MemoryMeter, Owner, Residents, peak_rss_bytes
from harness.report.run import render_run
from harness.results.record import Result

MB = 1 << 20

CHILD = """
import mmap, sys
from harness.machine.memory import own_bytes
before = own_bytes()
held = []
for path in sys.argv[1:]:
    file = open(path, "rb")
    held.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    sum(held[-1][::4096])
print(before, flush=True)
for line in sys.stdin:
    size = int(line)
    if size > 0:
        held.append(bytearray(b"x") * size)
    else:
        held.pop()
    print(own_bytes(), flush=True)
"""


class Child:
    """A process that maps files, and takes and gives back memory when it is told to."""

    def __init__(self, *files: Path) -> None:
        words = [sys.executable, "-P", "-c", CHILD, *map(str, files)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.owner = Owner(self.process.pid, self._answer())

    def take(self, size: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{size}\n")
        self.process.stdin.flush()
        self._answer()

    def give_back(self) -> None:
        self.take(0)

    def _answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def start(*files: Path) -> Child:
        children.append(Child(*files))
        return children[-1]

    yield start
    for one in children:
        one.process.kill()
        one.process.communicate()


def file_of(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"m" * size)
    return path


def near(size: int) -> Any:
    return pytest.approx(size, abs=3 * MB)


def test_model_samples_tensors_and_what_loadgen_takes_are_told_apart(
    child: Callable[..., Child], tmp_path: Path
) -> None:
    model, sample = file_of(tmp_path / "m.tflite", 20 * MB), file_of(tmp_path / "samples" / "abc" / "0.npy", 10 * MB)
    worker, meter = child(model, sample), MemoryMeter()
    worker.take(40 * MB)
    worker.take(60 * MB)
    worker.give_back()
    folders = str(tmp_path / "samples"), str(tmp_path / "weights")
    meter.measure(Residents("loaded", (worker.owner,), str(model), *folders, sample_bytes=5 * MB))
    worker.take(30 * MB)
    worker.give_back()
    meter.measure(Residents("ended", (worker.owner,)))
    found = asdict(meter.figures())
    parts = found["parts"]
    assert parts["model_bytes"] == near(20 * MB)
    assert parts["samples_bytes"] == near(15 * MB)
    assert parts["tensors_bytes"] == near(35 * MB)
    assert parts["weight_cache_bytes"] == 0
    assert parts["loadgen_bytes"] == near(30 * MB)
    assert found["running_pss_bytes"] == sum(parts.values())
    # The 60 MB were taken and given back before: they are in the peak of the whole life alone.
    assert found["peak_rss_bytes"] - found["running_peak_rss_bytes"] == near(30 * MB)


def test_what_two_processes_share_is_counted_once_in_the_proportional_sizes(
    child: Callable[..., Child], tmp_path: Path
) -> None:
    model = file_of(tmp_path / "m.tflite", 20 * MB)
    owners = (child(model).owner, child(model).owner)
    meter = MemoryMeter()
    meter.measure(Residents("loaded", owners, str(model)))
    meter.measure(Residents("ended", owners))
    found = asdict(meter.figures())
    assert found["processes"] == 2
    assert found["parts"]["model_bytes"] == near(20 * MB)
    assert found["running_peak_rss_bytes"] > found["running_pss_bytes"] + 15 * MB


def test_a_process_that_is_gone_leaves_what_was_seen_of_the_others(child: Callable[..., Child]) -> None:
    lasting, lost = child(), child()
    meter = MemoryMeter()
    meter.measure(Residents("loaded", (lasting.owner, lost.owner)))
    lost.process.kill()
    lost.process.wait()
    meter.measure(Residents("ended", (lasting.owner, lost.owner)))
    found = asdict(meter.figures())
    assert found["peak_rss_bytes"] > 10 * MB
    assert found["running_peak_rss_bytes"] is None
    assert set(found["parts"].values()) == {None}
    assert peak_rss_bytes([lost.process.pid]) is None


def test_a_run_says_what_took_its_memory_and_so_does_its_table(
    call: Callable[..., subprocess.CompletedProcess[str]],
    keywords: list[str],
    tmp_path: Path,
    read_result: Callable[[Path], dict[str, Any]],
) -> None:
    words = [*keywords, "--scenario", "Offline", "--instances", "2", "--set", "backend.workers=processes"]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    memory = result["memory"]
    assert memory["processes"] == 3
    assert memory["running_pss_bytes"] == sum(memory["parts"].values())
    assert memory["running_pss_bytes"] < memory["running_peak_rss_bytes"] <= memory["peak_rss_bytes"]
    assert 0 < memory["parts"]["samples_bytes"] < MB, SHARED_SAMPLES
    assert "; while queries ran " in done.stdout
    earlier = result | {"memory": {"peak_rss_bytes": 12_000_000}}
    assert "peak memory  12 MB\n" in render_run(from_json(Result, earlier))
