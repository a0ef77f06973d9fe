"""Models that try what is measured, and a probe of any in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from harness.bench.probe import Probe
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.messages.bench import OpenForBench
from harness.model.subject import Subject
from harness.zoo.files.official import hash_file
from harness.zoo.graph.writer import Graph

Open = Callable[..., Probe]


def _subject(model: Path, cache: Path, **fields: Any) -> Subject:
    invocation = Invocation(
        **{name: fields.pop(name) for name in ("state", "signature", "input_shapes") if name in fields}
    )
    section = BackendSection(**fields)
    return Subject(
        model,
        hash_file(model).sha256,
        model.stem,
        "file",
        section.model_dump(mode="json"),
        invocation.model_dump(mode="json"),
        1,
        cache,
    )


@pytest.fixture(scope="session")
def subject_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Subject]:
    """A model behind the CPU: subject_of(model, **fields of the backend's section or of the invocation)."""
    cache = tmp_path_factory.mktemp("cache")
    return lambda model, **fields: _subject(model, cache, **fields)


@pytest.fixture(scope="session")
def probe(subject_of: Callable[..., Subject]) -> Open:
    """Opens a model in this process: probe(model, ranges=..., files=..., **fields)."""

    def open_probe(model: Path, *, ranges: Any = None, files: Any = None, seed: int = 7, **fields: Any) -> Probe:
        return Probe(OpenForBench(subject_of(model, **fields), seed, ranges or {}, files or {}))

    return open_probe


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float [1, 8] -> its square roots, which of numbers below 0 are none."""
    graph = Graph("roots")
    given, made = graph.input("given", (1, 8), np.float32), graph.tensor("roots", (1, 8), np.float32)
    graph.operator("SQRT", [given], [made])
    graph.output(made)
    path = tmp_path_factory.mktemp("models") / "roots.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float [1, 8] -> the places of what is above 0, as many as there are: only running tells the shape."""
    graph = Graph("places")
    given, above = graph.input("given", (1, 8), np.float32), graph.tensor("above", (1, 8), np.bool_)
    zero = graph.constant("zero", np.zeros((1, 8), np.float32))
    graph.operator("GREATER", [given, zero], [above], schema.GreaterOptionsT())
    found = graph.tensor("places", (1, 2), np.int64)
    graph.operator("WHERE", [above], [found], schema.WhereOptionsT())
    graph.output(found)
    path = tmp_path_factory.mktemp("models") / "places.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path
