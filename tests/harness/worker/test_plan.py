"""What the calibration decides of threads, instances and load."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config.backend import BackendSection
from harness.errors import ConfigError
from harness.machine.placement import Placement
from harness.worker import timing
from harness.worker.plan import _fill, plan_run, pool_load, server_load
from harness.worker.teams.team import Speed
from harness.worker.timing import ServiceTime
from harness.worker.workers import ChosenWorkers


@pytest.mark.parametrize(
    ("cores", "asked", "shape"),
    [
        ((4,), {}, (1, 4)),
        ((4, 4), {}, (1, 8)),
        ((4, 4), {"instances": 1}, (4, 1)),
        ((4, 4), {"instances": 16}, (1, 16)),
        ((2, 4), {"threads": 2}, (2, 3)),
        ((4,), {"threads": 6}, (6, 1)),
        ((4,), {"threads": 3, "instances": 5}, (3, 5)),
    ],
)
def test_a_pool_fills_the_cores_by_what_is_left_to_it(
    cores: tuple[int, ...], asked: dict[str, Any], shape: tuple[int, int]
) -> None:
    assert _fill(cores, BackendSection(**asked)) == shape


class Simulated:
    """Opens instances that take so many ns a sample, by their threads."""

    def __init__(self, **times_ns: int) -> None:
        self._times_ns = times_ns
        self.info = SimpleNamespace(accelerator=False)
        self.topology = SimpleNamespace(counts=(4,))
        self.control = SimpleNamespace(tick=lambda: None)
        self.opened: list[Any] = []

    def place(self, threads: int, instances: int) -> Placement:
        return Placement(why=f"{instances} x {threads}")

    def sut(self, threads: int, cpus: Sequence[int]) -> Any:
        self.opened.append(SimpleNamespace(answer=self._times_ns[f"t{threads}"], batch=1))
        return self.opened[-1]


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A spec of SingleStream; what is measured is what an instance is said to take."""
    monkeypatch.setattr(timing, "service_time", lambda answer, _, **more: ServiceTime(answer, answer, 7))
    monkeypatch.setattr(timing, "one_answer", lambda answer, _, **more: ServiceTime(answer, answer, 1))
    load = SimpleNamespace(
        scenario="SingleStream",
        mode="performance",
        samples_per_query=1,
        expected_latency_ns=None,
        expected_latency_cap_ns=None,
    )
    return SimpleNamespace(backend=BackendSection(), load=load)


def test_a_stream_takes_the_fewest_threads_that_are_not_clearly_beaten(stream: Any) -> None:
    instances: Any = Simulated(t1=1_000_000, t2=600_000, t4=590_000)
    plan = plan_run(stream, instances, [0])
    assert (plan.threads, plan.team.count, plan.team.kind.name) == (2, 1, "inline")
    assert plan.team.first is instances.opened[1]
    assert plan.expected_latency_ns == ServiceTime(600_000, 600_000, 7).expected_latency_ns
    found = plan.calibration
    assert (found.service_time_ns, found.runs) == (600_000, 7)
    assert found.median_ns_by_threads == {"1": 1_000_000, "2": 600_000, "4": 590_000}
    # What only a pool has is not there, rather than an error for whoever asks.
    assert (found.service_time_alone_ns, found.samples_per_second, found.workers_from) == (None, None, None)


def test_a_stream_refuses_more_than_one_instance(stream: Any) -> None:
    instances: Any = Simulated(t1=1)
    stream.backend = BackendSection(instances=2)
    with pytest.raises(ConfigError, match="SingleStream has one query in flight, so one instance: 2 cannot be used"):
        plan_run(stream, instances, [0])


def test_a_server_is_asked_for_half_of_what_it_can_do() -> None:
    assert 99 < server_load(200.0, workers=2) < 100


def test_a_server_of_microseconds_is_asked_for_what_loadgen_and_waking_the_workers_leave() -> None:
    # 25 us of work, and 20 us for the handing over, on two cores.
    assert server_load(80_000.0, workers=2) == pytest.approx(0.5 * 2 / 45e-6)
    # One thread asks, whatever the number of workers.
    for workers in (1, 64):
        assert server_load(1e9, workers) == pytest.approx(25_000, rel=0.01)


@pytest.mark.parametrize(("least_ms", "margin"), [(0, 2), (999, 2), (1000, 1), (60_000, 1)])
def test_offline_has_samples_for_a_machine_that_was_busier_before_and_twice_as_many_where_it_is_short(
    least_ms: int, margin: float
) -> None:
    load = SimpleNamespace(scenario="Offline", min_duration_ms=least_ms, target_qps=None, server_target_latency_ns=None)
    load.server_load = "half"
    spec: Any = SimpleNamespace(load=load)
    alone = ServiceTime(1_000_000, 1_000_000, 7)
    pool: Any = SimpleNamespace(count=2)
    chosen = ChosenWorkers(pool, Speed(1800.0, 1_100_000, 1_100_000), "config", {})
    batch: Any = SimpleNamespace(time_share=1.0)
    # Twice 1,111 a second undisturbed is more than what was seen of both.
    assert pool_load(spec, chosen, alone, batch)[1] == pytest.approx(margin * 2 / 0.0009)
    load.target_qps = 5.0
    assert pool_load(spec, chosen, alone, batch) == (None, 5.0)


def test_an_accuracy_run_asks_once_and_tries_more_threads_for_long_answers_alone(stream: Any) -> None:
    stream.load.mode = "accuracy"
    quick: Any = Simulated(t1=900_000, t2=100_000, t4=50_000)
    plan = plan_run(stream, quick, [0])
    assert (plan.threads, len(quick.opened)) == (1, 1)
    assert (plan.calibration.service_time_ns, plan.calibration.runs) == (900_000, 1)
    assert plan.calibration.median_ns_by_threads is None
    slow: Any = Simulated(t1=90_000_000, t2=50_000_000, t4=30_000_000)
    assert plan_run(stream, slow, [0]).threads == 4
