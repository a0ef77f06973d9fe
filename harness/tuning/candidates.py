"""What a search tries: fields of the config, stage by stage, each stage on top of the best so far.

All settings together would be hundreds. They hardly depend on each other in this order: how the cores are shared decides
most, then the engine and its options and the batch. What the user has set stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.official.rule_sets import figures_of, newest
from harness.config.official.rules import STREAMS
from harness.config.workers import POOLS
from harness.machine.placement import most_instances, thread_counts

_XNNPACK = 1 | 2 | 8
"""XNNPACK's own choice of flags: signed and unsigned 8-bit kernels, dynamic fully connected."""
_LATEST, _TRANSIENT = 64, 32
"""Newest operators; indirection buffers made for each run (less memory). LRT tflite/delegates/xnnpack/xnnpack_delegate.h."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """What a search may not change, and what it may use."""

    scenario: str
    backend: str
    fields: Mapping[str, Any]
    """Fields of the backend's section that the user has set, `backend.options` among them."""
    cores: Sequence[int]
    """Of each kind, the quickest first."""
    cpus: int
    """Their hardware threads."""
    accelerator: bool
    fp16: bool
    """Half precision may be tried."""
    quick: bool
    """A sample takes so little that the calls around the kernels count."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration to try."""

    name: str
    """What is special about it: `threads=2, engine=CompiledModel`."""
    fields: Mapping[str, Any]
    """Fields of the config that it sets."""


DEFAULT = Candidate("default", {})

_OFFLINE_BATCHES = (1, 32, 8)


def stages(given: SearchLimits) -> Sequence[str]:
    """In which order what is tried; the time may not be enough for all. Where calls count, those that a batch saves do most."""
    return ("cores", "batch", "engine") if given.quick else ("cores", "engine", "batch")


def stage(name: str, given: SearchLimits, best: Mapping[str, Any]) -> list[Candidate]:
    """The candidates of a stage, most promising first.

    Args:
        name: One of `stages`.
        given: What may not change.
        best: The fields of the best so far, every choice that the calibration made for it included.
    """
    match name:
        case "cores":
            options = _cores(given, best)
        case "engine":
            options = _engines(given)
        case _:
            options = _batches(given, best)
    candidates = [Candidate(text, {**best, **fields}) for text, fields in options if _allowed(fields, given.fields)]
    return [candidate for candidate in candidates if dict(candidate.fields) != dict(best)]


def _allowed(fields: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether nothing that the user has set would change."""
    for name, value in fields.items():
        if name == "backend.options":
            asked = given.get(name, {})
            if any(option in value and value[option] != asked[option] for option in asked):
                return False
        elif name in given and given[name] != value:
            return False
    return True


def _cores(given: SearchLimits, best: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    counts = [1] if given.accelerator else thread_counts(given.cores[0])
    if given.scenario in STREAMS:
        for threads in counts:
            yield f"threads={threads}", {"backend.threads": threads}
        return
    for workers in _workers(given, best):
        for threads in counts:
            shape = {"backend.threads": threads, "backend.instances": most_instances(given.cores, threads), **workers}
            yield _text(shape), shape
        if given.cpus > sum(given.cores) and not given.accelerator:
            # What two hardware threads of a core are worth depends on the model.
            shape = {"backend.threads": 1, "backend.instances": given.cpus, **workers}
            yield _text(shape), shape


def _workers(given: SearchLimits, best: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """Whoever may open the backend, first those that the calibration took."""
    kinds = [name for name, pool in POOLS.items() if pool.opens_unasked(given.backend)]
    return [{"backend.workers": kind} for kind in sorted(kinds, key=lambda kind: kind != best.get("backend.workers"))]


def _engines(given: SearchLimits) -> Iterator[tuple[str, dict[str, Any]]]:
    asked = given.fields.get("backend.options", {})
    for text, options in _options(given):
        yield text, {"backend.options": {**asked, **options}}


def _batch_sizes(scenario: str) -> Sequence[int]:
    """SingleStream asks one sample at a time, and so mostly does Server."""
    if scenario == "MultiStream":
        return 1, figures_of(newest("inference"), "MultiStream").samples_per_query
    return _OFFLINE_BATCHES if scenario == "Offline" else ()


def _batches(given: SearchLimits, best: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """One that makes the most of a call and one that keeps the arena small; a model that cannot be resized refuses each.

    Threads and processes differ in what a call costs, so a batch may turn round which of them is quicker.
    """
    sizes = _batch_sizes(given.scenario)
    for size in sizes:
        yield f"batch={size}", {"backend.batch": size}
    for workers in _workers(given, best)[1:] if given.quick and "backend.workers" in best else ():
        for size in sizes[1:]:
            shape = {"backend.batch": size, **workers}
            yield _text(shape), shape


def _options(given: SearchLimits) -> Iterator[tuple[str, dict[str, Any]]]:
    if given.backend == "gpu" and given.fp16:
        yield "precision=fp16", {"precision": "fp16"}
    if given.backend != "cpu":
        return
    compiled = {"engine": "CompiledModel"}
    yield "engine=Interpreter", {"engine": "Interpreter"}
    yield "engine=CompiledModel", compiled
    for word, flag in (("latest operators", _LATEST), ("transient buffers", _TRANSIENT)):
        yield f"engine=CompiledModel, {word}", compiled | {"xnnpack_flags": _XNNPACK | flag}
    if given.scenario not in STREAMS:
        yield "engine=CompiledModel, weight_cache", compiled | {"weight_cache": True}
    if given.fp16:
        yield "engine=CompiledModel, force_fp16", compiled | {"force_fp16": True}
    yield "engine=Interpreter, no XNNPACK", {"engine": "Interpreter", "xnnpack": False}


def _text(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{field.rpartition('.')[2]}={value}" for field, value in fields.items())
