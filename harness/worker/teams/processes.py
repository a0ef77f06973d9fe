"""Server and Offline: processes with an instance each, for models of microseconds, which threads would ask in turn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from harness.config.workers import PROCESSES
from harness.machine.memory import Owner
from harness.machine.placement import on
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.peers import Peers
from harness.serving.dispatch.processes import ProcessPool
from harness.serving.dispatch.query_times import QueryTimes
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.instances import Instances
from harness.serving.responder import Responder
from harness.serving.sut import SystemUnderTest
from harness.worker import pool_timing
from harness.worker.pool_timing import Tally
from harness.worker.teams.team import OFFLINE_CHUNK_NS, Dispatch, PoolTeam, Speed, Window

_MOST_TOGETHER = 256
_SERVER_CHUNK_NS = 100_000
"""Queries that wait already are handed to a process together, as many as it answers in so long."""


class Processes(PoolTeam):
    """Processes; the first instance, which is in this one, only tells what there is to know of the model."""

    kind = PROCESSES
    copies_samples = True

    def __init__(self, instances: Instances, first: SystemUnderTest, threads: int, count: int, alone_ns: int) -> None:
        """Starts as many as are wanted; see `PoolTeam`.

        Raises:
            RunFailed: One died.
            harness.errors.Reported: One says what went wrong.
        """
        super().__init__(instances, first, instances.place(threads, count, apart=True), count, alone_ns)
        recipes = [instances.opener.recipe(threads, self.placement.of(number), first.batch) for number in range(count)]
        self._peers = Peers(recipes, instances.folder, instances.control.tick)
        together = OFFLINE_CHUNK_NS // max(1, alone_ns)
        most = _SERVER_CHUNK_NS // max(1, alone_ns) if self.serves else min(_MOST_TOGETHER, together)
        self._chunk = self.whole_batches(most)

    @contextlib.contextmanager
    def dispatch(
        self, guard: Guard, times: Sequence[QueueTimes] = (), kept: QueryTimes | None = None
    ) -> Iterator[Dispatch]:
        """See `Team`; each keeps its own `times`."""
        del kept
        samples = self.instances.samples
        pool = ProcessPool(
            self._peers,
            guard,
            self.instances.control,
            chunk=self._chunk,
            completer=Responder,
            abandon=guard.abandon,
            times=times,
            batch=self.batch,
        )

        def load(indices: Sequence[int]) -> None:
            samples.load(indices)
            pool.load(samples.rows, indices, self.first.backend.inputs)
            # The peers have them now.
            samples.unload(indices)

        yield Dispatch(pool.issue, load, lambda _: pool.unload())
        pool.close()

    def measure(self, indices: Sequence[int]) -> Speed:
        """See `PoolTeam`. All that a run has but LoadGen is there."""
        with self._trial(indices) as trial:
            per_second = trial.samples_per_second()
            busy_ns = int(self.count * 1e9 / per_second)
            answer_ns = max(busy_ns, trial.round_trip_ns()) if self.serves else busy_ns
        return Speed(per_second, busy_ns, answer_ns)

    def rate(self, indices: Sequence[int]) -> float:
        """See `Team`."""
        with self._trial(indices) as trial:
            return trial.samples_per_second()

    @contextlib.contextmanager
    def window(self, indices: Sequence[int]) -> Iterator[Window]:
        """See `Team`."""
        count = self.count
        with self._trial(indices) as trial:
            yield lambda ns, least: int(count * 1e9 / trial.samples_per_second(measure_ns=ns, min_runs=least * count))

    def dismiss(self) -> None:
        """Ends the processes; see `Team`."""
        super().dismiss()
        self._peers.close()

    def _elsewhere(self) -> Sequence[Owner]:
        return [Owner(peer.process.pid, peer.own_bytes) for peer in self._peers]

    def _devices_elsewhere(self) -> Sequence[str | None]:
        return [peer.device for peer in self._peers]

    @contextlib.contextmanager
    def _trial(self, indices: Sequence[int]) -> Iterator[_Trial]:
        """The pool with samples in it, and without LoadGen."""
        instances, tally = self.instances, Tally()
        guard = Guard(instances.control, lambda _: None)
        with on(self.placement.harness):
            pool = ProcessPool(
                self._peers,
                guard,
                instances.control,
                chunk=self._chunk,
                completer=lambda _: tally,
                abandon=tally.abandon,
                batch=1 if self.serves else self.batch,
            )
            try:
                pool.load(instances.samples.rows, indices, self.first.backend.inputs)
                yield _Trial(self, pool, tally, indices)
                pool.unload()
            finally:
                pool.close()
        if guard.failure is not None:
            raise guard.failure


class _Trial:
    """What can be measured of a pool that has samples."""

    def __init__(self, team: Processes, pool: ProcessPool, tally: Tally, indices: Sequence[int]) -> None:
        self._team, self._issue, self._tally, self._indices = team, pool.issue, tally, indices

    def samples_per_second(self, **span: int) -> float:
        """As LoadGen would ask them; `span` is the last arguments of `pool_timing.pool_throughput`."""
        team = self._team
        expected = team.count * 1e9 / team.alone_ns
        return pool_timing.pool_throughput(
            self._issue, self._tally, self._indices, expected, one_by_one=team.serves, **span
        )

    def round_trip_ns(self) -> int:
        """What a sample takes from asking the idle pool to its completion."""
        return pool_timing.round_trip_ns(self._ask_one, self._indices, self._team.round_trips)

    def _ask_one(self, index: int) -> None:
        self._tally.expect(1)
        self._issue([0], [index])
        self._tally.wait()
