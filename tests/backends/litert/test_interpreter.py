"""The interpreter engine and the null backend: what a backend promises its caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.base import Backend, BackendInfo, ModelRejected, TensorSpec
from backends.cpu import CpuBackend
from backends.litert.interpreter import InterpreterBackend
from backends.null import NullBackend
from harness.zoo.graph import layers
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph
from tests.graphs import quantised, reshaped

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def subtraction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two inputs and two outputs that are told apart by what they hold; signature names unlike the tensors'."""
    graph = Graph("subtraction")
    right, left = (graph.input(name, (1, 2, 3), np.float32) for name in ("right", "left"))
    graph.output(layers.subtract(graph, "tensor_5", left, right), "difference")
    graph.output(layers.add(graph, "tensor_6", left, right), "sum")
    path = tmp_path_factory.mktemp("models") / "subtraction.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path


def interpreter(model: Path, **options: Any) -> InterpreterBackend:
    return InterpreterBackend(model, name="test", threads=1, **options)


def values(seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(1, 2, 3)).astype(np.float32) for _ in range(2)]


def test_tensors_have_the_signatures_names_and_the_models_order(subtraction: Path) -> None:
    backend = interpreter(subtraction)
    assert [tensor.name for tensor in backend.inputs] == ["right", "left"]
    assert [tensor.name for tensor in backend.outputs] == ["difference", "sum"]
    for tensor in (*backend.inputs, *backend.outputs):
        assert (tensor.shape, tensor.dtype, tensor.scale) == ((1, 2, 3), np.dtype(np.float32), 0.0)
        assert tensor.nbytes == 24


@pytest.mark.parametrize("xnnpack", [True, False])
def test_inputs_and_outputs_keep_their_order(xnnpack: bool, subtraction: Path) -> None:
    right, left = values(1)
    difference, total = interpreter(subtraction, xnnpack=xnnpack).invoke([right, left])
    np.testing.assert_allclose(difference, left - right)
    np.testing.assert_allclose(total, left + right)


def test_an_answer_belongs_to_the_caller_and_a_later_one_does_not_change_it(subtraction: Path) -> None:
    backend = interpreter(subtraction)
    first = backend.invoke(values(1))
    kept = [array.copy() for array in first]
    second = backend.invoke(values(2))
    for array, before, after in zip(first, kept, second, strict=True):
        np.testing.assert_array_equal(array, before)
        assert not np.array_equal(array, after)
        assert array.flags.owndata or array.base is not None
        array[:] = 7
    np.testing.assert_array_equal(backend.invoke(values(2))[0], second[0])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_or_too_many_inputs_are_refused(count: int, subtraction: Path) -> None:
    with pytest.raises(ValueError, match=r"zip\(\)"):
        interpreter(subtraction).invoke([np.zeros((1, 2, 3), np.float32)] * count)


@pytest.mark.parametrize("wrong", [np.zeros((1, 2, 4), np.float32), np.zeros((1, 2, 3), np.float64)])
def test_an_input_of_another_shape_or_type_is_refused(wrong: Array, subtraction: Path) -> None:
    with pytest.raises(ValueError, match=r"[Cc]annot set tensor"):
        interpreter(subtraction).invoke([wrong, wrong])


def test_two_interpreters_in_two_threads_do_not_mix(subtraction: Path) -> None:
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        backend = interpreter(subtraction)
        try:
            for step in range(200):
                right, left = values(seed * 1000 + step)
                np.testing.assert_allclose(backend.invoke([right, left])[0], left - right)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_inputs_may_be_resized_before_they_are_allocated(subtraction: Path) -> None:
    backend = interpreter(subtraction, input_shapes=[(1, 4, 3), (1, 4, 3)])
    assert [tensor.shape for tensor in (*backend.inputs, *backend.outputs)] == [(1, 4, 3)] * 4
    ones = np.ones((1, 4, 3), np.float32)
    np.testing.assert_array_equal(backend.invoke([ones, 3 * ones])[0], 2 * ones)


def test_shapes_that_the_model_cannot_take_are_refused(subtraction: Path) -> None:
    with pytest.raises(ModelRejected, match="the runtime refuses"):
        interpreter(subtraction, input_shapes=[(1, 4, 3), (1, 5, 3)])


