"""Runs a model with and without its profiler in turns, and keeps what each op took in each run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from backends.base import Array, Backend, BackendUnavailable, ModelRejected
from backends.cpu import flags_of
from backends.litert.copies.fixed_shapes import leaves_sizes_open, write_with_shapes
from backends.litert.file.model_reader import read_model
from backends.litert.times.event_profile import EventProfiler, Kernels
from backends.litert.times.node_timer import NodeTimer
from harness.model.subject import Subject
from harness.profiling.events import Key, Timed, read_run
from harness.scratch_folder import ScratchFolder

_CPU_OPTIONS = frozenset({"engine", "xnnpack", "reference_kernels", "xnnpack_flags", "force_fp16", "weight_cache"})
"""Of the cpu backend: what LiteRT's profiler can be had with, too."""

_CACHES_COUNT_NS = 20_000_000
"""A run that takes longer does not feel what was in the caches before."""

_LEAST_COUNTED = 5


class OpTimer(Protocol):
    """What tells the times of one run's ops."""

    @property
    def how(self) -> str:
        """In a sentence."""

    @property
    def inside(self) -> Mapping[int, frozenset[int]]:
        """Node of a piece that is timed as a whole -> the ops in it."""

    def run(self) -> int:
        """Runs as ever; how long that took, in ns."""

    def timed(self) -> tuple[int, list[Timed]]:
        """Runs with the times told; how long that took, in ns, and what ran."""


@dataclass(frozen=True, slots=True)
class OfEvents:
    """LiteRT's profiler."""

    profiler: EventProfiler
    how: str = "LiteRT's own profiler, which counts whole microseconds"
    inside: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def run(self) -> int:
        """See `OpTimer`."""
        return self.profiler.run()

    def timed(self) -> tuple[int, list[Timed]]:
        """See `OpTimer`."""
        took, events = self.profiler.profiled_run()
        return took, read_run(events)


