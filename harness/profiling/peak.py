"""The machine's peak: multiply-adds a second of a large matrix product, by XNNPACK, of each kind that a model has."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from backends.cpu import CpuBackend
from backends.litert.file.model_file import Operator, Subgraph
from harness.scratch_folder import ScratchFolder
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph

KINDS = ("float32", "int8", "uint8", "float32 x int8")
"""Of the input, and of the weights where they are of another type."""
_ROWS, _SIDE = 128, 768
"""A product of [128, 768] and [768, 768]: 75 million multiply-adds, 0.6 to 2.4 MB of weights, which caches hold."""
_LEAST_S, _LEAST_RUNS = 0.05, 5


def kind_of(graph: Subgraph, operator: Operator) -> str | None:
    """By which peak an op is judged; None for types that none is measured of."""
    inputs = [graph.tensors[index] for index in operator.inputs if index >= 0]
    if not inputs:
        return None
    value, weights = inputs[0].dtype, next((tensor.dtype for tensor in inputs[1:2]), inputs[0].dtype)
    if value == "float32":
        return "float32 x int8" if weights in ("int8", "int4", "uint8") else "float32"
    return value if value in KINDS else None


def measured_peaks(kinds: Sequence[str], threads: int) -> Mapping[str, float]:
    """The quickest of some runs of each kind.

    Args:
        kinds: Of `KINDS`.
        threads: CPU threads.
    """
    found = {}
    with ScratchFolder("peak") as folder:
        for number, kind in enumerate(dict.fromkeys(kinds)):
            path = Path(folder) / f"{number}.tflite"
            with path.open("wb") as file:
                _product(kind).write(file)
            found[kind] = _ROWS * _SIDE * _SIDE / _quickest_s(path, threads)
    return found


def _quickest_s(path: Path, threads: int) -> float:
    backend = CpuBackend(path, threads=threads)
    try:
        (tensor,) = backend.inputs
        run, given = backend.runner(), [np.ones(tensor.shape, tensor.dtype)]
        run(given)
        best, count, began = float("inf"), 0, time.perf_counter()
        while count < _LEAST_RUNS or time.perf_counter() - began < _LEAST_S:
            start = time.perf_counter()
            run(given)
            best, count = min(best, time.perf_counter() - start), count + 1
        return best
    finally:
        backend.close()


def _product(kind: str) -> Graph:
    """A layer with seeded weights."""
    rng = np.random.default_rng(0)
    graph = Graph(f"a product of {kind}")
    real = kind.startswith("float32")
    dtype: npt.DTypeLike = np.float32 if real else np.dtype(kind)
    zero = 128 if kind == "uint8" else 0
    of_input = None if real else Quantization.per_tensor(0.05, zero)
    values = graph.input("values", (_ROWS, _SIDE), dtype, of_input)
    if kind == "float32":
        weights = graph.constant("weights", rng.standard_normal((_SIDE, _SIDE)).astype(np.float32))
    elif kind == "uint8":
        drawn = rng.integers(1, 256, (_SIDE, _SIDE)).astype(np.uint8)
        weights = graph.constant("weights", drawn, Quantization.per_tensor(0.01, zero))
    else:
        drawn = rng.integers(-127, 128, (_SIDE, _SIDE)).astype(np.int8)
        scales = np.full(_SIDE, 0.01, np.float32)
        weights = graph.constant("weights", drawn, Quantization.per_channel(scales, 0))
    if real:
        bias = graph.constant("bias", np.zeros(_SIDE, np.float32))
    else:
        of_bias = (
            Quantization.per_tensor(0.0005)
            if kind == "uint8"
            else Quantization.per_channel(np.full(_SIDE, 0.0005, np.float32), 0)
        )
        bias = graph.constant("bias", np.zeros(_SIDE, np.int32), of_bias)
    of_output = None if real else Quantization.per_tensor(1.0, zero)
    product = graph.tensor("product", (_ROWS, _SIDE), dtype, of_output)
    graph.operator("FULLY_CONNECTED", [values, weights, bias], [product], schema.FullyConnectedOptionsT())
    graph.output(product)
    return graph
