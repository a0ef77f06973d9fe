"""What of the machine the process may really use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.machine import facts as system
from harness.machine.facts import cgroup_cpu_quota, cgroup_memory_room, usable_cpus


def tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        # Version 2.
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "300000 100000\n"}, 3.0),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000\n", "a/cpu.max": "700000 100000\n"}, 2.0),
        ("0::/a/b\n", {"a/b/cpu.max": "max\n"}, None),
        ("0::/gone\n", {}, None),
        # A path outside of what is mounted, as in a container with a name space of its own.
        ("0::/../../outside\n", {"cpu.max": "200000 100000\n"}, 2.0),
        # Version 1.
        ("4:cpu,cpuacct:/j\n", {"cpu/j/cpu.cfs_quota_us": "-1\n", "cpu/j/cpu.cfs_period_us": "100000\n"}, None),
        ("4:cpu,cpuacct:/j\n", {"cpu/j/cpu.cfs_quota_us": "250000\n", "cpu/j/cpu.cfs_period_us": "100000\n"}, 2.5),
        ("4:cpuacct,cpu:/j\n", {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 2.0),
        ("4:cpuset:/j\n", {"cpu/j/cpu.cfs_quota_us": "250000\n", "cpu/j/cpu.cfs_period_us": "100000\n"}, None),
        # Both at once: the smaller counts.
        (
            "0::/\n4:cpu:/\n",
            {"cpu.max": "300000 100000\n", "cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            1.0,
        ),
        # What nobody promised.
        ("", {}, None),
        ("nonsense\n", {"cpu.max": "300000 100000\n"}, None),
        ("0::/\n", {"cpu.max": "\n"}, None),
        ("0::/\n", {"cpu.max": "a lot\n"}, None),
        ("0::/\n", {"cpu.max": "100000 0\n"}, None),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "many\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ],
)
def test_the_quota_is_the_smallest_on_the_way_up(
    membership: str, files: dict[str, str], expected: float | None, tmp_path: Path
) -> None:
    root = tmp_path / "cgroup"
    root.mkdir()
    tree(root, files)
    (tmp_path / "self").write_text(membership, encoding="ascii")
    assert cgroup_cpu_quota(root, tmp_path / "self") == expected


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a\n", {"a/memory.max": "max\n", "a/memory.current": "5\n"}, None),
        ("0::/a\n", {"a/memory.max": "1000\n", "a/memory.current": "400\n"}, 600),
        # Files in the cache that nobody uses give way.
        (
            "0::/a\n",
            {"a/memory.max": "1000\n", "a/memory.current": "900\n", "a/memory.stat": "anon 5\ninactive_file 300\n"},
            400,
        ),
        # The group above has less room.
        (
            "0::/a/b\n",
            {
                "a/b/memory.max": "1000\n",
                "a/b/memory.current": "1\n",
                "a/memory.max": "500\n",
                "a/memory.current": "450\n",
            },
            50,
        ),
        ("0::/a\n", {"a/memory.max": "100\n", "a/memory.current": "300\n"}, 0),
        (
            "9:memory:/j\n",
            {
                "memory/j/memory.limit_in_bytes": "1000\n",
                "memory/j/memory.usage_in_bytes": "700\n",
                "memory/j/memory.stat": "total_inactive_file 100\n",
            },
            400,
        ),
        ("9:cpu:/j\n", {"memory/j/memory.limit_in_bytes": "1000\n", "memory/j/memory.usage_in_bytes": "700\n"}, None),
    ],
)
def test_the_room_in_memory_is_the_smallest_on_the_way_up(
    membership: str, files: dict[str, str], expected: int | None, tmp_path: Path
) -> None:
    root = tmp_path / "cgroup"
    tree(root, files)
    (tmp_path / "self").write_text(membership, encoding="ascii")
    assert cgroup_memory_room(root, tmp_path / "self") == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert cgroup_memory_room(tmp_path, tmp_path / "absent") is None
    assert cgroup_cpu_quota(tmp_path, tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("quota", "cpus"), [(None, 3), (0.2, 1), (1.0, 1), (1.9, 1), (2.0, 2), (2.99, 2), (3.0, 3), (64.0, 3)]
)
def test_usable_cpus_are_the_affinity_cut_by_the_whole_cpus_of_the_quota(
    quota: float | None, cpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 7})
    monkeypatch.setattr(system, "cgroup_cpu_quota", lambda: quota)
    assert usable_cpus() == cpus


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is only one CPU to choose from")
def test_a_process_bound_to_one_cpu_uses_one(environment: dict[str, str]) -> None:
    code = (
        "import os; from harness.machine.facts import usable_cpus; "
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(usable_cpus())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=600
    )
    assert done.stdout == "1\n"


def test_the_description_tells_machines_and_versions_apart() -> None:
    found = system.describe()
    assert found.usable_cpus == usable_cpus() >= 1
    assert found.memory_bytes is not None
    assert found.memory_bytes > 1 << 28
    for package in ("ai-edge-litert", "mlcommons-loadgen", "numpy"):
        assert found.versions[package][0].isdigit()
    assert found.argv == tuple(sys.argv)
    available = system.available_memory_bytes()
    assert available is not None
    assert 0 < available < found.memory_bytes


def test_a_board_and_its_chip_are_those_of_the_device_tree(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    (tmp_path / "compatible").write_bytes(b"raspberrypi,5-model-b\0brcm,bcm2712\0")
    assert system._device_tree("model", tmp_path)[0] == "Raspberry Pi 5 Model B Rev 1.0"
    assert system._device_tree("compatible", tmp_path)[-1] == "brcm,bcm2712"
    assert system._device_tree("model", tmp_path / "none") == [None]


def test_a_cpu_that_its_kernel_gives_no_name_is_named_by_lscpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Architecture: aarch64\\n  Model name: Cortex-A76\\n    Model: 1\\n  Model name: Cortex-A55\\n"
    (tmp_path / "lscpu").write_text(f"#!/bin/sh\nprintf '{said}'\n")
    (tmp_path / "lscpu").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert system._cpu_by_lscpu() == "Cortex-A76, Cortex-A55"
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert system._cpu_by_lscpu() is None