def test_quantisation_is_read_from_the_model(tmp_path: Path) -> None:
    graph = Graph("quantised")
    left, right = (
        graph.input(name, (1, 4), np.int8, Quantization.per_tensor(scale, zero_point))
        for name, scale, zero_point in (("left", 0.5, 3), ("right", 0.25, -7))
    )
    # Reshaped alone: the values are passed on as they are.
    graph.output(layers.reshape(graph, "flat", left, (4,)))
    graph.output(layers.reshape(graph, "other", right, (4,)))
    with (tmp_path / "model.tflite").open("wb") as file:
        graph.write(file)
    backend = interpreter(tmp_path / "model.tflite")
    assert [(tensor.scale, tensor.zero_point) for tensor in backend.inputs] == [(0.5, 3), (0.25, -7)]
    assert backend.inputs[0].dtype == np.int8


def test_the_coverage_counts_the_models_ops_and_those_that_xnnpack_took(subtraction: Path) -> None:
    plain, fast = interpreter(subtraction, xnnpack=False).info(), interpreter(subtraction).info()
    assert plain.coverage is not None
    assert fast.coverage is not None
    assert (plain.coverage.nodes, plain.coverage.delegated_nodes, plain.coverage.partitions) == (2, 0, 0)
    assert plain.delegate is None
    assert fast.coverage.nodes == 2
    assert fast.coverage.delegated_nodes == 2
    assert fast.delegate == "XNNPACK"


@pytest.mark.parametrize("kind", [CpuBackend, NullBackend])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot read the model"),
        (b"", "is not a TFLite model"),
        (b"PK\x03\x04zip!", "is not a TFLite model"),
        (b"\x08\0\0\0TFL3\xff\xff\xff\xff", "the runtime refuses"),
    ],
)
def test_what_is_no_model_is_refused(kind: type[Any], content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelRejected, match=says):
        kind(path, threads=1)


def test_the_null_backend_has_the_models_tensors_and_answers_zeros(subtraction: Path) -> None:
    backend = NullBackend(subtraction, threads=1)
    assert backend.inputs == interpreter(subtraction).inputs
    assert backend.outputs == interpreter(subtraction).outputs
    for array, tensor in zip(backend.invoke(values(1)), backend.outputs, strict=True):
        assert (array.shape, array.dtype) == (tensor.shape, tensor.dtype)
        assert not array.any()
    info = backend.info()
    assert (info.name, info.engine, info.delegate, info.coverage) == ("null", "none", None, None)


def test_a_backend_without_anything_to_free_may_be_closed() -> None:
    class Bare(Backend):
        inputs = outputs = (TensorSpec("x", (1, 2), np.dtype(np.int32)),)

        def invoke(self, inputs: Any) -> list[Array]:
            return list(inputs)

        def info(self) -> BackendInfo:
            return BackendInfo(name="bare", engine="none", delegate=None)

    Bare().close()
    assert Bare().inputs[0].nbytes == 8


def asked_thrice(backend: InterpreterBackend) -> list[bytes]:
    (tensor,) = backend.inputs
    given = np.arange(np.prod(tensor.shape)).reshape(tensor.shape).astype(tensor.dtype)
    run = backend.runner()
    return [run([given])[0].tobytes() for _ in range(3)]


@pytest.mark.parametrize("model", ["recurrent_keyword_model", "counting_model"])
def test_a_reset_puts_back_all_that_a_model_keeps(model: str, request: pytest.FixtureRequest) -> None:
    backend = InterpreterBackend(request.getfixturevalue(model), name="cpu", threads=1)
    first = asked_thrice(backend)
    assert len(set(first)) == 3
    assert backend.can_reset
    backend.reset()
    assert asked_thrice(backend) == first
    backend.close()


def test_what_xnnpack_alone_refuses_is_told_with_its_reason_and_the_option_that_runs_it(tmp_path: Path) -> None:
    graph = Graph("an axis twice")
    given, turned = graph.input("x", (1, 4, 4, 3), np.float32), graph.tensor("y", (1, 4, 4, 3), np.float32)
    axes = graph.constant("axes", np.array([0, 1, 1, 3], np.int32))
    graph.operator("TRANSPOSE", [given, axes], [turned], schema.TransposeOptionsT())
    graph.output(turned)
    with (tmp_path / "m.tflite").open("wb") as file:
        graph.write(file)
    with pytest.raises(
        ModelRejected, match=r"TRANSPOSE node.*The model runs without XNNPACK: use --backend cpu:xnnpack=false"
    ):
        InterpreterBackend(tmp_path / "m.tflite", name="cpu", threads=1)
    InterpreterBackend(tmp_path / "m.tflite", name="cpu", threads=1, xnnpack=False).close()


