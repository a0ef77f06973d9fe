"""What works on this machine, what does not and why, and what would make runs unstable."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

import native
from harness.config.registry import backend_names
from harness.json_records import FLAT
from harness.machine.facts import System, available_memory_bytes, describe
from harness.machine.state import read_state
from harness.machine.topology import TopologyFacts, this_machine
from harness.results.record import Reason
from harness.results.verdict import stability
from harness.run.backend_check import check_backend
from harness.scratch_folder import ScratchFolder
from harness.zoo.files.official import cache_dir
from harness.zoo.files.sample_cache import cache_limit, kept_bytes

_RAMP_S, _WORK_S = 0.1, 1.1
_DEFAULT = "cpu"


@dataclass(frozen=True, slots=True)
class BackendFound:
    """A backend on this machine."""

    name: str
    available: bool = False
    why: str | None = None
    """Why it is not available."""
    engine: str | None = None
    delegate: str | None = None
    device: Mapping[str, object] = field(default_factory=dict)
    """Library, driver and adapter, as far as they can be had."""


@dataclass(frozen=True, slots=True)
class SampleCache:
    """Prepared samples that are kept."""

    path: str
    bytes: int
    """What they take."""
    limit_bytes: int
    """What they may take."""


@dataclass(frozen=True, slots=True)
class MachineFound:
    """The machine: what a result says of it, and more."""

    system: System = field(metadata=FLAT)
    available_memory_bytes: int | None
    """Memory that can be had; None where the system does not say."""
    allowed_cpus: tuple[int, ...] | None
    """Those of this process's affinity; None where the system has none."""
    topology: TopologyFacts
    sample_cache: SampleCache


@dataclass(frozen=True, slots=True)
class NativeFound:
    """Whether the timed path is in C."""

    used: bool
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found."""

    backends: tuple[BackendFound, ...]
    machine: MachineFound
    unstable: tuple[Reason, ...]
    """What would make runs unstable."""
    native: NativeFound
    compiler: str | None
    """Where a C compiler is; None for none."""
    works: bool
    """Whether the default backend does."""


def examine() -> Examination:
    """Looks at every backend, each in a process of its own, and at the machine."""
    with ScratchFolder("doctor") as folder:
        model = Path(folder) / "probe.tflite"
        _write_probe(model)
        backends = tuple(_examine_backend(name, model) for name in backend_names())
    samples = cache_dir() / "samples"
    machine = MachineFound(
        system=describe(),
        available_memory_bytes=available_memory_bytes(),
        allowed_cpus=_allowed(),
        topology=this_machine().facts(),
        sample_cache=SampleCache(str(samples), kept_bytes(samples), cache_limit()),
    )
    return Examination(
        backends=backends,
        machine=machine,
        unstable=(*stability.prospects(machine.system, machine.available_memory_bytes), *_measured()),
        native=NativeFound(not native.why_not, native.why_not or None),
        compiler=shutil.which("cc") or shutil.which("gcc"),
        works=any(backend.name == _DEFAULT and backend.available for backend in backends),
    )


def _measured() -> list[Reason]:
    """What disturbs this machine right now: as a run is judged, over a second of work on one CPU."""
    state = partial(read_state, os.sched_getaffinity(0), [os.getpid()])
    # A CPU that has nothing to do runs slower by itself.
    _work(_RAMP_S)
    before = state()
    _work(_WORK_S)
    after = state()
    return stability.reasons(before, after, stability.between(before, after))


def _work(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def _examine_backend(name: str, model: Path) -> BackendFound:
    found = check_backend(name, model)
    info = found.info
    # Where the probe's file lay is nobody's concern.
    why = found.why_not and found.why_not.replace(str(model), "a small model")
    if info is None:
        return BackendFound(name, why=why)
    return BackendFound(name, True, why, info.engine, info.delegate, info.device)


def _write_probe(path: Path) -> None:
    """A model that every backend should take: one float addition and one multiplication."""
    from ai_edge_litert import schema_py_generated as schema

    from harness.zoo.graph.writer import Graph

    graph = Graph("probe")
    shape = (1, 8, 8, 4)
    given = graph.input("given", shape, np.float32)
    bias = graph.constant("bias", np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4))
    total, product = graph.tensor("sum", shape, np.float32), graph.tensor("product", shape, np.float32)
    graph.operator("ADD", [given, bias], [total], schema.AddOptionsT())
    graph.operator("MUL", [total, bias], [product], schema.MulOptionsT())
    graph.output(product)
    with path.open("wb") as file:
        graph.write(file)


def _allowed() -> tuple[int, ...] | None:
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None
