"""How long each of very many runs took."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.messages.bench import RunLatency

_SURE = 1.96
"""Standard deviations on either side that hold 95 % of a normal distribution."""


class RunTimes:
    """Grows by eight bytes a run."""

    def __init__(self) -> None:
        """None yet."""
        self._times = array("q")
        self.note = self._times.append
        """Takes what one run took, in ns."""

    def __len__(self) -> int:
        """Runs so far."""
        return len(self._times)

    @property
    def nbytes(self) -> int:
        """What they take in memory."""
        return len(self._times) * self._times.itemsize

    def since(self, run: int) -> npt.NDArray[np.int64]:
        """From this run on. A copy: while somebody looks at the times themselves, no more can be noted."""
        return np.array(self._times[run:], np.int64)

    def latency(self, percentiles: Sequence[float] = ()) -> RunLatency:
        """The figures of all; one run at least.

        Args:
            percentiles: What is wanted beside the usual ones, from 0 to 100.
        """
        ordered = np.sort(self.since(0))
        count = len(ordered)

        def at(percent: float) -> int:
            return int(ordered[min(count - 1, int(count * percent // 100))])

        return RunLatency(
            runs=count,
            mean=float(ordered.mean()),
            min=int(ordered[0]),
            max=int(ordered[-1]),
            std=float(ordered.std()),
            median=at(50),
            median_low=int(ordered[max(0, math.floor((count - _SURE * math.sqrt(count)) / 2))]),
            median_high=int(ordered[min(count - 1, math.ceil((count + _SURE * math.sqrt(count)) / 2))]),
            p5=at(5),
            p90=at(90),
            p95=at(95),
            p99=at(99),
            percentiles={f"p{percent:g}": at(percent) for percent in percentiles},
        )
