"""How weights lie in a file: zeros counted by what stands for zero, and what a file packs to."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.litert.file.model_reader import read_model
from harness.model.stored_weights import gzip_bytes, stored_weights
from harness.zoo.graph.writer import Graph, Quantization


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


def test_a_file_packs_to_what_gzip_makes_of_it(small: Path) -> None:
    assert abs(gzip_bytes(small) - len(gzip.compress(small.read_bytes(), 6, mtime=0))) <= 2
    assert gzip_bytes(small) < small.stat().st_size
