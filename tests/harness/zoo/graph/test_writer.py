from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import flexbuffers
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.zoo.graph import layers
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import SIGNATURE, Graph

Array = npt.NDArray[Any]
_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.BOOL: np.bool_,
}


def _floats(values: Sequence[Any]) -> Array:
    return np.array(values, np.float32)


def _bytes(graph: Graph) -> bytes:
    file = io.BytesIO()
    graph.write(file)
    return file.getvalue()


def _run(graph: Graph, **inputs: Array) -> dict[str, Array]:
    interpreter = Interpreter(model_content=_bytes(graph))
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner(SIGNATURE)
    return {name: values.copy() for name, values in runner(**inputs).items()}


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(
        hnp.arrays(
            st.sampled_from([np.float32, np.int32, np.int64, np.int8, np.uint8, np.bool_]),
            hnp.array_shapes(min_dims=0, max_dims=4, max_side=5),
        ),
        max_size=6,
    )
)
def test_constants_are_read_back_as_written_and_lie_on_16_bytes(arrays: list[Array]) -> None:
    graph = Graph("constants")
    for index, values in enumerate(arrays):
        graph.constant(f"constant_{index}", values)
    content = _bytes(graph)

    model = schema.Model.GetRootAs(content, 0)
    main = model.Subgraphs(0)
    assert main.TensorsLength() == len(arrays)
    for index, values in enumerate(arrays):
        tensor = main.Tensors(index)
        stored = model.Buffers(tensor.Buffer()).DataAsNumpy()
        shape = tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
        assert _DTYPES[tensor.Type()] == values.dtype
        assert tensor.Name().decode() == f"constant_{index}"
        assert shape == values.shape
        assert stored.tobytes() == values.tobytes()
        assert (stored.__array_interface__["data"][0] - np.frombuffer(content, np.uint8).ctypes.data) % 16 == 0


def test_equal_constants_are_stored_once() -> None:
    values = np.arange(100_000, dtype=np.float32)
    graph = Graph("twins")
    first = graph.constant("first", values)
    second = graph.constant("second", values.copy().reshape(100, 1000))
    other = graph.constant("other", values + 1)
    assert first.buffer == second.buffer != other.buffer
    assert 2 * values.nbytes < len(_bytes(graph)) < 2.1 * values.nbytes


def test_a_strided_constant_is_stored_in_its_own_order() -> None:
    graph = Graph("transposed")
    values = np.arange(6, dtype=np.float32).reshape(2, 3).T
    left = graph.input("left", (3, 2), np.float32)
    graph.output(layers.add(graph, "sum", left, graph.constant("right", values)))
    np.testing.assert_array_equal(_run(graph, left=np.zeros((3, 2), np.float32))["sum"], values)


def test_equal_graphs_give_equal_bytes() -> None:
    assert _bytes(_sums()) == _bytes(_sums())


def _sums() -> Graph:
    graph = Graph("sums")
    left, right = (graph.input(name, (1, 4), np.float32) for name in ("left", "right"))
    graph.output(layers.subtract(graph, "difference_tensor", left, right), "difference")
    graph.output(layers.add(graph, "sum_tensor", left, right), "sum")
    return graph


def test_the_signature_binds_names_whatever_the_order() -> None:
    left, right = _floats([[1, 2, 3, 4]]), _floats([[10, 20, 30, 40]])
    answers = _run(_sums(), right=right, left=left)
    np.testing.assert_array_equal(answers["difference"], left - right)
    np.testing.assert_array_equal(answers["sum"], left + right)


def test_outputs_keep_their_order_in_the_file() -> None:
    interpreter = Interpreter(model_content=_bytes(_sums()))
    assert [detail["name"] for detail in interpreter.get_input_details()] == ["left", "right"]
    assert [detail["name"] for detail in interpreter.get_output_details()] == ["difference_tensor", "sum_tensor"]


