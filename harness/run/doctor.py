"""What works on this machine, what does not and why, and what would make runs unstable."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import native
from harness.config.registry import backend_names
from harness.machine import facts as system
from harness.machine.state import read_state
from harness.machine.topology import this_machine
from harness.results import stability as unstable
from harness.run.backend_check import check_backend
from harness.zoo.files.official import cache_dir
from harness.zoo.files.sample_cache import cache_limit, kept_bytes

_RAMP_S, _WORK_S = 0.1, 1.1
_DEFAULT = "cpu"


def examine() -> dict[str, Any]:
    """Looks at every backend, each in a process of its own, and at the machine.

    Returns:
        `backends` (name, available, why not, engine, delegate, device), `machine`, `native` (whether the timed path is in C,
        see `native`, and why not), `unstable` (what, figure, fix), and `works`: whether the default backend
        does.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "probe.tflite"
        _write_probe(model)
        backends = [_examine_backend(name, model) for name in backend_names()]
    samples = cache_dir() / "samples"
    machine = system.describe() | {
        "available_memory_bytes": system.available_memory_bytes(),
        "allowed_cpus": _allowed(),
        "topology": this_machine().plain(),
        "sample_cache": {"path": str(samples), "bytes": kept_bytes(samples), "limit_bytes": cache_limit()},
    }
    return {
        "backends": backends,
        "machine": machine,
        "unstable": [*unstable.prospects(machine), *_measured()],
        "native": {"used": not native.why_not, "why_not": native.why_not or None},
        "compiler": shutil.which("cc") or shutil.which("gcc"),
        "works": any(backend["name"] == _DEFAULT and backend["available"] for backend in backends),
    }


def _measured() -> list[unstable.Reason]:
    """What disturbs this machine right now: as a run is judged, over a second of work on one CPU."""
    state = partial(read_state, os.sched_getaffinity(0), [os.getpid()])
    # A CPU that has nothing to do runs slower by itself.
    _work(_RAMP_S)
    before = state()
    _work(_WORK_S)
    after = state()
    return unstable.reasons(before, after, unstable.between(before, after))


def _work(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def _examine_backend(name: str, model: Path) -> dict[str, Any]:
    found = check_backend(name, model)
    info = found.info
    return {
        "name": name,
        "available": info is not None,
        # Where the probe's file lay is nobody's concern.
        "why": found.why_not and found.why_not.replace(str(model), "a small model"),
        "engine": info.engine if info else None,
        "delegate": info.delegate if info else None,
        "device": info.device if info else {},
    }


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


def _allowed() -> Sequence[int] | None:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
