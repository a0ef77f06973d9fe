"""Server, Offline and MultiStream: actors on the nodes of a Ray cluster, an instance each."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.litert.file.opened_file import OpenedFile
from harness.config.workers import RAY
from harness.machine.memory import Owner
from harness.machine.placement import Placement
from harness.messages.actor import Lent, Loaded, Order
from harness.messages.cluster import ClusterRun, NodeShare
from harness.serving.cluster.files import beside_data, lent_data
from harness.serving.cluster.members import Cluster, MemberOpening
from harness.serving.cluster.on_nodes.resident import data_of
from harness.serving.cluster.pool import ClusterPool, Tallies
from harness.serving.cluster.session import Needs, Session
from harness.serving.cluster.skew import differences
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.query_times import QueryTimes
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.instances import Instances
from harness.serving.responder import Responder
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import SPEC_FILE, Spec
from harness.worker import pool_timing
from harness.worker.pool_timing import Tally
from harness.worker.teams.team import Dispatch, PoolTeam, Speed, Window
from tasks.sets.digests import Digest

_OFFLINE_NS, _ACCURACY_NS, _QUERY_NS, _LEAST_NS = 50_000_000, 200_000_000, 2_000_000, 2_000_000
"""So long should an actor be busy with one piece: a call takes about 1 ms of Ray's and of the network's."""
_BETWEEN_PIECES_NS = 1_000_000
"""Offline and accuracy runs of many actors have larger pieces, so that the head has so long for each."""
TRUST = (
    "trusted network only: Ray lets whoever reaches its ports run any program, and unpickles what it gets; a cluster of the "
    "run's own listens on loopback alone, with a token where Ray has tokens"
)
NETWORK = (
    "LoadGen's times hold the network between the head and the nodes, but no sample travels in them: samples lie on the nodes "
    "beforehand, and indices and answers travel. So it is no run of MLPerf inference's network division, where samples go over "
    "the network while LoadGen measures, and none of the mobile or tiny suites, whose system is one device"
)


def open_session(spec: Spec, instances: Instances, threads: int) -> Cluster:
    """Joins or starts the cluster, and sees what there is room for.

    Raises:
        ConfigError: See `Session` and `Cluster`.
    """
    asked = spec.backend.instances
    cpus = threads if spec.dispatch.cpus == "auto" else spec.dispatch.cpus
    needs = Needs(float(cpus), spec.dispatch.resources)
    session = Session(spec.dispatch)
    instances.control.tick()
    try:
        return Cluster(
            session, needs, None if asked == "auto" else asked, spec.backend.timeout_s, instances.control.tick
        )
    except BaseException:
        session.close()
        raise


class ClusterTeam(PoolTeam):
    """Actors; the first instance, which is in this process, only tells what there is to know of the model."""

    kind = RAY

    def __init__(
        self, instances: Instances, first: SystemUnderTest, cluster: Cluster, threads: int, alone_ns: int
    ) -> None:
        """Opens the instances that the cluster has room for; see `PoolTeam`.

        Args:
            instances: What opened the first.
            first: An instance in this process.
            cluster: Not open yet; ended by this.
            threads: Of an instance.
            alone_ns: What the first takes for a sample.

        Raises:
            Reported: What went wrong on a node.
            RunFailed: A node is gone, or has other data.
        """
        placement = Placement(why="Ray places the actors, the system their threads")
        super().__init__(instances, first, placement, 1, alone_ns)
        self._cluster, self._tallies = cluster, Tallies()
        cluster.open(_opening(instances, threads, first.batch, max(1, alone_ns)))
        self.count = len(cluster.members)

    @contextlib.contextmanager
    def dispatch(
        self, guard: Guard, times: Sequence[QueueTimes] = (), kept: QueryTimes | None = None
    ) -> Iterator[Dispatch]:
        """See `Team`."""
        del kept
        samples, accuracy = self.instances.samples, self.instances.spec.load.mode == "accuracy"

        def note(loaded: Loaded) -> None:
            samples.digests.update(loaded.digests)

        pool = self._pool(guard, Responder, guard.abandon, times, note)
        watching = self._cluster.watch(pool.join)

        def load(indices: Sequence[int]) -> None:
            # An accuracy run is not timed: whoever is asked a sample prepares it then, each once on the whole cluster.
            found: dict[int, Digest] = {} if accuracy else self._cluster.load(indices, samples.on_sample)
            samples.digests.update(found)

        def unload(_: Sequence[int]) -> None:
            self._cluster.unload()

        try:
            yield Dispatch(pool.issue, load, unload)
        finally:
            self._cluster.stop_watching(watching)
        pool.close()
        self._tallies = pool.tallies

    def measure(self, indices: Sequence[int]) -> Speed:
        """See `PoolTeam`. All that a run has but LoadGen is there."""
        with self._trial(indices) as (issue, tally):
            per_second = self._rate(issue, tally, indices)
            busy_ns = int(self.count * 1e9 / per_second)
            answer_ns = max(busy_ns, self._round_trip_ns(issue, tally, indices, 1)) if self.one_by_one else busy_ns
        return Speed(per_second, busy_ns, answer_ns)

    def query_ns(self, indices: Sequence[int], size: int) -> int:
        """What a query of so many samples takes from asking to its completion, in ns: the median."""
        with self._trial(indices) as (issue, tally):
            return self._round_trip_ns(issue, tally, indices, size)

    def rate(self, indices: Sequence[int]) -> float:
        """See `Team`."""
        with self._trial(indices) as (issue, tally):
            return self._rate(issue, tally, indices)

    @contextlib.contextmanager
    def window(self, indices: Sequence[int]) -> Iterator[Window]:
        """See `Team`."""
        with self._trial(indices) as (issue, tally):
            yield lambda ns, least: int(
                self.count * 1e9 / self._rate(issue, tally, indices, measure_ns=ns, min_runs=least * self.count)
            )

    @property
    def one_by_one(self) -> bool:
        """Whether queries come one after the other, as they do but in Offline."""
        return self.instances.spec.load.scenario != "Offline"

    def cluster_run(self) -> ClusterRun:
        """See `Team`; when LoadGen has ended."""
        cluster = self._cluster
        total = sum(member.answered for member in cluster.members) or 1
        shares = []
        for node, facts in cluster.nodes.facts.items():
            here = [member for member in cluster.members if member.node == node]
            answered = sum(member.answered for member in here)
            if here:
                lost = sum(member.lost or member.silent for member in here)
                late = all(member.late for member in here)
                shares.append(NodeShare(node, facts, len(here), answered, answered / total, late, lost))
        session = cluster.session
        return ClusterRun(
            session.address,
            session.version,
            tuple(shares),
            self._tallies.sent_again,
            self._tallies.late_answers,
            TRUST,
            NETWORK,
        )

    def warnings(self) -> list[str]:
        """See `Team`."""
        told = self.cluster_run()
        lost = [f"{node.facts.address} ({node.lost} of {node.instances})" for node in told.nodes if node.lost]
        return [
            *differences([node.facts for node in told.nodes]),
            *([f"instances died or fell silent while LoadGen asked, on {', '.join(lost)}"] if lost else []),
            *self._cluster.nodes.why_not_joined,
        ]

    def leave_nothing(self) -> None:
        """Ends the actors, and the folder of a cluster of this run's own; see `Team`."""
        self._cluster.close()

    def dismiss(self) -> None:
        """Ends the actors, and a cluster of this run's own; see `Team`."""
        super().dismiss()
        self._cluster.close()

    def _elsewhere(self) -> Sequence[Owner]:
        """Those on this very machine: memory of others is not counted."""
        cluster = self._cluster
        here = cluster.nodes.head.boot
        started = [
            cluster.started[member.number]
            for member in cluster.members
            if here is not None and cluster.nodes.facts[member.node].boot == here
        ]
        return [Owner(one.pid, one.own_bytes) for one in started if Path(f"/proc/{one.pid}").exists()]

    def _devices_elsewhere(self) -> Sequence[str | None]:
        return [started.device for started in self._cluster.started.values()]

    def _pool(
        self,
        guard: Guard,
        completer: Callable[[int], Any],
        abandon: Callable[[Sequence[int]], None],
        times: Sequence[QueueTimes] = (),
        loaded: Callable[[Loaded], None] = lambda _: None,
    ) -> ClusterPool:
        spec = self.instances.spec
        target_ns, least_ns = (_QUERY_NS, 0) if self.one_by_one else (_OFFLINE_NS, _LEAST_NS)
        if spec.load.mode == "accuracy":
            target_ns, least_ns = _ACCURACY_NS, 0
        if not self.one_by_one or spec.load.mode == "accuracy":
            target_ns = max(target_ns, self.count * _BETWEEN_PIECES_NS)
            least_ns = max(least_ns, self.count * _BETWEEN_PIECES_NS // 8)
        members = [member for member in self._cluster.members if not member.lost]
        for member in members:
            member.silent, member.answered = False, 0
            member.asked.clear()
        return ClusterPool(
            members,
            guard,
            self.instances.control,
            target_ns=target_ns,
            least_ns=least_ns,
            completer=completer,
            abandon=abandon,
            is_loss=self._cluster.session.is_loss,
            resend_after_s=spec.dispatch.resend_after_s,
            loaded=loaded,
            times=times,
            batch=1 if self.one_by_one else self.batch,
        )

    @contextlib.contextmanager
    def _trial(self, indices: Sequence[int]) -> Iterator[tuple[Callable[[list[int], list[int]], None], Tally]]:
        """The actors with samples in them, and without LoadGen."""
        tally, control = Tally(), self.instances.control
        guard = Guard(control, lambda _: None)
        pool = self._pool(guard, lambda _: tally, tally.abandon)
        try:
            self._cluster.load(indices, control.tick)
            yield pool.issue, tally
            self._cluster.unload()
        finally:
            pool.close()
        if guard.failure is not None:
            raise guard.failure

    def _rate(
        self, issue: Callable[[list[int], list[int]], None], tally: Tally, indices: Sequence[int], **span: int
    ) -> float:
        """Samples per second as LoadGen would ask them; `span` is the last arguments of `pool_timing.pool_throughput`."""
        expected = self.count * 1e9 / self.alone_ns
        return pool_timing.pool_throughput(issue, tally, indices, expected, one_by_one=self.one_by_one, **span)

    def _round_trip_ns(
        self, issue: Callable[[list[int], list[int]], None], tally: Tally, indices: Sequence[int], size: int
    ) -> int:
        asked = [indices[place % len(indices)] for place in range(size)]

        def ask(_: int) -> None:
            tally.expect(size)
            issue(list(range(size)), asked)
            tally.wait()

        return pool_timing.round_trip_ns(ask, indices, self.round_trips)


def _opening(instances: Instances, threads: int, batch: int, service_ns: float) -> MemberOpening:
    spec, task = instances.spec, instances.task
    recipe = instances.opener.recipe(threads, (), batch)
    # Packed weights lie in this machine's memory, or in its cache.
    options = {name: value for name, value in recipe.options.items() if name != "weight_cache"}
    # A node's libraries are its own.
    model = next((file for file in recipe.held if file.path == recipe.model), None) or OpenedFile.of(recipe.model)
    order = Order(
        spec=(instances.folder / SPEC_FILE).read_text(encoding="utf-8"),
        recipe=replace(recipe, options=options, held=(model,)),
        loads_as_asked=spec.load.mode == "accuracy",
        cpus=max(1, math.ceil(threads)),
    )
    lent = (Lent(str(model.path), model.sha256), *lent_data(spec))
    return MemberOpening(order, lent, beside_data(spec, task), data_of(task), len(task), service_ns)
