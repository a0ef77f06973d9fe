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
