"""SingleStream and MultiStream: LoadGen's own thread answers, with one instance."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from harness.config.workers import INLINE
from harness.machine.placement import on
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.inline import multi_stream, single_stream
from harness.serving.dispatch.query_times import QueryTimes
from harness.serving.dispatch.queue_times import QueueTimes
from harness.worker import timing
from harness.worker.batch import whole_invokes
from harness.worker.teams.team import Dispatch, Team, Window

_RATE_NS = 200_000_000


class Inline(Team):
    """One query in flight."""

    kind = INLINE

    @property
    def loadgen_cpus(self) -> tuple[int, ...]:
        """Those of the instance."""
        return self.placement.of(0)

    @contextlib.contextmanager
    def dispatch(
        self, guard: Guard, times: Sequence[QueueTimes] = (), kept: QueryTimes | None = None
    ) -> Iterator[Dispatch]:
        """See `Team`. Nothing is queued here, so there are no `times`."""
        del times
        load, control, samples = self.instances.spec.load, self.instances.control, self.instances.samples
        if load.scenario == "SingleStream":
            issue = single_stream(self.first, guard, control, kept)
        else:
            issue = multi_stream(self.first, guard, control, load.samples_per_query, kept)
        yield Dispatch(issue, samples.load, samples.unload)

    def rate(self, indices: Sequence[int]) -> float:
        """See `Team`; takes 0.3 s, or as long as seven answers."""
        call, asked, size = whole_invokes(self.first, indices)
        with on(self.placement.of(0)):
            return size * 1e9 / timing.service_time(call, asked, _RATE_NS, self.instances.control.tick).median_ns

    @contextlib.contextmanager
    def window(self, indices: Sequence[int]) -> Iterator[Window]:
        """See `Team`."""
        call, asked, size = whole_invokes(self.first, indices)
        with on(self.placement.of(0)):
            yield lambda ns, least: timing.median_time(call, asked, ns, least, self.instances.control.tick) // size