def test_a_per_channel_int8_convolution_answers_as_numpy_does() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-128, 128, (1, 5, 5, 3)).astype(np.int8)
    weights = rng.integers(-127, 128, (4, 1, 1, 3)).astype(np.int8)
    scales = _floats([0.01, 0.02, 0.005, 0.03])
    graph = Graph("convolution")
    given_values = graph.input("values", values.shape, np.int8, Quantization.per_tensor(0.5, 3))
    kernel = graph.constant("kernel", weights, Quantization.per_channel(scales, axis=0))
    offsets = np.array([100, -200, 3000, 40], np.int32)
    bias = graph.constant("bias", offsets, Quantization.per_channel(0.5 * scales, axis=0))
    answer = graph.tensor("answer", (1, 5, 5, 4), np.int8, Quantization.per_tensor(2.0, -7))
    options = schema.Conv2DOptionsT(padding=schema.Padding.VALID, strideW=1, strideH=1)
    graph.operator("CONV_2D", [given_values, kernel, bias], [answer], options)
    graph.output(answer)

    real = 0.5 * scales * ((values.astype(np.int32) - 3) @ weights[:, 0, 0, :].T.astype(np.int32) + offsets)
    expected = np.clip(np.rint(real / 2.0) - 7, -128, 127)
    np.testing.assert_allclose(_run(graph, values=values)["answer"], expected, atol=1)
    assert expected.std() > 5


def test_an_optional_input_may_be_left_out() -> None:
    graph = Graph("no bias")
    values = graph.input("values", (1, 2), np.float32)
    weight = graph.constant("weight", _floats([[1, 2], [3, 4], [5, 6]]))
    answer = graph.tensor("answer", (1, 3), np.float32)
    graph.operator("FULLY_CONNECTED", [values, weight, None], [answer], schema.FullyConnectedOptionsT())
    graph.output(answer)
    np.testing.assert_array_equal(_run(graph, values=_floats([[1, 10]]))["answer"], [[21, 43, 65]])


def test_a_custom_operator_gets_its_options() -> None:
    """The post-processing of the SSD models, with boxes that lie exactly on their anchors."""
    anchors = _floats([[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]])
    options = {
        "max_detections": 2,
        "max_classes_per_detection": 1,
        "detections_per_class": 100,
        "use_regular_nms": False,
        "nms_score_threshold": 0.3,
        "nms_iou_threshold": 0.6,
        "num_classes": 3,
        "y_scale": 10.0,
        "x_scale": 10.0,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }
    graph = Graph("detections")
    boxes = graph.input("boxes", (1, 2, 4), np.float32)
    scores = graph.input("scores", (1, 2, 4), np.float32)
    name = "TFLite_Detection_PostProcess"
    shapes = [(1, 2, 4), (1, 2), (1, 2), (1,)]
    outputs = [graph.tensor(f"{name}:{index}", shape, np.float32) for index, shape in enumerate(shapes)]
    graph.operator(
        name,
        [boxes, scores, graph.constant("anchors", anchors)],
        outputs,
        custom_options=bytes(flexbuffers.Dumps(options)),
    )
    for output, role in zip(outputs, ("boxes", "classes", "scores", "count"), strict=True):
        graph.output(output, role)

    # Class 0 is the background.
    answers = _run(
        graph,
        boxes=np.zeros((1, 2, 4), np.float32),
        scores=_floats([[[0, 0.1, 0.2, 0.9], [0, 0.5, 0.1, 0.1]]]),
    )
    np.testing.assert_allclose(answers["boxes"][0], [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], atol=1e-6)
    np.testing.assert_array_equal(answers["classes"][0], [2, 0])
    np.testing.assert_allclose(answers["scores"][0], [0.9, 0.5])
    assert answers["count"] == 2


def test_two_tensors_of_one_name_are_refused() -> None:
    graph = Graph("names")
    graph.input("same", (1,), np.float32)
    with pytest.raises(ValueError, match="two tensors named 'same'"):
        graph.tensor("same", (1,), np.float32)


def test_an_empty_constant_is_refused() -> None:
    with pytest.raises(ValueError, match=r"constant 'nothing' of shape \(0, 3\) holds no values"):
        Graph("empty").constant("nothing", np.zeros((0, 3), np.float32))


def test_a_type_that_cannot_be_written_is_named() -> None:
    with pytest.raises(ValueError, match="tensor 'doubles' has type <f8"):
        Graph("types").constant("doubles", np.zeros(3))


def test_a_model_that_the_format_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.zoo.graph.writer._MAX_BYTES", 1000)
    graph = Graph("large")
    graph.constant("values", np.zeros(500, np.float32))
    with pytest.raises(ValueError, match=r"'large' would take \d+ bytes; a TFLite file holds at most 1000"):
        graph.write(io.BytesIO())
