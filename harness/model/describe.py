"""All that can be said of a model file without asking it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backends.litert.model_file import explain_foreign_ops, foreign_ops
from harness.model.costs import costs, load
from harness.model.file import ModelInfo, TensorInfo, read_model


def describe(path: Path, sha256: str) -> dict[str, Any]:
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
        "sha256": sha256,
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
