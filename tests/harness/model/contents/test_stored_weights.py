"""How weights lie in a file: zeros counted by what stands for zero, and what a file packs to."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.base import ModelRejected
from backends.litert.file.model_reader import read_model
from harness.model.contents.stored_weights import gzip_bytes, stored_weights
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph


def _dense(path: Path, weights: np.ndarray, quantisation: Quantization | None = None) -> Path:
    graph = Graph("dense")
    kind = weights.dtype.type
    per_tensor = None if quantisation is None else Quantization.per_tensor(0.5, 0)
    given = graph.input("given", (1, weights.shape[1]), kind, per_tensor)
    kept = graph.constant("weights", weights, quantisation)
    made = graph.tensor("made", (1, weights.shape[0]), kind, per_tensor)
    graph.operator("FULLY_CONNECTED", [given, kept, None], [made], schema.FullyConnectedOptionsT())
    graph.output(made)
    with path.open("wb") as file:
        graph.write(file)
    return path


def test_float_weights_are_zero_where_they_are(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).standard_normal((8, 16)).astype(np.float32)
    weights[::2] = 0
    weights[1, :4] = -0.0
    found = stored_weights(read_model(_dense(tmp_path / "dense.tflite", weights)), (0,))
    assert (found.elements, found.zero, found.sparse_tensors) == (128, 68, ())
    assert found.zero_share == 68 / 128


def test_quantised_weights_are_zero_at_their_zero_point(tmp_path: Path) -> None:
    weights = np.full((4, 8), 7, np.uint8)
    weights[0] = 128
    path = _dense(tmp_path / "dense.tflite", weights, Quantization.per_tensor(0.1, 128))
    assert stored_weights(read_model(path), (0,)).zero == 8


def test_a_model_without_weights_has_no_share(roots_like: Path) -> None:
    found = stored_weights(read_model(roots_like), (0,))
    assert (found.elements, found.zero_share) == (0, None)


@pytest.fixture
def roots_like(tmp_path: Path) -> Path:
    """float [1, 8] -> its square roots."""
    graph = Graph("roots")
    given, made = graph.input("given", (1, 8), np.float32), graph.tensor("roots", (1, 8), np.float32)
    graph.operator("SQRT", [given], [made])
    graph.output(made)
    with (tmp_path / "roots.tflite").open("wb") as file:
        graph.write(file)
    return tmp_path / "roots.tflite"


def _rewritten(path: Path, change: Callable[[Any, Any], None]) -> Path:
    """The file with its weights' tensor and buffer changed."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    tensor = next(each for each in model.subgraphs[0].tensors if each.name == b"weights")
    change(tensor, model.buffers[tensor.buffer])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    place = path.with_name("rewritten.tflite")
    place.write_bytes(bytes(builder.Output()))
    return place


def test_what_a_sparse_tensor_does_not_store_is_zero(tmp_path: Path) -> None:
    def keep_five(tensor: Any, buffer: Any) -> None:
        tensor.sparsity = schema.SparsityParametersT(
            traversalOrder=[0, 1],
            dimMetadata=[
                schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=4),
                schema.DimensionMetadataT(format=schema.DimensionType.SPARSE_CSR),
            ],
        )
        buffer.data = np.frombuffer(np.array([1, 2, 0, 4, 5], np.float32).tobytes(), np.uint8)

    path = _rewritten(_dense(tmp_path / "dense.tflite", np.ones((4, 8), np.float32)), keep_five)
    found = stored_weights(read_model(path), (0,))
    assert (found.elements, found.zero) == (32, 28)
    assert (found.sparse_tensors, found.sparse_bytes) == (("weights",), 20)


def test_weights_of_four_bits_are_unpacked_before_they_are_counted(tmp_path: Path) -> None:
    def pack(tensor: Any, buffer: Any) -> None:
        tensor.type = schema.TensorType.INT4
        # Two in a byte, the first in its lower half: 0 and -8, then 0 and 0, then 7s.
        buffer.data = np.array([0x80, 0x00] + [0x77] * 14, np.uint8)

    quantised = Quantization.per_tensor(0.1)
    path = _rewritten(_dense(tmp_path / "dense.tflite", np.ones((4, 8), np.int8), quantised), pack)
    assert stored_weights(read_model(path), (0,)).zero == 3


def test_weights_that_do_not_fill_their_shape_are_refused(tmp_path: Path) -> None:
    def cut(_: Any, buffer: Any) -> None:
        buffer.data = buffer.data[:8]

    path = _rewritten(_dense(tmp_path / "dense.tflite", np.ones((4, 8), np.float32)), cut)
    with pytest.raises(ModelRejected, match="the weights 'weights' cannot be read"):
        stored_weights(read_model(path), (0,))


def test_a_file_packs_to_what_gzip_makes_of_it(small: Path) -> None:
    assert abs(gzip_bytes(small) - len(gzip.compress(small.read_bytes(), 6, mtime=0))) <= 2
    assert gzip_bytes(small) < small.stat().st_size
