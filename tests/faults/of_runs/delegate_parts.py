"""A small model of sums in floats, and the tests' own delegate library, which computes them or misbehaves as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harness.zoo.graph.writer import Graph
from tests.conftest import REPOSITORY
from tests.faults.of_runs.runs import Ground
from tests.shared_library import shared_library

_SIZE = 64


@dataclass(frozen=True, slots=True)
class DelegateParts:
    """What a run with a delegate needs."""

    model: Path
    library: Path

    def ground(self, where: Ground, options: str = "") -> Ground:
        """The same place, with runs of the sums behind the delegate."""
        backend = f"external:{self.library}{',' if options else ''}{options}"
        return replace(where, words=[*sums(self.model), "--backend", backend])


def delegate_parts(folder: Path) -> DelegateParts | None:
    """Makes both; None where there is no C compiler."""
    library = shared_library(REPOSITORY / "tests/backends/delegate.c", folder)
    if library is None:
        return None
    return DelegateParts(write_sums(folder / "sums.tflite"), library)


def write_sums(path: Path, offset: float = 0.0) -> Path:
    """float [1, 64] -> float [1, 64]: the input, and twice a constant."""
    graph = Graph("sums")
    there = graph.input("x", (1, _SIZE), np.float32)
    for number in range(2):
        more = graph.constant(f"more{number}", np.linspace(offset, 1 + number, _SIZE, dtype=np.float32)[None])
        total = graph.tensor(f"sum{number}", (1, _SIZE), np.float32)
        graph.operator("ADD", [there, more], [total], schema.AddOptionsT())
        there = total
    graph.output(there)
    with path.open("wb") as file:
        graph.write(file)
    return path


def sums(model: Path) -> Sequence[str]:
    """A run of a second or so of the model alone, on random inputs."""
    settings = (
        "load.min_duration_ms=300",
        "load.min_query_count=64",
        "load.expected_latency_ns=20000",
        "load.warm_up_s=0.1",
        "dataset.count=12",
    )
    return ["--model", str(model), "--threads", "1", *(word for each in settings for word in ("--set", each))]
