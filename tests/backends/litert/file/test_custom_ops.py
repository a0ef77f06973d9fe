"""Ops that this runtime has no kernel for are named, with what would help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.base import BackendUnavailable, ModelRejected
from backends.cpu import CpuBackend
from backends.edgetpu import EdgeTpuBackend
from backends.litert.compiled import unfit_for_compiling
from backends.litert.file.custom_ops import foreign_ops, operator_names
from harness.zoo.graph.writer import Graph

CUSTOM = schema.BuiltinOperator.CUSTOM
CORAL = "models/coral/mobilenet_v1_0.25_128_quant"


@pytest.fixture
def with_ops(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model of these ops, one after the other."""

    def write(*ops: str) -> Path:
        graph = Graph("foreign")
        tensor = graph.input("given", (1, 4), np.float32)
        for number, op in enumerate(ops):
            after = graph.tensor(f"after {number}", (1, 4), np.float32)
            graph.operator(op, [tensor], [after])
            tensor = after
        graph.output(tensor)
        path = tmp_path / "foreign.tflite"
        with path.open("wb") as file:
            graph.write(file)
        return path

    return write


def test_ops_are_listed_in_order_by_name(with_ops: Callable[..., Path]) -> None:
    model = with_ops("RELU", "FlexErf", "RELU", "MyOp")
    assert operator_names(model) == ("RELU", "FlexErf", "RELU", "MyOp")
    assert foreign_ops(model) == ("FlexErf", "MyOp")


def test_a_custom_op_is_told_by_its_code_and_not_by_the_spelling_of_its_name(tmp_path: Path) -> None:
    """As models compiled for NPUs have it: DISPATCH_OP, in the letters of the built-in ones."""
    codes = [schema.OperatorCodeT(builtinCode=CUSTOM, deprecatedBuiltinCode=CUSTOM, customCode=b"DISPATCH_OP")]
    tensors = [schema.TensorT(shape=[1], type=schema.TensorType.FLOAT32, name=name) for name in (b"given", b"answer")]
    graph = schema.SubGraphT(
        tensors=tensors, inputs=[0], outputs=[1], operators=[schema.OperatorT(inputs=[0], outputs=[1])]
    )
    model = schema.ModelT(version=3, operatorCodes=codes, buffers=[schema.BufferT()], subgraphs=[graph])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "compiled.tflite"
    path.write_bytes(bytes(builder.Output()))
    assert foreign_ops(path) == ("DISPATCH_OP",)
    assert unfit_for_compiling(path) == "it has custom ops (DISPATCH_OP)"
    with pytest.raises(ModelRejected, match=r"custom ops that this runtime has no kernel for: DISPATCH_OP"):
        CpuBackend(path, threads=1)


def test_custom_ops_are_named_all_at_once(with_ops: Callable[..., Path]) -> None:
    with pytest.raises(ModelRejected, match=r"custom ops that this runtime has no kernel for: MyOp, YourOp"):
        CpuBackend(with_ops("MyOp", "RELU", "YourOp"), threads=1)


def test_a_model_for_the_edge_tpu_is_told_from_one_that_is_not(zoo: Path) -> None:
    compiled, plain = zoo / f"{CORAL}_edgetpu.tflite", zoo / f"{CORAL}.tflite"
    with pytest.raises(ModelRejected, match=r"was compiled for an Edge TPU.*--backend edgetpu"):
        CpuBackend(compiled, threads=1)
    with pytest.raises(BackendUnavailable, match=r"no Edge TPU runtime.*is compiled for an Edge TPU"):
        EdgeTpuBackend(compiled, threads=1, library="libnoedgetpu.so.1")
    with pytest.raises(BackendUnavailable, match=r"no Edge TPU runtime.*is NOT compiled for an Edge TPU"):
        EdgeTpuBackend(plain, threads=1, library="libnoedgetpu.so.1")


def test_the_edge_tpu_runtime_refuses_a_plain_model(delegate_library: Path, adds_model: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"runtime is here, but .* is not compiled for it"):
        EdgeTpuBackend(adds_model, threads=1, library=str(delegate_library))
