"""LoadGen let loose: its wish for samples, the machine and the processes before and after, and nothing else meanwhile."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from harness.config.official.rules import STREAMS
from harness.errors import RunFailed
from harness.machine.child_process import awake_on_time
from harness.machine.control import Phase
from harness.machine.memory import Residents
from harness.machine.placement import on, pin
from harness.machine.state import MachineState, read_state
from harness.machine.watched.clocks import Clocks, read_clocks, step_of
from harness.messages.server_times import ServerTimes
from harness.results.queries.query_times import KeptTimes, of_memory
from harness.serving import loadgen
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.query_times import QueryTimes
from harness.serving.dispatch.queue_times import QueueTimes, of_each_query, summary
from harness.serving.instances import Instances
from harness.spec.schema import Spec
from harness.worker.queries import expected_queries, generated_queries
from harness.worker.teams.team import Team

_SWITCH_INTERVAL_S = 0.005
"""After so long a thread that runs Python is asked to let another have the GIL. Workers give it up by themselves at every
invoke, so being asked sooner only costs switches: keyword spotting on a pool of threads, 12 rounds in turn, at 0.5, 0.1 and
0.02 ms had a Server p50 of 1.07, 1.15 and 1.13 times and an Offline rate of 0.98, 0.94 and 0.89 times that at 5 ms, and the
tail was the same."""


@dataclass(frozen=True, slots=True)
class Driven:
    """What was seen while LoadGen drove, and just before and after."""

    loadgen: Mapping[str, str | int | float | bool]
    """The settings in force."""
    first_query_at: float
    before: MachineState
    after: MachineState
    queue_times: ServerTimes | None
    query_times: KeptTimes | None
    """Of each query; None where nobody wants them, and in Offline, which has one."""


def drive(
    spec: Spec,
    folder: Path,
    instances: Instances,
    own_bytes: int,
    team: Team,
    settings: loadgen.RunSettings,
    pause_s: float,
    tell: Callable[[Residents], None],
    guard: Guard,
) -> Driven:
    """Lets LoadGen drive.

    Args:
        spec: The run.
        folder: Its directory, the current one.
        instances: What opened the instances.
        own_bytes: This process's memory before the model was opened.
        team: Who answers.
        settings: What LoadGen is told.
        pause_s: For so long no query may be counted without anything being wrong.
        tell: Asks the parent to measure the run's processes.
        guard: Keeps the first failure of a callback.

    Raises:
        Exception: What failed in a callback, when LoadGen has come to its end.
        RunFailed: LoadGen refuses the settings, or the system's clock was set while it measured.
    """
    watched = _Watched(spec, instances, own_bytes, team, tell)
    start = _Start(instances, team, settings, pause_s, watched)
    instances.samples.on_sample = start.count_sample
    server = spec.load.scenario == "Server"
    each = expected_queries(settings) // team.count
    times = [QueueTimes(each) for _ in range(team.count)] if server else []
    kept = _kept(spec, settings)
    with (
        on(team.placement.harness or start.everywhere),
        team.dispatch(guard, times, kept) as dispatch,
        undisturbed(),
    ):
        in_force = loadgen.drive(
            settings,
            model=spec.benchmark,
            issue=dispatch.issue,
            load=guard.wrap(partial(start.load, dispatch.load)),
            unload=guard.wrap(dispatch.unload),
            folder=folder,
        )
        after = watched.machine()
        timed = spec.load.mode != "accuracy"
        step = step_of(start.clocks, read_clocks()) if timed and start.clocks is not None else ""
    instances.control.enter(Phase.WRITING)
    # What is done afterwards is no part of the run.
    watched.measure_memory("ended")
    if guard.failure is not None:
        raise guard.failure
    if step:
        raise RunFailed(step)
    if start.before is None:
        raise RunFailed("LoadGen came to its end without loading a sample")
    if server:
        each_query = of_each_query(times) if spec.load.query_times and not settings.accuracy else None
        return Driven(in_force, start.first_query_at, start.before, after, summary(times), each_query)
    return Driven(in_force, start.first_query_at, start.before, after, None, of_memory(kept.words) if kept else None)


def _kept(spec: Spec, settings: loadgen.RunSettings) -> QueryTimes | None:
    """Memory for the times of a stream's queries, which one thread answers."""
    if settings.accuracy or not spec.load.query_times or settings.scenario not in STREAMS:
        return None
    return QueryTimes(generated_queries(settings), settings.expected_latency_ns)


class _Watched:
    """The processes of the run, as they are measured before LoadGen asks and after."""

    def __init__(
        self, spec: Spec, instances: Instances, own_bytes: int, team: Team, tell: Callable[[Residents], None]
    ) -> None:
        self._instances, self._tell = instances, tell
        self._owners = tuple(team.owners(own_bytes))
        weights = spec.backend.options.get("weight_cache")
        self._samples = str(spec.cache_dir / "samples")
        self._weights = weights if isinstance(weights, str) else str(spec.cache_dir / "weights")
        self.machine = partial(read_state, instances.topology.cpus, [*team.pids(), os.getppid()])
        """The machine's state."""

    def measure_memory(self, moment: Literal["loaded", "ended"]) -> None:
        """Holds still until the parent has measured the processes."""
        instances = self._instances
        residents = Residents(
            moment, self._owners, str(instances.opener.model), self._samples, self._weights, instances.samples.own_bytes
        )
        instances.control.hold_still(lambda: self._tell(residents))


class _Start:
    """LoadGen's wish for samples: the last thing before its first query."""

    def __init__(
        self, instances: Instances, team: Team, settings: loadgen.RunSettings, pause_s: float, watched: _Watched
    ) -> None:
        self._control, self._team, self._settings, self._watched = instances.control, team, settings, watched
        self._pause_s = pause_s
        self._words, self._slot = instances.control.slot(0)
        self.everywhere = sorted(instances.topology.cpus) if team.placement.instances else ()
        """The CPUs of what is bound to none, where instances are."""
        self.before: MachineState | None = None
        """The machine before the first query."""
        self.first_query_at = 0.0
        self.clocks: Clocks | None = None
        """As they were before the first query."""

    def count_sample(self) -> None:
        """One is loaded."""
        self._words[self._slot] += 1

    def load(self, load: Callable[[Sequence[int]], None], indices: Sequence[int]) -> None:
        """Loads samples, of which LoadGen wants several lots one after the other in an accuracy run."""
        control, settings = self._control, self._settings
        control.enter(Phase.PREPARING, len(set(indices)))
        with on(self.everywhere):
            load(indices)
        if self.before is None:
            self._watched.measure_memory("loaded")
        # This is LoadGen's thread; those that it has made by now stay where they are.
        pin(self._team.loadgen_cpus)
        control.enter(Phase.RUNNING, expected_queries(settings), self._pause_s)
        if self.before is None:
            self.before = self._watched.machine()
            self.first_query_at = time.time()
            self.clocks = read_clocks()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage collection while queries are timed, a timer that wakes LoadGen on time, and the GIL's turns as they suit."""
    gc.collect()
    gc.freeze()
    gc.disable()
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        # Server sleeps until each query is due.
        with awake_on_time():
            yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.enable()
        gc.unfreeze()
