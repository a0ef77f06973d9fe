"""What answers Server and Offline: threads of the worker, or processes of their own, whichever are quicker here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.config import workers as known
from harness.errors import ConfigError
from harness.model.opening import Opener
from harness.serving.instances import Instances
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import Spec
from harness.worker.teams.pools import POOLS
from harness.worker.teams.team import PoolTeam, Speed
from harness.worker.timing import NOT_TIMED, ServiceTime

_CLEARLY = 1.02
"""A later pool is used where it is so many times quicker: processes take memory of their own."""


@dataclass(frozen=True, slots=True)
class ChosenWorkers:
    """Who answers, and how fast."""

    pool: PoolTeam
    speed: Speed
    why: str
    rates: Mapping[str, float]
    """Samples per second of all that were measured; none in a run that is not timed."""


def choose_workers(
    spec: Spec,
    instances: Instances,
    first: SystemUnderTest,
    threads: int,
    count: int,
    indices: Sequence[int],
    alone: ServiceTime,
) -> ChosenWorkers:
    """Measures what comes into question, and keeps the better one.

    Args:
        spec: The run.
        instances: Opens instances.
        first: The first of them.
        threads: Of an instance.
        count: That work at once.
        indices: Samples that are loaded.
        alone: What the first instance takes for one of them.

    Raises:
        RunFailed: A process died.
        harness.errors.Reported: One says what went wrong.
    """
    texts = any(each.dtype.hasobject for each in first.backend.inputs)
    (name, *rivals), why = _candidates(spec, instances.opener, alone, texts=texts)
    if spec.load.mode == "accuracy":
        pool = POOLS[name](instances, first, threads, count, alone.median_ns)
        speed = Speed(count * 1e9 / alone.median_ns, alone.median_ns, alone.median_ns)
        return ChosenWorkers(pool, speed, why if why == "config" else NOT_TIMED, {})

    def measured(name: str) -> tuple[PoolTeam, Speed]:
        pool = POOLS[name](instances, first, threads, count, alone.median_ns)
        try:
            speed = pool.measure(indices)
        except BaseException:
            pool.dismiss()
            raise
        rates[name] = speed.samples_per_second
        return pool, speed

    rates: dict[str, float] = {}
    best, speed = measured(name)
    for name in rivals:
        loser, its = measured(name)
        if its.samples_per_second > _CLEARLY * speed.samples_per_second:
            best, loser, speed = loser, best, its
        loser.dismiss()
    return ChosenWorkers(best, speed, why, rates)


def _candidates(spec: Spec, opener: Opener, alone: ServiceTime, *, texts: bool) -> tuple[Sequence[str], str]:
    if texts:
        if spec.backend.workers == known.PROCESSES.name:
            raise ConfigError(
                "the model takes texts, which processes cannot share: leave out backend.workers=processes"
            )
        return [known.THREADS.name], "the model takes texts, which processes cannot share"
    if opener.lives_on:
        if spec.backend.workers == known.PROCESSES.name:
            raise ConfigError(
                "with --state keep the model lives on in the one instance of this process: leave out backend.workers=processes"
            )
        return [known.THREADS.name], "what the model keeps lives on in one instance"
    if spec.backend.workers != "auto":
        return [spec.backend.workers], "config"
    why_not = {name: pool.why_not_unasked(spec.backend.name, alone.median_ns) for name, pool in known.POOLS.items()}
    tried = [name for name, why in why_not.items() if not why]
    return tried, "measured" if len(tried) > 1 else "; ".join(filter(None, why_not.values()))
