"""Who works on which CPUs: the plan for any machine, and the affinity that threads and processes really have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.machine import placement
from harness.machine.placement import Wanted, most_instances, most_threads, on, pin, place, thread_counts
from harness.machine.topology import Core, Topology, this_machine

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
PlugIn = Callable[[str, str], dict[str, str]]


def machine(*kinds: list[list[int]], quota: float | None = None, known: bool = True) -> Topology:
    cores = tuple(tuple(Core(tuple(cpus), f"kind{number}") for cpus in kind) for number, kind in enumerate(kinds))
    return Topology(cores, known, quota)


HYPERTHREADS = machine([[0, 4], [1, 5], [2, 6], [3, 7]])
BIG_LITTLE = machine([[4], [5], [6], [7]], [[0], [1], [2], [3]])


def test_each_instance_has_a_core_with_its_hardware_threads_and_the_harness_the_rest() -> None:
    found = place(HYPERTHREADS, "cores", threads=1, instances=3)
    assert found.instances == ((3, 7), (2, 6), (1, 5))
    assert found.harness == (0, 4)


def test_where_all_cores_work_the_harness_goes_wherever_the_system_puts_it() -> None:
    found = place(HYPERTHREADS, "cores", threads=2, instances=2)
    assert found.instances == ((2, 3, 6, 7), (0, 1, 4, 5))
    assert found.harness == ()


def test_the_big_cores_are_given_first_and_none_is_mixed_with_a_little_one() -> None:
    found = place(BIG_LITTLE, "auto", threads=3, instances=2)
    assert found.instances == ((5, 6, 7), (1, 2, 3))
    assert found.harness == (0, 4)
    assert place(BIG_LITTLE, "auto", threads=1, instances=8).instances[:4] == ((7,), (6,), (5,), (4,))


def test_a_lone_instance_may_move_among_the_big_cores_unless_cores_of_its_own_are_asked_for() -> None:
    assert place(BIG_LITTLE, "auto", threads=1, instances=1).instances == ((4, 5, 6, 7),)
    assert place(BIG_LITTLE, "auto", threads=1, instances=1).harness == (0, 1, 2, 3)
    assert place(BIG_LITTLE, "cores", threads=1, instances=1).instances == ((7,),)


def test_processes_that_fill_cores_which_are_alike_are_pinned_unasked() -> None:
    assert place(HYPERTHREADS, "auto", threads=2, instances=2, apart=True).instances == (
        (2, 3, 6, 7),
        (0, 1, 4, 5),
    )
    assert not place(HYPERTHREADS, "auto", threads=1, instances=3, apart=True).instances
    assert not place(HYPERTHREADS, "auto", threads=2, instances=2).instances
    assert not place(HYPERTHREADS, "none", threads=2, instances=2, apart=True).instances
    assert not place(machine([[0], [1]], quota=2.0), "auto", threads=1, instances=2, apart=True).instances


@pytest.mark.parametrize(
    ("topology", "wanted", "why"),
    [
        (BIG_LITTLE, "none", "config"),
        (machine([[0], [1]], known=False), "cores", "does not tell which CPUs share a core"),
        (HYPERTHREADS, "auto", "the cores are alike"),
        (machine([[0]], [[1]], quota=1.5), "auto", "a quota is left to the system"),
        (BIG_LITTLE, "cores", "3 x 3 threads do not fit 4 cores (kind0) and 4 cores (kind1)"),
    ],
)
def test_where_nothing_is_pinned_the_reason_is_named(topology: Topology, wanted: Wanted, why: str) -> None:
    found = place(topology, wanted, threads=3, instances=3)
    assert not found.instances
    assert not found.harness
    assert found.of(2) == ()
    assert why in found.why
    assert found.instances == ()


@pytest.mark.parametrize(
    ("counts", "threads", "instances"),
    [((4,), 1, 4), ((4,), 2, 2), ((4,), 3, 1), ((4,), 9, 1), ((4, 4), 3, 2), ((2, 4), 4, 1), ((1,), 1, 1)],
)
def test_as_many_instances_as_fit_without_mixing_kinds(counts: tuple[int, ...], threads: int, instances: int) -> None:
    assert most_instances(counts, threads) == instances


@pytest.mark.parametrize(
    ("counts", "instances", "threads"), [((4,), 1, 4), ((4,), 3, 1), ((4, 4), 1, 4), ((4, 4), 3, 2), ((2, 6), 9, 1)]
)
def test_as_many_threads_as_fit_without_mixing_kinds(counts: tuple[int, ...], instances: int, threads: int) -> None:
    assert most_threads(counts, instances) == threads


@st.composite
def machines(draw: st.DrawFn) -> Topology:
    cpus = draw(st.permutations(range(draw(st.integers(1, 24)))))
    kinds: list[list[list[int]]] = []
    while cpus:
        cores = []
        for _ in range(draw(st.integers(1, 8))):
            count = draw(st.integers(1, 2))
            if cpus[:count]:
                cores.append(sorted(cpus[:count]))
            cpus = cpus[count:]
        kinds.append(cores)
    return machine(*kinds)


@given(machines(), st.integers(1, 9), st.integers(1, 24), st.sampled_from(["auto", "cores"]))
def test_no_plan_leaves_the_mask_or_gives_a_core_twice_or_mixes_kinds(
    topology: Topology, threads: int, instances: int, wanted: Wanted
) -> None:
    found = place(topology, wanted, threads=threads, instances=instances)
    if not found.instances:
        return
    of_core = {cpu: (kind, core) for kind, cores in enumerate(topology.kinds) for core in cores for cpu in core.cpus}
    given_cpus = [cpu for cpus in found.instances for cpu in cpus]
    assert len(found.instances) == instances
    assert set(given_cpus) | set(found.harness) == topology.cpus
    assert not set(given_cpus) & set(found.harness)
    assert len(given_cpus) == len(set(given_cpus))
    cores_of = [{of_core[cpu] for cpu in cpus} for cpus in found.instances]
    assert sum(map(len, cores_of)) == len(set().union(*cores_of))
    for cores in cores_of:
        assert len(cores) >= threads
        assert len({kind for kind, _ in cores}) == 1


@given(machines(), st.integers(1, 24))
def test_the_default_shape_of_a_pool_always_fits(topology: Topology, threads: int) -> None:
    threads = min(threads, max(topology.counts))
    instances = most_instances(topology.counts, threads)
    assert place(topology, "cores", threads=threads, instances=instances).instances
    threads = most_threads(topology.counts, instances)
    assert place(topology, "cores", threads=threads, instances=instances).instances


def test_a_thread_is_bound_for_a_while_and_then_as_free_as_before() -> None:
    before = os.sched_getaffinity(0)
    with on([max(before)]):
        assert os.sched_getaffinity(0) == {max(before)}
        with on(sorted(before)):
            assert os.sched_getaffinity(0) == before
    with pytest.raises(KeyError), on([max(before)]):
        raise KeyError
    pin(())
    assert os.sched_getaffinity(0) == before


def test_a_system_that_forbids_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert placement.may_pin()

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    assert not placement.may_pin()
    monkeypatch.delattr(os, "sched_setaffinity")
    assert not placement.may_pin()


WATCHED = """
import os, threading
from collections import Counter
from pathlib import Path
from backends.litert.interpreter import InterpreterBackend

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, input_shapes=None):
        super().__init__(model, name="watched", threads=threads, input_shapes=input_shapes)
        self.seen = Counter()

    def invoke(self, inputs):
        answer = super().invoke(inputs)
        status = Path(f"/proc/self/task/{threading.get_native_id()}/status").read_text()
        self.seen[next(line for line in status.splitlines() if line.startswith("Cpus_allowed_list"))] += 1
        Path(f"status-{os.getpid()}-{id(self)}.txt").write_text(self.seen.most_common(1)[0][0])
        return answer
