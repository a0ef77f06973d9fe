"""What works on this machine, what does not and why, and what would make runs unstable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness import system
from harness.registry import backend_names
from harness.topology import this_machine

_PROBE_TIMEOUT_S = 60.0
_BUSY = 0.2
"""Load per CPU from which other work is felt in the figures."""
_FREE_MEMORY_BYTES = 1 << 30
_DEFAULT = "cpu"

_PROBE = """
import json, sys
from dataclasses import asdict
from pathlib import Path
import numpy as np
from harness.errors import exit_status
from harness.parts import judge_coverage
from harness.registry import backend_class
name, model = sys.argv[1:]
try:
    backend = backend_class(name)(Path(model), threads=1)
    info = backend.info()
    judge_coverage(info, None)
    backend.invoke([np.zeros(spec.shape, spec.dtype) for spec in backend.inputs])
    said = {"available": True, "why": None, "info": asdict(info)}
except Exception as error:
    known = exit_status(error) is not None
    said = {"available": False, "why": str(error) if known else f"{type(error).__name__}: {error}", "info": None}
print(json.dumps(said))
"""


def examine() -> dict[str, Any]:
    """Looks at every backend, each in a process of its own, and at the machine.

    Returns:
        `backends` (name, available, why not, engine, delegate, device), `machine`, `unstable` (sentences), and `works`: whether
        the default backend does.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "probe.tflite"
        _write_probe(model)
        backends = [_examine_backend(name, model) for name in backend_names()]
    machine = system.describe() | {
        "available_memory_bytes": system.available_memory_bytes(),
        "allowed_cpus": _allowed(),
        "topology": this_machine().plain(),
    }
    return {
        "backends": backends,
        "machine": machine,
        "unstable": unstable(machine),
        "compiler": shutil.which("cc") or shutil.which("gcc"),
        "works": any(backend["name"] == _DEFAULT and backend["available"] for backend in backends),
    }


def unstable(machine: Mapping[str, Any]) -> list[str]:
    """What of the machine's state would show in the figures.

    Args:
        machine: As in `examine`.
    """
    found = []
    governor, load, cpus = machine["governor"], machine["load_average"][0], machine["usable_cpus"]
    if governor not in (None, "performance"):
        found.append(f"the CPU's governor is {governor}: set it to performance (cpupower frequency-set -g performance)")
    if load > _BUSY * cpus:
        found.append(f"other work is running: a load of {load:g} on {cpus} usable CPUs; stop it before you measure")
    if machine["cpus"] and cpus < machine["cpus"]:
        found.append(f"only {cpus} of {machine['cpus']} CPUs may be used (affinity or a control group's quota)")
    free = machine["available_memory_bytes"]
    if free is not None and free < _FREE_MEMORY_BYTES:
        found.append(f"only {free / 1e6:.0f} MB of memory are free: large models will swap or be killed")
    return found


def _examine_backend(name: str, model: Path) -> dict[str, Any]:
    """In a process of its own: a driver can take it down, or hang."""
    import json

    row: dict[str, Any] = {
        "name": name,
        "available": False,
        "why": None,
        "engine": None,
        "delegate": None,
        "device": {},
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE, name, str(model)],
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return row | {"why": f"it hangs: no answer in {_PROBE_TIMEOUT_S:g} s"}
    try:
        said = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return row | {"why": f"it takes its process down (exit status {done.returncode})"}
    info = said["info"] or {}
    # Where the probe's file lay is nobody's concern.
    why = said["why"] and said["why"].replace(str(model), "a small model")
    return row | {
        "available": said["available"],
        "why": why,
        "engine": info.get("engine"),
        "delegate": info.get("delegate"),
        "device": info.get("device", {}),
    }


def _write_probe(path: Path) -> None:
    """A model that every backend should take: one float addition and one multiplication."""
    from ai_edge_litert import schema_py_generated as schema

    from harness.zoo.graph import Graph

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
