"""The machine's cores out of trees of files that look like the system's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.machine.topology import Topology, read_topology, this_machine

BIG, LITTLE = "1024", "380"


def machine(
    root: Path,
    cores: list[list[int]],
    *,
    capacity: dict[int, str] | None = None,
    clock: dict[int, str] | None = None,
    online: str | None = None,
    siblings: str | None = "core_cpus_list",
) -> Path:
    """A tree with these CPUs by core."""
    place = root / "sys/devices/system/cpu"
    for number, cpus in enumerate(cores):
        for cpu in cpus:
            files = {"topology/core_id": str(number), "topology/physical_package_id": "0"}
            if siblings is not None:
                files[f"topology/{siblings}"] = ",".join(map(str, cpus))
            if capacity is not None:
                files["cpu_capacity"] = capacity[cpu]
            if clock is not None:
                files["cpufreq/cpuinfo_max_freq"] = clock[cpu]
            write(place / f"cpu{cpu}", files)
    every = [cpu for cpus in cores for cpu in cpus]
    write(place, {"online": online or f"0-{max(every)}"})
    return root


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")


def cpus(topology: Topology) -> list[list[list[int]]]:
    """By kind and core."""
    return [[list(core.cpus) for core in kind] for kind in topology.kinds]


@pytest.mark.parametrize("siblings", ["core_cpus_list", "thread_siblings_list", None])
def test_hyperthreads_are_not_counted_as_cores(siblings: str | None, tmp_path: Path) -> None:
    found = read_topology(machine(tmp_path, [[0, 4], [1, 5], [2, 6], [3, 7]], siblings=siblings), range(8))
    assert cpus(found) == [[[0, 4], [1, 5], [2, 6], [3, 7]]]
    assert found.counts == (4,)
    assert found.known


def test_core_numbers_of_two_packages_are_different_cores(tmp_path: Path) -> None:
    root = machine(tmp_path, [[0], [1]], siblings=None)
    for cpu, package in ((0, "0"), (1, "1")):
        write(root / f"sys/devices/system/cpu/cpu{cpu}/topology", {"core_id": "0", "physical_package_id": package})
    assert cpus(read_topology(root, range(2))) == [[[0], [1]]]


def test_big_cores_come_before_little_ones_by_their_capacity(tmp_path: Path) -> None:
    capacity = {cpu: LITTLE if cpu < 4 else BIG for cpu in range(8)}
    found = read_topology(machine(tmp_path, [[cpu] for cpu in range(8)], capacity=capacity), range(8))
    assert cpus(found) == [[[4], [5], [6], [7]], [[0], [1], [2], [3]]]
    assert found.counts == (4, 4)


def test_a_prime_core_is_of_one_kind_with_the_big_ones_and_three_speeds_are_told_apart(tmp_path: Path) -> None:
    speeds = ["250"] * 4 + ["520"] * 2 + ["900"] + [BIG]
    root = machine(tmp_path, [[cpu] for cpu in range(8)], capacity=dict(enumerate(speeds)))
    assert cpus(read_topology(root, range(8))) == [[[6], [7]], [[4], [5]], [[0], [1], [2], [3]]]


def test_without_capacities_the_highest_clock_tells_them_apart(tmp_path: Path) -> None:
    clock = {0: "1800000", 1: "1800000", 2: "2800000", 3: "2850000"}
    found = read_topology(machine(tmp_path, [[0], [1], [2], [3]], clock=clock), range(4))
    assert cpus(found) == [[[2], [3]], [[0], [1]]]


def test_a_favoured_core_with_a_higher_clock_is_no_kind_of_its_own(tmp_path: Path) -> None:
    clock = {0: "5000000", 1: "5200000", 2: "5000000", 3: "4900000"}
    found = read_topology(machine(tmp_path, [[0], [1], [2], [3]], clock=clock), range(4))
    assert cpus(found) == [[[0], [1], [2], [3]]]


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (("sys/devices/cpu_core/cpus", "sys/devices/cpu_atom/cpus"), ("intel_core", "intel_atom")),
        (
            (
                "sys/devices/system/cpu/types/intel_core_0/cpulist",
                "sys/devices/system/cpu/types/intel_atom_0/cpulist",
            ),
            ("intel_core_0", "intel_atom_0"),
        ),
    ],
)
def test_a_hybrid_s_kinds_are_the_kernel_s_however_near_their_clocks_are(
    places: tuple[str, str], names: tuple[str, str], tmp_path: Path
) -> None:
    clock = {cpu: "5000000" if cpu < 4 else "4000000" for cpu in range(8)}
    root = machine(tmp_path, [[0, 1], [2, 3], [4], [5], [6], [7]], clock=clock)
    for place, text in zip(places, ("0-3", "4-7"), strict=True):
        write(root, {place: text})
    found = read_topology(root, range(8))
    assert cpus(found) == [[[0, 1], [2, 3]], [[4], [5], [6], [7]]]
    assert tuple(kind[0].kind for kind in found.kinds) == names
    assert found.counts == (2, 4)


def test_a_container_without_topology_counts_its_cpus_and_says_that_it_knows_nothing(tmp_path: Path) -> None:
    found = read_topology(tmp_path, {0, 1, 5})
    assert cpus(found) == [[[0], [1], [5]]]
    assert not found.known


def test_one_cpu_that_tells_nothing_makes_all_unknown(tmp_path: Path) -> None:
    root = machine(tmp_path, [[0, 2], [1, 3]])
    for name in ("core_cpus_list", "core_id"):
        (root / f"sys/devices/system/cpu/cpu3/topology/{name}").unlink()
    found = read_topology(root, range(4))
    assert not found.known
    assert found.counts == (4,)


def test_only_what_the_affinity_mask_leaves_is_there(tmp_path: Path) -> None:
    root = machine(tmp_path, [[0, 4], [1, 5], [2, 6], [3, 7]])
    assert cpus(read_topology(root, {5})) == [[[5]]]
    assert cpus(read_topology(root, {1, 2, 6})) == [[[1], [2, 6]]]


def test_cpus_that_are_offline_are_not_used(tmp_path: Path) -> None:
    root = machine(tmp_path, [[0, 4], [1, 5], [2, 6], [3, 7]], online="0-2,4,6")
    assert cpus(read_topology(root, range(8))) == [[[0, 4], [1], [2, 6]]]


@pytest.mark.parametrize(("quota", "counts"), [(None, (2, 4)), (0.5, (1,)), (1.9, (1,)), (3.0, (2, 1)), (64.0, (2, 4))])
def test_a_quota_is_spent_on_the_quickest_cores(quota: float | None, counts: tuple[int, ...], tmp_path: Path) -> None:
    capacity = {cpu: BIG if cpu < 2 else LITTLE for cpu in range(6)}
    root = machine(tmp_path, [[cpu] for cpu in range(6)], capacity=capacity)
    assert read_topology(root, range(6), quota).counts == counts


@pytest.mark.parametrize("nonsense", ["", "a-b", "0-", "-1", "0,,1", "0-9999999x", "\u00e9"])
def test_files_that_hold_something_else_are_read_as_nothing(nonsense: str, tmp_path: Path) -> None:
    root = machine(tmp_path, [[0], [1]], capacity={0: nonsense or "x", 1: BIG}, siblings=None)
    for name in ("topology/core_cpus_list", "topology/core_id"):
        (root / "sys/devices/system/cpu/cpu0" / name).write_text(nonsense, encoding="utf-8")
    found = read_topology(root, range(2))
    assert not found.known
    assert found.counts == (2,)


def test_this_machine_s_cores_are_those_of_its_usable_cpus() -> None:
    assert this_machine().cpus == os.sched_getaffinity(0)
    assert 1 <= sum(this_machine().counts) <= len(os.sched_getaffinity(0))
