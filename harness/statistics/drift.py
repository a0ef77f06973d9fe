"""How the speed of a run changes while it lasts, from the counts that the worker leaves for the progress bar.

LoadGen's log holds each query's latency only where its trace is on, which is hundreds of megabytes for quick models. The counts
cost the worker nothing.
"""

from __future__ import annotations

import statistics

_LEAST_DONE = 50
"""Samples that a rate is made of: one more or less is 2 %."""
_LEAST_RATES = 8


class QueryPace:
    """Counts over time."""

    def __init__(self) -> None:
        self._at_s, self._done = 0.0, 0
        self._rates: list[float] = []

    def note(self, at_s: float, done: int) -> None:
        """So much is done at this moment. The time before the first sample is no part of the run."""
        if self._done == 0:
            self._at_s, self._done = at_s, done
        elif done - self._done >= _LEAST_DONE and at_s > self._at_s:
            self._rates.append((done - self._done) / (at_s - self._at_s))
            self._at_s, self._done = at_s, done

    def drift(self) -> float | None:
        """How much longer a sample took in the second half than in the first: 0.05 is 5 %.

        The medians of the halves' rates are compared, so that one disturbance is no drift. None where the run was too short.
        """
        if len(self._rates) < _LEAST_RATES:
            return None
        half = len(self._rates) // 2
        return statistics.median(self._rates[:half]) / statistics.median(self._rates[-half:]) - 1
