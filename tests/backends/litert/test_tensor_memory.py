"""The quick way into an interpreter's tensors: the same answers as by the interpreter's own calls, or not taken at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.cpu import CpuBackend
from backends.litert.tensor_memory import as_bytes, lasting_views
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph

Array = npt.NDArray[Any]

REAL = [
    "mlperf_tiny/kws_ref_model_int8.tflite",
    "mlperf_tiny/ad01_fp32.tflite",
    "mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite",
    "ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite",
    "mlperf_mobile/mobile_segmenter_r4_quant_argmax_uint8.tflite",
    "coral/keras_lstm_mnist_ptq.tflite",
    "coral/split_concat.tflite",
]


def noise(backend: CpuBackend, seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(spec.shape).astype(spec.dtype)
        if spec.dtype.kind == "f"
        else rng.integers(0, 100, spec.shape).astype(spec.dtype)
        for spec in backend.inputs
    ]


def assert_the_runner_answers_as_invoke_does(model: Path) -> None:
    quick, plain = CpuBackend(model, threads=1), CpuBackend(model, threads=1)
    run, run_raw = quick.runner(), quick.raw_runner()
    for seed in range(4):
        inputs = noise(quick, seed)
        expected = plain.invoke(inputs)
        assert_same(run(inputs), expected)
        inputs = noise(quick, seed + 100)
        if run_raw is not None:
            assert_same(run_raw([as_bytes(array) for array in inputs]), plain.invoke(inputs))


def assert_same(found: Sequence[Array], expected: Sequence[Array]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", REAL)
def test_on_real_models_the_runner_answers_as_invoke_does(name: str, zoo: Path) -> None:
    model = zoo / "models" / name
    if not model.is_file():
        pytest.skip(f"{name} is not in the zoo")
    assert_the_runner_answers_as_invoke_does(model)


@pytest.fixture
def two_inputs(tmp_path: Path) -> Path:
    graph = Graph("two")
    right, left = (graph.input(name, (1, 2, 3), np.float32) for name in ("right", "left"))
    graph.output(layers.subtract(graph, "difference", left, right), "difference")
    graph.output(layers.add(graph, "sum", left, right), "sum")
    return _written(graph, tmp_path)


@pytest.fixture
def dynamic(tmp_path: Path) -> Path:
    """The positions that are not zero: how many there are is known when the model has run."""
    graph = Graph("dynamic")
    given = graph.input("given", (2, 3), np.float32)
    zero = graph.constant("zero", np.zeros((1,), np.float32))
    is_set = graph.tensor("is_set", (2, 3), np.bool_)
    places = graph.tensor("places", (1, 2), np.int64)
    graph.operator("NOT_EQUAL", [given, zero], [is_set], schema.NotEqualOptionsT())
    graph.operator("WHERE", [is_set], [places], schema.WhereOptionsT())
    graph.output(places)
    return _written(graph, tmp_path)


def test_several_inputs_and_outputs_keep_their_places(two_inputs: Path) -> None:
    assert_the_runner_answers_as_invoke_does(two_inputs)


def test_the_runners_answers_are_the_tensors_own_memory_and_invoke_still_works(two_inputs: Path) -> None:
    backend = CpuBackend(two_inputs, threads=1)
    run = backend.runner()
    first = run(noise(backend, 1))
    kept = [array.copy() for array in first]
    owned = backend.invoke(noise(backend, 2))
    # The views show the later run, the copies their own.
    for view, copy, latest in zip(first, kept, owned, strict=True):
        assert not np.array_equal(view, copy)
        np.testing.assert_array_equal(view, latest)


def test_a_tensor_whose_size_the_run_decides_is_read_the_slow_way(dynamic: Path) -> None:
    backend = CpuBackend(dynamic, threads=1)
    assert lasting_views(backend._interpreter, [*backend._input_indexes, *backend._output_indexes]) is None
    run = backend.runner()
    for count in (1, 6, 3):
        given = np.zeros((2, 3), np.float32)
        given.reshape(-1)[:count] = 1
        (places,) = run([given])
        assert len(places) == count


def test_views_are_none_where_a_tensor_has_no_memory(two_inputs: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    not_allocated = Interpreter(str(two_inputs))
    assert lasting_views(not_allocated, [0]) is None


def _written(graph: Graph, folder: Path) -> Path:
    path = folder / "model.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path