@dataclass(frozen=True, slots=True)
class OfClocks:
    """Clocks around nodes; a delegate's piece is one."""

    timer: NodeTimer
    how: str = "a clock around each node of the graph"

    @property
    def inside(self) -> Mapping[int, frozenset[int]]:
        """See `OpTimer`."""
        return self.timer.inside

    def run(self) -> int:
        """See `OpTimer`."""
        return self.timer.run()

    def timed(self) -> tuple[int, list[Timed]]:
        """See `OpTimer`. Times keep their fractions: they are thousandths of the whole numbers that events have."""
        took, spent = self.timer.timed_run()
        found, at = [], 0
        for node, spent_ns in spent.items():
            if node in self.timer.names:
                key = Key("op", 0, -1, node, self.timer.names[node])
            else:
                key = Key("piece", 0, -1, node, self.timer.delegates[node])
            found.append(Timed(key, at, spent_ns, laid=True))
            at += spent_ns
        return took, found


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs."""

    unprofiled_us: list[float]
    profiled_us: list[float]
    keys: list[Key]
    """In the order in which they first ran."""
    times_us: list[dict[Key, float]]
    """By run."""
    calls: dict[Key, float]
    """Of one run, the mean."""
    slices: list[list[tuple[Key, float, float, bool]]]
    """By run: what, its start and its length in us, and whether it is laid."""

    @property
    def sums_us(self) -> list[float]:
        """All ops of each run added up.

        By these the runs that count are chosen: around the ops the profiler reads files, and may wait for the CPU there.
        """
        return [sum(times.values()) for times in self.times_us]


def quickest(times: Sequence[float]) -> list[int]:
    """The runs that count, by their places: a tenth of them, five at least. What else the machine did is in the others."""
    in_order = sorted(range(len(times)), key=lambda place: times[place])
    return sorted(in_order[: max(_LEAST_COUNTED, (len(times) + 9) // 10)])


def source_of(
    stack: ExitStack, subject: Subject, backend: Backend, model: Path, inputs: Sequence[Array]
) -> tuple[OpTimer, str]:
    """What tells this model's times behind this backend.

    Args:
        stack: Frees it.
        subject: Of the profile.
        backend: Open; it is asked nothing else afterwards.
        model: The file that it opened.
        inputs: What all runs are given.

    Returns:
        The source, and why it times a delegate's ops as one; "" where it does not.

    Raises:
        BackendUnavailable: Nothing tells; says why.
    """
    why = "LiteRT's profiler is for the cpu alone"
    if subject.section.name == "cpu":
        try:
            return OfEvents(_fed_events(stack, subject, backend, model, inputs)), ""
        except (BackendUnavailable, ModelRejected) as error:
            why = str(error)
    try:
        timer = backend.node_timer(inputs)
    except BackendUnavailable as error:
        told = f"{error}; {why}" if subject.section.name == "cpu" else str(error)
        raise BackendUnavailable(told) from None
    stack.callback(timer.close)
    return OfClocks(timer), why


def _fed_events(
    stack: ExitStack, subject: Subject, backend: Backend, model: Path, inputs: Sequence[Array]
) -> EventProfiler:
    """The profiler, which has run: of some models LiteRT says only then that it does not run them compiled."""
    with ExitStack() as once:
        profiler = _events(stack, subject, backend, model)
        once.callback(profiler.close)
        profiler.feed(inputs)
        try:
            # The first run makes an output dynamic, which the next one refuses.
            profiler.run()
            profiler.run()
        except RuntimeError as error:
            raise BackendUnavailable(f"LiteRT compiles it with a profiler and then does not run it: {error}") from None
        stack.push(once.pop_all())
    return profiler


def _events(stack: ExitStack, subject: Subject, backend: Backend, model: Path) -> EventProfiler:
    options = dict(subject.section.options)
    if odd := [name for name in options if name not in _CPU_OPTIONS]:
        raise BackendUnavailable(f"LiteRT's profiler is not built with the option {odd[0]}")
    kernels: Kernels = "default" if options.get("xnnpack", True) else "builtin"
    if options.get("reference_kernels"):
        kernels = "reference"
    described, shapes = read_model(model), backend.tensor_shapes()
    if leaves_sizes_open(described, shapes):
        folder = stack.enter_context(ScratchFolder("profile"))
        model = Path(folder) / "sized.tflite"
        write_with_shapes(described, shapes, model)
    return EventProfiler(
        model,
        backend.inputs,
        threads=subject.threads,
        kernels=kernels,
        flags=flags_of(options.get("xnnpack_flags"), force_fp16=bool(options.get("force_fp16"))),
    )


def run_in_turns(source: OpTimer, *, runs: int, warmup_runs: int, max_secs: float, told: Callable[[int], None]) -> Runs:
    """Runs with and without the profiler in turns, so that what else the machine does falls on both.

    Args:
        source: See `source_of`.
        runs: Of each kind, at most.
        warmup_runs: Before them, at least one, in which memory is found and weights are packed.
        max_secs: No further run begins after so long.
        told: Is told how many are done.
    """
    took = 0
    for _ in range(max(1, warmup_runs)):
        took = source.run()
    source.timed()
    found = Runs([], [], [], [], {}, [])
    per_us = 1e3 if isinstance(source, OfClocks) else 1.0
    counted: dict[Key, int] = {}
    began = time.perf_counter()
    for number in range(runs):
        if number and time.perf_counter() - began > max_secs:
            break
        told(number)
        if took < _CACHES_COUNT_NS:
            # What Python did since the last run has emptied the caches: neither of the two shall pay for it.
            source.run()
        first = None if number % 2 else source.run()
        profiled, timed = source.timed()
        took = source.run() if first is None else first
        found.unprofiled_us.append(took / 1e3)
        found.profiled_us.append(profiled / 1e3)
        _keep(found, timed, per_us, counted)
    done = len(found.profiled_us)
    found.calls.update({key: count / done for key, count in counted.items()})
    return found


def _keep(found: Runs, timed: Sequence[Timed], per_us: float, counted: dict[Key, int]) -> None:
    times: dict[Key, float] = {}
    first = timed[0].start_us if timed else 0
    slices = []
    for each in timed:
        if each.key not in counted:
            found.keys.append(each.key)
        counted[each.key] = counted.get(each.key, 0) + 1
        own = each.own_us / per_us
        times[each.key] = times.get(each.key, 0.0) + own
        slices.append((each.key, (each.start_us - first) / per_us, own, each.laid))
    found.times_us.append(times)
    found.slices.append(slices)