"""
"""Keeps what the kernel says of the thread that asked most: proofs before and after ask from elsewhere. A file an instance."""


@pytest.mark.skipif(len(this_machine().cores) < 2 or not this_machine().known, reason="there are no two cores known")
@pytest.mark.parametrize(
    ("scenario", "options", "instances"),
    [
        ("SingleStream", [], 1),
        ("Server", ["--instances", "2", "--set", "backend.workers=threads"], 2),
        ("Offline", ["--instances", "2", "--set", "backend.workers=processes"], 2),
    ],
)
def test_those_who_answer_really_run_where_the_result_says(
    scenario: str,
    options: list[str],
    instances: int,
    call: Cli,
    keywords: list[str],
    plug_in: PlugIn,
    tmp_path: Path,
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    words = ["--scenario", scenario, "--backend", "watched", "--set", "backend.placement=cores", "--out", out]
    call(*keywords, *options, *words, env=plug_in("watched", WATCHED))
    said = read_result(out)["backend"]["placement"]
    assert len(said["cpus_by_instance"]) == instances
    found = {_allowed(file.read_text(encoding="ascii")) for file in out.glob("status-*.txt")}
    assert found == {frozenset(cpus) for cpus in said["cpus_by_instance"]}


def _allowed(status: str) -> frozenset[int]:
    line = next(line for line in status.splitlines() if line.startswith("Cpus_allowed_list:"))
    cpus: set[int] = set()
    for piece in line.split()[1].split(","):
        first, _, last = piece.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


@pytest.mark.parametrize(("most", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_the_numbers_of_threads_to_try_are_the_powers_of_two_and_the_most(most: int, counts: list[int]) -> None:
    assert thread_counts(most) == counts
