"""M/D/c: queries at random times (Poisson), a service time that is always the same, c servers, one queue.

That is what LoadGen's Server scenario is to a pool of workers, as long as nothing but queueing costs time: its schedule is
Poisson, and a model takes about as long for one sample as for the next. So this says which load a latency bound allows.

Time is counted in service times, load as utilisation: the share of the servers' time that is used (arrivals per service time,
divided by the servers).

Sources: C. D. Crommelin, "Delay probability formulae when the holding times are constant", Post Office Electrical Engineers
Journal 25 (1932), for the chain of the number in the system; H. C. Tijms, "A First Course in Stochastic Models" (2003),
section 9.6.2, for its geometric tail; G. J. Franx, "A simple solution for the M/D/c waiting time distribution", Operations
Research Letters 29 (2001), for the waiting time.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_Float64 = npt.NDArray[np.float64]

_STATES, _STATES_PER_SERVER = 60, 10
"""States solved for before the tail is taken as geometric. The error is below 1e-9 for 1 to 64 servers."""
_HALVINGS = 50
_EXACT = 1e-5
_HIGHEST = 0.9999
"""Beyond this utilisation nothing is asked: no run is long enough to see it."""


class DeterministicQueue:
    """One M/D/c queue in equilibrium."""

    def __init__(self, servers: int, utilisation: float) -> None:
        """Solves for the number in the system.

        Args:
            servers: At least 1.
            utilisation: More than 0, less than 1.

        Raises:
            ValueError: No equilibrium, or nothing to compute.
        """
        if servers < 1 or not 0 < utilisation < 1:
            raise ValueError(f"{servers} servers at utilisation {utilisation} are no queue in equilibrium")
        self._servers = servers
        self._arrivals = servers * utilisation
        self._decay = _tail_decay(utilisation)
        self._states = _stationary(servers, self._arrivals, self._decay)
        self._sums = np.cumsum(self._states)

    def waits_at_most(self, wait: float) -> float:
        """The share of the queries that wait no longer than this many service times before they are begun."""
        if wait < 0:
            return 0.0
        whole = math.floor(wait) + 1
        most = whole * self._servers - 1
        # Of the Poisson numbers beyond these, less than 1e-15 is left.
        count = min(most + 1, 2 * self._servers + 60)
        later = _poisson(self._arrivals * (whole - wait), count)
        return min(1.0, float(later @ self._queued_at_most(most - np.arange(count))))

    def latency(self, share: float) -> float:
        """Within how many service times this share of the queries is answered, waiting and service together.

        Args:
            share: 0 to 1, for example 0.99 for p99.
        """
        low, high = 0.0, 1.0
        if self.waits_at_most(low) >= share:
            return 1.0
        while self.waits_at_most(high) < share:
            low, high = high, 2 * high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.waits_at_most(middle) >= share else (middle, high)
        return 1.0 + high

    def _queued_at_most(self, waiting: npt.NDArray[np.int64]) -> _Float64:
        """The chance that no more than so many wait (those in service apart)."""
        place = waiting + self._servers
        last = len(self._sums) - 1
        tail = self._states[-1] * self._decay / (1 - self._decay)
        beyond = tail * (1 - self._decay ** np.maximum(0, place - last))
        return np.asarray(self._sums[np.minimum(place, last)] + beyond, np.float64)


def highest_utilisation(servers: int, bound: float, share: float) -> float:
    """The highest utilisation at which this share of the queries is answered within the bound.

    Args:
        servers: At least 1.
        bound: On waiting and service together, in service times.
        share: 0 to 1, for example 0.99.

    Returns:
        0 where even a query that never waits is too late.
    """
    if bound < 1:
        return 0.0
    low, high = 0.0, _HIGHEST
    if _holds(servers, high, bound, share):
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _holds(servers, middle, bound, share) else (low, middle)
        if high - low < _EXACT:
            break
    return low


def peak_rate(servers: int, service_time: float, bound: float, share: float) -> float:
    """The highest rate of arrivals that the bound allows, one over the unit in which `service_time` and `bound` are given."""
    return highest_utilisation(servers, bound / service_time, share) * servers / service_time


def service_time_behind(servers: int, rate: float, latency: float, share: float) -> float:
    """The service time that would make this latency of this load: what a run says of the server behind it.

    Args:
        servers: At least 1.
        rate: Arrivals, per unit of time.
        latency: Within which `share` of the queries was answered, in the same unit.
        share: 0 to 1.
    """
    low, high = 0.0, min(latency, _HIGHEST * servers / rate)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        quick = _holds(servers, rate * middle / servers, latency / middle, share)
        low, high = (middle, high) if quick else (low, middle)
        if high - low < _EXACT * high:
            break
    return high


def _holds(servers: int, utilisation: float, bound: float, share: float) -> bool:
    return DeterministicQueue(servers, utilisation).waits_at_most(bound - 1) >= share


def _tail_decay(utilisation: float) -> float:
    """The ratio of the chances of n+1 and n in the system for large n: 1/t, where t > 1 and ln(t) = utilisation (t - 1)."""
    low, high = 1.0, 2.0
    while math.log(high) > utilisation * (high - 1):
        low, high = high, 2 * high
    for _ in range(2 * _HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if math.log(middle) > utilisation * (middle - 1) else (low, middle)
    return 1 / high


def _stationary(servers: int, arrivals: float, decay: float) -> _Float64:
    """The chances of 0, 1, ... in the system; from the last one on they decay geometrically.

    Looked at one service time later, whoever was in service has gone and whoever came meanwhile is there, a Poisson number.
    """
    count = _STATES + _STATES_PER_SERVER * servers
    came = _poisson(arrivals, count + servers)
    # matrix[later, now] is the chance to get from one to the other; `now` runs on to where the geometric tail has begun.
    later, now = np.arange(count)[:, None], np.arange(count + servers)[None, :]
    new = later - np.maximum(0, now - servers)
    reached = np.where(new >= 0, came[np.maximum(0, new)], 0.0)
    matrix = reached[:, :count].copy()
    matrix[:, -1] += reached[:, count:] @ decay ** np.arange(1, servers + 1)
    matrix -= np.eye(count)
    matrix[-1] = 1.0
    matrix[-1, -1] = 1 / (1 - decay)
    whole = np.zeros(count)
    whole[-1] = 1.0
    return np.asarray(np.clip(np.linalg.solve(matrix, whole), 0.0, None), np.float64)


def _poisson(mean: float, count: int) -> _Float64:
    """The chances of 0 to `count` - 1 events."""
    if mean == 0:
        return np.asarray(np.arange(count) == 0, np.float64)
    numbers = np.arange(count)
    logs = numbers * math.log(mean) - mean - np.concatenate([[0.0], np.cumsum(np.log(numbers[1:]))])
    return np.asarray(np.exp(logs), np.float64)
