"""All that can be said of a model file without asking it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from backends.litert.custom_ops import explain_foreign_ops, foreign_ops
from backends.litert.model_file import ModelFile, Tensor
from backends.litert.model_reader import read_model
from harness.model.allocation import allocate
from harness.model.costs import costs


def describe_model(path: Path, sha256: str) -> dict[str, Any]:
    """All that can be said of a model file without running it.

    Raises:
        ModelRejected: It is no model, or corrupt.
    """
    model = read_model(path)
    allocated = allocate(path)
    counted = costs(model, allocated.shapes)
    foreign = foreign_ops(path)
    return {
        "path": str(path),
        "size_bytes": model.size_bytes,
        "sha256": sha256,
        "schema_version": model.schema_version,
        "description": model.description,
        "signatures": [signature.key for signature in model.signatures],
        "subgraphs": len(model.subgraphs),
        "inputs": [_tensor(tensor) for tensor in model.main.input_tensors],
        "outputs": [_tensor(tensor) for tensor in model.main.output_tensors],
        "operators": _operators(model),
        "parameters": counted.parameters,
        "multiply_adds": counted.multiply_adds,
        "arena_bytes": counted.arena_bytes,
        "counts_are_complete": counted.complete,
        "not_counted": list(counted.uncounted),
        "select_tf_ops": [op for op in foreign if op.startswith("Flex")],
        "custom_ops": sorted({operator.name for operator in model.operators if operator.code.custom}),
        "needs": explain_foreign_ops(path),
        "loads": allocated.shapes is not None,
        "why_not": allocated.why or None,
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    """Of a tensor quantised by channel, the first one's figures."""
    quantisation = tensor.quantisation
    return {
        "name": tensor.name,
        "shape": tensor.declared_shape,
        "dtype": tensor.dtype,
        "scale": next(iter(quantisation.scales), None) if quantisation else None,
        "zero_point": next(iter(quantisation.zero_points), None) if quantisation else None,
    }


def _operators(model: ModelFile) -> list[dict[str, Any]]:
    counted = Counter((each.name, each.code.version, each.code.custom) for each in model.operators)
    return [
        {"name": name, "version": version, "count": count, "custom": custom}
        for (name, version, custom), count in sorted(counted.items())
    ]