def test_what_neither_xnnpack_nor_the_kernels_run_is_told_with_both_reasons(tmp_path: Path) -> None:
    graph = Graph("too few channels")
    given, spread = graph.input("x", (1, 4, 4, 3), np.float32), graph.tensor("y", (1, 8, 8, 1), np.float32)
    graph.operator("DEPTH_TO_SPACE", [given], [spread], schema.DepthToSpaceOptionsT(blockSize=2))
    graph.output(spread)
    with (tmp_path / "m.tflite").open("wb") as file:
        graph.write(file)
    with pytest.raises(
        ModelRejected, match=r"XNNPack delegate failed.*Nor does the model run without XNNPACK: .*input_channels"
    ):
        InterpreterBackend(tmp_path / "m.tflite", name="cpu", threads=1)


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "STRING"])
def test_tensors_that_are_no_arrays_in_memory_are_never_read_past_their_end(
    kind: str, write_model: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_model(
        tmp_path / "m.tflite", [("x", [1, 4], kind), ("y", [4], kind)], [("SQUEEZE", [0], [1])], [0], [1]
    )
    backend = InterpreterBackend(path, name="", threads=1)
    assert backend.raw_runner() is None
    values = [b"a", b"", b"long enough", b"d"] if kind == "STRING" else [1, 7, 0, 3]
    given = np.array([values], backend.inputs[0].dtype)
    for run in (backend.runner(), backend.runner(), backend.invoke):
        assert run([given])[0].tolist() == values
    stages = backend.stages()
    assert stages is not None
    stages.write([given])
    stages.run()
    assert stages.read()[0].tolist() == values


def test_an_output_whose_size_only_a_run_tells_is_read_where_it_is_after_any_run(
    write_model: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_model(
        tmp_path / "where.tflite", [("x", [1, 4], "BOOL"), ("y", [1, 2], "INT64")], [("WHERE", [0], [1])], [0], [1]
    )
    backend = InterpreterBackend(path, name="", threads=1)
    # Once it has run the tensor has memory, which is another one after the next run.
    for given, found in (([0, 1, 1, 0], [[0, 1], [0, 2]]), ([1, 0, 0, 0], [[0, 0]]), ([0, 0, 0, 0], [])):
        run = backend.runner()
        answer = run([np.array([given], np.bool_)])[0]
        assert answer.tolist() == found
        assert answer.shape == (len(found), 2)


def test_a_type_that_the_runtime_cannot_be_given_is_refused(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "m.tflite", [("x", [1, 4], "INT2"), ("y", [4], "INT2")], [("SQUEEZE", [0], [1])], [0], [1]
    )
    with pytest.raises(ModelRejected, match="input x is int2, which the runtime cannot be given"):
        InterpreterBackend(path, name="", threads=1)


def test_an_input_or_output_with_a_scale_for_each_channel_is_refused_and_not_read_with_the_first(
    tmp_path: Path,
) -> None:
    bytes_in, by_channel = quantised([1 / 255]), quantised([0.1, 0.2, 0.3, 0.4], axis=1)
    for inside, outside, which in ((bytes_in, by_channel, "t1"), (by_channel, bytes_in, "t0")):
        path = reshaped(tmp_path / f"{which}.tflite", [1, 4], [1, 4], "UINT8", inside, outside)
        with pytest.raises(ModelRejected, match=rf"{which}, which goes in or comes out, has 4 scales, .* axis 1"):
            InterpreterBackend(path, name="", threads=1)
    alike = quantised([0.1] * 4, axis=1)
    path = reshaped(tmp_path / "alike.tflite", [1, 4], [1, 4], "UINT8", bytes_in, alike)
    assert InterpreterBackend(path, name="", threads=1).outputs[0].scale == pytest.approx(0.1)
