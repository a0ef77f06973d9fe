"""The inputs and outputs that a file names, held against what the runtime opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from backends.litert.file.model_reader import read_model
from backends.litert.interpreter import InterpreterBackend
from harness.model.file_tensors import described_inputs, described_outputs, output_names


@pytest.mark.parametrize("model", ["keyword_model", "recurrent_keyword_model", "counting_model", "adds_model"])
def test_they_are_those_of_the_runtime(model: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(model)
    opened, described = InterpreterBackend(path, name="", threads=1), read_model(path)
    assert described_inputs(described) == list(opened.inputs)
    assert described_outputs(described) == list(opened.outputs)
    assert output_names(path, None) == tuple(tensor.name for tensor in opened.outputs)


def test_types_that_numpy_has_not_are_told_by_the_file(write_model: Callable[..., Path], tmp_path: Path) -> None:
    for kind, dtype in (("INT4", "int8"), ("UINT4", "uint8"), ("STRING", "object")):
        path = write_model(
            tmp_path / f"{kind}.tflite", [("x", [1, 4], kind), ("y", [4], kind)], [("SQUEEZE", [0], [1])], [0], [1]
        )
        opened = InterpreterBackend(path, name="", threads=1)
        assert list(opened.inputs) == described_inputs(read_model(path))
        assert (opened.inputs[0].dtype.name, opened.inputs[0].stored_as) == (
            dtype,
            "" if kind == "STRING" else kind.lower(),
        )


def test_outputs_of_one_name_are_told_apart_by_their_places(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "twice.tflite",
        [("x", [1, 4], "FLOAT32"), ("y", [1, 4], "FLOAT32"), ("y", [1, 4], "FLOAT32")],
        [("ABS", [0], [1]), ("NEG", [0], [2])],
        [0],
        [1, 2],
    )
    assert output_names(path, None) == ("y[0]", "y[1]")
    assert output_names(path, "no such signature") is None
    (tmp_path / "no.tflite").write_bytes(b"no model")
    assert output_names(tmp_path / "no.tflite", None) is None
