"""`inspect`: what a model file holds, what it costs and what it needs."""

from __future__ import annotations

import argparse
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backends.model_file import explain_foreign_ops, foreign_ops
from harness.cli import Outcome
from harness.config import (
    Benchmark,
    ModelSection,
    benchmark_names,
    find_benchmark,
    load_benchmark,
    load_collections,
)
from harness.errors import EXIT_VALID, ConfigError, unknown
from harness.sources import find_model
from harness.units import bytes_text
from harness.zoo.model_costs import costs, load
from harness.zoo.model_file import ModelInfo, TensorInfo, read_model
from harness.zoo.official import cache_dir, hash_file

EXAMPLES = """\
examples:
  ./run.sh inspect model.tflite
  ./run.sh inspect mobilebert_int8        a model of a config: the official file if it is cached, else the stand-in
  ./run.sh inspect model.tflite --json
"""

_WIDTH = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model."""
    parser.add_argument("model", help="a path, or a model's name (./run.sh list)")


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads the file, lets the runtime allocate it in a process of its own, and counts."""
    path = _find(arguments.model)
    data = describe(path)
    return Outcome(EXIT_VALID, _text(data), data)


def describe(path: Path) -> dict[str, Any]:
    """All that can be said of a model file without running it.

    Raises:
        NotAModel: It is no model, or corrupt.
    """
    model = read_model(path)
    loaded = load(path)
    counted = costs(model, loaded.shapes)
    foreign = foreign_ops(path)
    return {
        "path": str(path),
        "size_bytes": model.size_bytes,
        "sha256": hash_file(path).sha256,
        "schema_version": model.schema_version,
        "description": model.description,
        "signatures": list(model.signatures),
        "subgraphs": len(model.graphs),
        "inputs": [_tensor(tensor) for tensor in model.inputs],
        "outputs": [_tensor(tensor) for tensor in model.outputs],
        "operators": _operators(model),
        "parameters": counted.parameters,
        "multiply_adds": counted.multiply_adds,
        "arena_bytes": counted.arena_bytes,
        "counts_are_complete": counted.complete,
        "select_tf_ops": [op for op in foreign if op.startswith("Flex")],
        "custom_ops": sorted(
            {operator.name for graph in model.graphs for operator in graph.operators if operator.custom}
        ),
        "needs": explain_foreign_ops(path),
        "loads": loaded.shapes is not None,
        "why_not": loaded.why or None,
    }


def _find(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if "/" in name or name.endswith(".tflite"):
        raise ConfigError(f"no model file at {name}")
    known: list[str] = []
    for benchmark_name in benchmark_names():
        config = find_benchmark(benchmark_name)
        models = load_benchmark(config).models
        if name in models or name == benchmark_name:
            use = "auto" if name == benchmark_name else name
            return find_model(load_benchmark(config, [("model.use", use)]), cache_dir())[0].path
        known += [benchmark_name, *models]
    for collection in load_collections().values():
        if name in collection.models:
            model = ModelSection(use=name)
            benchmark = Benchmark(title=collection.title, task="none", model=model, models=collection.models)
            return find_model(benchmark, cache_dir())[0].path
        known += collection.models
    raise ConfigError(unknown("model", name, known, "./run.sh list"))


def _tensor(tensor: TensorInfo) -> dict[str, Any]:
    kept = ("name", "shape", "dtype", "scale", "zero_point")
    return {key: value for key, value in asdict(tensor).items() if key in kept}


def _operators(model: ModelInfo) -> list[dict[str, Any]]:
    counted = Counter(
        (operator.name, operator.version, operator.custom) for graph in model.graphs for operator in graph.operators
    )
    return [
        {"name": name, "version": version, "count": count, "custom": custom}
        for (name, version, custom), count in sorted(counted.items())
    ]


def _text(data: dict[str, Any]) -> str:
    lines = [
        f"{data['path']}, {bytes_text(data['size_bytes'])}"
        + (f", {data['description']}" if data["description"] else ""),
        *_tensor_lines("inputs", data["inputs"]),
        *_tensor_lines("outputs", data["outputs"]),
        *textwrap.wrap(
            "ops        " + ", ".join(_operator(operator) for operator in data["operators"]),
            _WIDTH,
            subsequent_indent=" " * 11,
        ),
        f"parameters {data['parameters']:,}" + _but_custom(data),
        f"work       {data['multiply_adds'] / 1e6:,.2f} M multiply-adds an inference"
        + _at_least(data)
        + _but_custom(data),
        f"arena      about {bytes_text(data['arena_bytes'])} for activations" + _at_least(data),
    ]
    if data["signatures"]:
        lines.append(f"signatures {', '.join(data['signatures'])}")
    if data["needs"]:
        lines.append(f"needs      {data['needs']}")
    lines.append("loads      yes" if data["loads"] else f"loads      no: {data['why_not']}")
    return "\n".join(lines)


def _at_least(data: dict[str, Any]) -> str:
    return "" if data["counts_are_complete"] else " at least: not all shapes are known"


def _but_custom(data: dict[str, Any]) -> str:
    return " without those of custom ops" if data["needs"] and data["custom_ops"] else ""


def _tensor_lines(what: str, tensors: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for place, tensor in enumerate(tensors):
        quantised = (
            "" if tensor["scale"] is None else f", scale {tensor['scale']:.6g}, zero point {tensor['zero_point']}"
        )
        shape = "unknown shape" if not tensor["shape"] else list(tensor["shape"])
        lines.append(f"{what if place == 0 else '':10} {tensor['name']}: {tensor['dtype']} {shape}{quantised}")
    return lines


def _operator(operator: dict[str, Any]) -> str:
    times = f" x {operator['count']}" if operator["count"] > 1 else ""
    return f"{operator['name']} v{operator['version']}{times}"
