"""Models to be converted, small and made here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from harness.zoo.graph import layers
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph

Array = npt.NDArray[Any]


def ask(model: Path, *inputs: Array) -> list[Array]:
    """The outputs of a model, in its order, by the runtime itself."""
    interpreter: Any = Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    for detail, values in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def details(model: Path) -> tuple[Sequence[Any], Sequence[Any]]:
    """Of inputs and outputs."""
    interpreter: Any = Interpreter(str(model), num_threads=1)
    return interpreter.get_input_details(), interpreter.get_output_details()


@pytest.fixture(scope="session")
def uint8_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """uint8 [1, 8, 8, 3] -> uint8 [1, 8, 8, 4]: a convolution whose weights have a zero point, and a channel of tiny ones."""
    random = np.random.default_rng(3)
    graph = Graph("uint8")
    values = graph.input("values", (1, 8, 8, 3), np.uint8, Quantization.per_tensor(1 / 128, 128))
    stored = random.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)
    stored[3] = 118  # nothing but zeros, with a bias
    weight = graph.constant("weight", stored, Quantization.per_tensor(0.01, 118))
    bias = graph.constant("bias", np.array([100, -2000, 3000, 900], np.int32), Quantization.per_tensor(0.01 / 128))
    output = graph.tensor("output", (1, 8, 8, 4), np.uint8, Quantization.per_tensor(0.06, 128))
    options = schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideW=1, strideH=1)
    graph.operator("CONV_2D", [values, weight, bias], [output], options)
    graph.output(output)
    path = tmp_path_factory.mktemp("models") / "uint8.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path


def write_dense(path: Path, outputs: int) -> Path:
    """A model float32 [1, 32] -> [1, outputs], of which the fourth has next to no weights, but a bias."""
    random = np.random.default_rng(4)
    graph = Graph("dense")
    values = graph.input("values", (1, 32), np.float32)
    values_of_weight = random.normal(size=(outputs, 32)).astype(np.float32)
    values_of_weight[3] = 1e-11
    weight = graph.constant("weight", values_of_weight)
    output = layers.fully_connected(graph, "sums", values, weight, graph.constant("bias", np.ones(outputs, np.float32)))
    graph.output(output)
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture(scope="session")
def dense_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 32] -> [1, 16]."""
    return write_dense(tmp_path_factory.mktemp("models") / "dense.tflite", 16)
