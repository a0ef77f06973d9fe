"""M/D/c by formula against a simulation, a brute-force solution and what is known in closed form."""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.statistics.queueing import DeterministicQueue, highest_utilisation, peak_rate, service_time_behind


def _simulated_waits(servers: int, utilisation: float, count: int) -> npt.NDArray[Any]:
    """Waiting times, in service times, of queries that come one by one, each to the server that is free first."""
    arrivals = np.cumsum(np.random.default_rng(7).exponential(1 / (servers * utilisation), count))
    free = [0.0] * servers
    waits = np.empty(count)
    for number, arrival in enumerate(arrivals.tolist()):
        begun = max(arrival, free[0])
        heapq.heapreplace(free, begun + 1)
        waits[number] = begun - arrival
    return waits


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.7), (2, 0.5), (2, 0.75), (4, 0.85), (16, 0.85)])
def test_waiting_times_are_those_of_a_simulation(servers: int, utilisation: float) -> None:
    waits = _simulated_waits(servers, utilisation, 200_000)
    queue = DeterministicQueue(servers, utilisation)
    for wait in (0.0, 0.3, 1.0, 2.5, 5.0):
        assert queue.waits_at_most(wait) == pytest.approx(float(np.mean(waits <= wait)), abs=0.012)
    for share in (0.5, 0.9, 0.99):
        assert queue.latency(share) == pytest.approx(1 + float(np.quantile(waits, share)), rel=0.06)


@pytest.mark.parametrize("utilisation", [0.2, 0.6, 0.9])
def test_one_server_has_the_closed_form_of_erlang(utilisation: float) -> None:
    # A. K. Erlang, 1909: P(W <= x) = (1 - r) sum over k up to x of (r (k - x))^k / k! e^(-r (k - x))
    queue = DeterministicQueue(1, utilisation)
    for wait in (0.0, 0.5, 1.25, 3.0, 7.75):
        terms = [
            (utilisation * (k - wait)) ** k / math.factorial(k) * math.exp(-utilisation * (k - wait))
            for k in range(math.floor(wait) + 1)
        ]
        assert queue.waits_at_most(wait) == pytest.approx((1 - utilisation) * sum(terms), abs=1e-9)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.9), (2, 0.95), (8, 0.9), (32, 0.8)])
def test_the_geometric_tail_gives_what_many_more_states_give(servers: int, utilisation: float) -> None:
    queue = DeterministicQueue(servers, utilisation)
    count, mean = 900, servers * utilisation
    came = np.exp([k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count)])
    chain = np.zeros((count, count))
    for state in range(count):
        left = max(0, state - servers)
        chain[state, left:] = came[: count - left]
    chain[:, -1] += 1 - chain.sum(axis=1)
    chances = np.linalg.solve(
        np.vstack([(chain.T - np.eye(count))[:-1], np.ones(count)]), np.append(np.zeros(count - 1), 1.0)
    )
    assert queue.waits_at_most(0) == pytest.approx(chances[:servers].sum(), abs=1e-9)
    later = np.exp([k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(6 * servers)])
    sums = chances.cumsum()[servers:]
    assert queue.waits_at_most(5) == pytest.approx(
        sum(later[k] * sums[6 * servers - 1 - k] for k in range(6 * servers)), abs=1e-8
    )


@pytest.mark.parametrize(("servers", "bound"), [(1, 3.0), (2, 6.0), (4, 6.0), (2, 100.0)])
def test_the_highest_utilisation_just_holds_the_bound(servers: int, bound: float) -> None:
    highest = highest_utilisation(servers, bound, 0.99)
    assert DeterministicQueue(servers, highest).latency(0.99) == pytest.approx(bound, rel=1e-3)
    assert DeterministicQueue(servers, min(0.9999, highest * 1.01)).latency(0.99) > bound


def test_more_servers_and_a_looser_bound_allow_more() -> None:
    by_servers = [highest_utilisation(servers, 6.0, 0.99) for servers in (1, 2, 4, 8)]
    by_bound = [highest_utilisation(2, bound, 0.99) for bound in (1.5, 3.0, 6.0, 12.0)]
    assert by_servers == sorted(set(by_servers))
    assert by_bound == sorted(set(by_bound))


def test_a_bound_below_the_service_time_allows_nothing_and_one_above_all_sense_allows_nearly_everything() -> None:
    assert highest_utilisation(2, 0.9, 0.99) == 0
    assert peak_rate(2, 0.01, 0.005, 0.99) == 0
    assert highest_utilisation(2, 1e9, 0.99) > 0.999


@pytest.mark.parametrize("utilisation", [0.3, 0.8, 0.95])
def test_the_service_time_behind_a_latency_is_the_one_that_makes_it(utilisation: float) -> None:
    service_ms, servers = 4.0, 2
    rate = utilisation * servers / service_ms
    latency_ms = service_ms * DeterministicQueue(servers, utilisation).latency(0.99)
    assert service_time_behind(servers, rate, latency_ms, 0.99) == pytest.approx(service_ms, rel=1e-3)


@pytest.mark.parametrize(("servers", "utilisation"), [(0, 0.5), (1, 0.0), (1, 1.0), (2, 1.5)])
def test_a_queue_that_never_settles_is_refused(servers: int, utilisation: float) -> None:
    with pytest.raises(ValueError, match="no queue in equilibrium"):
        DeterministicQueue(servers, utilisation)
