"""Server and Offline: threads of this process, an instance each. The runtime releases the GIL while it works."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from harness.config.workers import THREADS
from harness.machine.placement import on
from harness.serving.dispatch import pool
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.query_times import QueryTimes
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.instances import Instances
from harness.serving.sut import SystemUnderTest
from harness.worker import pool_timing, timing
from harness.worker.batch import whole_invokes
from harness.worker.teams.team import OFFLINE_CHUNK_NS, Dispatch, PoolTeam, Speed, Window

_MOST_TOGETHER = 64


class Threads(PoolTeam):
    """Worker threads."""

    kind = THREADS

    def __init__(self, instances: Instances, first: SystemUnderTest, threads: int, count: int, alone_ns: int) -> None:
        """Opens as many instances as are wanted beside the first; see `PoolTeam`."""
        placement = instances.place(threads, count)
        others = [instances.sut(threads, placement.of(number), first.batch) for number in range(1, count)]
        super().__init__(instances, first, placement, count, alone_ns, others)
        self._suts = (first, *others)
        self._busy_ns = alone_ns

    @contextlib.contextmanager
    def dispatch(
        self, guard: Guard, times: Sequence[QueueTimes] = (), kept: QueryTimes | None = None
    ) -> Iterator[Dispatch]:
        """See `Team`; each keeps its own `times`."""
        del kept
        # Server's queries go to whoever is free rather than wait for others.
        most = 1 if self.serves else min(_MOST_TOGETHER, OFFLINE_CHUNK_NS // max(1, self._busy_ns))
        chunk = self.whole_batches(most)
        workers = pool.Pool(
            self._suts, guard, self.instances.control, chunk=chunk, times=times, placement=self.placement
        )
        yield Dispatch(workers.issue, self.instances.samples.load, self.instances.samples.unload)
        workers.close()

    def measure(self, indices: Sequence[int]) -> Speed:
        """See `PoolTeam`. Server's queries come through a queue, which costs what a quick model does."""
        per_second, self._busy_ns = self._throughput(indices)
        if not self.serves:
            return Speed(per_second, self._busy_ns, self._busy_ns)
        tick = self.instances.control.tick
        answers = [timing.heard(sut.answer, self._busy_ns, tick) for sut in self._suts]
        with on(self.placement.harness):
            queued = pool_timing.queued_throughput(answers, indices, per_second, placement=self.placement)
            alone_ns = pool_timing.queued_answer_ns(answers[0], indices, self.round_trips, self.placement.of(0))
        per_second = min(per_second, queued)
        # A query occupies its worker for so long, the handing over included.
        self._busy_ns = max(self._busy_ns, int(self.count * 1e9 / per_second))
        return Speed(per_second, self._busy_ns, max(self._busy_ns, alone_ns))

    def rate(self, indices: Sequence[int]) -> float:
        """See `Team`."""
        return self.measure(indices).samples_per_second

    @contextlib.contextmanager
    def window(self, indices: Sequence[int]) -> Iterator[Window]:
        """See `Team`."""
        yield lambda ns, least: self._throughput(indices, measure_ns=ns, min_runs=least)[1]

    def _throughput(self, indices: Sequence[int], **span: int) -> tuple[float, int]:
        """Samples per second of all at once, and how long one occupies its thread, in ns: see `pool_timing.throughput`."""
        if self.serves:
            return pool_timing.throughput(
                [sut.answer for sut in self._suts],
                indices,
                placement=self.placement,
                tick=self.instances.control.tick,
                **span,
            )
        calls = [whole_invokes(sut, indices) for sut in self._suts]
        _, asked, size = calls[0]
        per_second, took_ns = pool_timing.throughput(
            [call for call, *_ in calls], asked, placement=self.placement, tick=self.instances.control.tick, **span
        )
        return size * per_second, took_ns // size
