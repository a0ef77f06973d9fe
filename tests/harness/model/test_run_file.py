"""The file that is loaded, and files that cannot be run by themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.base import ModelRejected
from harness.model.run_file import find_run_file
from tests.graphs import Files

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def without_weights(tmp_path: Path) -> Path:
    """A product whose matrix lies in another file."""
    files = Files()
    graph = files.graph()
    given, matrix, made = graph.tensor((1, 4)), graph.tensor((3, 4), externalBuffer=1), graph.tensor((1, 3))
    graph.op("FULLY_CONNECTED", [given, matrix, -1], [made], schema.FullyConnectedOptionsT())
    graph.inputs, graph.outputs = [given], [made]
    files.more = {
        "externalBufferGroups": [schema.ExternalBufferGroupT(name="w.bin")],
        "externalBuffers": [schema.ExternalBufferT(id=1, group=0, offset=0, length=48)],
    }
    return files.write(tmp_path / "m.tflite")


def test_a_model_whose_weights_lie_in_another_file_is_refused(without_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelRejected, match=r"weights in other files \(w\.bin\), .* export it with its weights inside"):
        find_run_file(without_weights, "0" * 64, tmp_path, signature=None, complete=True)


def test_inspect_says_that_it_does_not_have_them(without_weights: Path, call: Call) -> None:
    told = call("inspect", without_weights).stdout
    assert "at least, without the weights in w.bin" in told
    assert "loads      no: " in told


def sum_of_two(path: Path, named: dict[str, int]) -> Path:
    """t0 + t1 -> t2, of which a signature names these inputs."""
    files = Files()
    graph = files.graph()
    left, right, made = graph.tensor((1, 4)), graph.tensor((1, 4)), graph.tensor((1, 4))
    graph.op("ADD", [left, right], [made], schema.AddOptionsT())
    graph.inputs, graph.outputs = [left, right], [made]
    maps = [schema.TensorMapT(name=name, tensorIndex=place) for name, place in named.items()]
    outputs = [schema.TensorMapT(name="sum", tensorIndex=made)]
    files.more = {
        "signatureDefs": [
            schema.SignatureDefT(signatureKey="serving_default", subgraphIndex=0, inputs=maps, outputs=outputs)
        ]
    }
    return files.write(path)


def test_a_signature_that_names_only_some_inputs_is_refused_with_those_it_does_not_name(tmp_path: Path) -> None:
    whole = sum_of_two(tmp_path / "whole.tflite", {"left": 0, "right": 1})
    assert find_run_file(whole, "0" * 64, tmp_path, signature=None, complete=True).signature == "serving_default"
    part = sum_of_two(tmp_path / "part.tflite", {"left": 0})
    with pytest.raises(ModelRejected, match=r"does not name all inputs of its graph: it names 'left', and not 't1'\."):
        find_run_file(part, "0" * 64, tmp_path, signature=None, complete=True)


def test_an_input_of_untold_rank_is_a_size_that_is_open(tmp_path: Path) -> None:
    files = Files()
    graph = files.graph()
    given, made = graph.tensor(()), graph.tensor(())
    graph.op("ABS", [given], [made], schema.AbsOptionsT())
    graph.inputs, graph.outputs = [given], [made]
    number = files.write(tmp_path / "number.tflite")
    assert not find_run_file(number, "0" * 64, tmp_path, signature=None, complete=True).has_open_sizes
    for tensor in graph.tensors:
        tensor.hasRank = False
    untold = files.write(tmp_path / "untold.tflite")
    assert find_run_file(untold, "0" * 64, tmp_path, signature=None, complete=True).has_open_sizes
