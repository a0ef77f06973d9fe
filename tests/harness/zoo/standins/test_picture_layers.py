from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.zoo.graph.tensors import GraphTensor, Quantization
from harness.zoo.graph.writer import Graph
from harness.zoo.standins import picture_layers
from harness.zoo.standins.picture_models import activation_quantization

Array = npt.NDArray[Any]


def _run(
    values: Array, make: Callable[[Graph, GraphTensor], GraphTensor], quantization: Quantization | None = None
) -> Array:
    graph = Graph("test")
    made = make(graph, graph.input("in", values.shape, values.dtype, quantization))
    graph.output(made, "out")
    file = io.BytesIO()
    graph.write(file)
    interpreter = Interpreter(model_content=file.getvalue())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    found: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert found.shape == made.shape
    return found


def _convolved(values: Array, weight: Array, stride: int, dilation: int) -> Array:
    """SAME convolution of [h, w, c] with [outputs, k, k, c], place by place."""
    kernel = weight.shape[1]
    reach = (kernel - 1) * dilation + 1
    sizes = [-(-size // stride) for size in values.shape[:2]]
    totals = [max(0, (n - 1) * stride + reach - size) for n, size in zip(sizes, values.shape[:2], strict=True)]
    padded = np.pad(values, [(total // 2, total - total // 2) for total in totals] + [(0, 0)])
    found = np.zeros((*sizes, len(weight)))
    for row, column in np.ndindex(*sizes):
        y, x = row * stride, column * stride
        window = padded[y : y + reach : dilation, x : x + reach : dilation]
        found[row, column] = np.einsum("hwc,ohwc->o", window, weight)
    return found


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(5, 9), st.integers(5, 9), st.sampled_from([1, 3, 5]), st.sampled_from([(1, 1), (2, 1), (1, 2)]))
def test_a_convolution_is_what_the_definition_says(
    height: int, width: int, kernel: int, steps: tuple[int, int]
) -> None:
    rng = np.random.default_rng(height * width * kernel)
    values = rng.normal(size=(1, height, width, 3)).astype(np.float32)
    weight, bias = rng.normal(size=(4, kernel, kernel, 3)).astype(np.float32), rng.normal(size=4).astype(np.float32)

    def make(graph: Graph, tensor: GraphTensor) -> GraphTensor:
        constants = graph.constant("w", weight), graph.constant("b", bias)
        return picture_layers.conv2d(
            graph, "conv", tensor, *constants, stride=steps[0], dilation=steps[1], activation="relu"
        )

    expected = np.maximum(_convolved(values[0], weight, *steps) + bias, 0)
    np.testing.assert_allclose(_run(values, make)[0], expected, atol=1e-4)


def test_a_depthwise_convolution_keeps_channels_apart() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(1, 6, 7, 2)).astype(np.float32)
    weight = rng.normal(size=(1, 3, 3, 2)).astype(np.float32)

    def make(graph: Graph, tensor: GraphTensor) -> GraphTensor:
        constants = graph.constant("w", weight), graph.constant("b", np.zeros(2, np.float32))
        return picture_layers.conv2d(graph, "conv", tensor, *constants, stride=2, depthwise=True)

    apart = weight[0].transpose(2, 0, 1)[:, :, :, None]
    expected = np.stack(
        [_convolved(values[0, :, :, c : c + 1], apart[c : c + 1], 2, 1)[..., 0] for c in range(2)], axis=-1
    )
    np.testing.assert_allclose(_run(values, make)[0], expected, atol=1e-4)


def test_bilinear_steps_from_the_upper_left() -> None:
    values = np.array([[0, 10], [20, 30]], np.float32).reshape(1, 2, 2, 1)
    enlarged = _run(values, lambda graph, tensor: picture_layers.resize_bilinear(graph, "resize", tensor, 4, 4))
    np.testing.assert_allclose(enlarged[0, :, :, 0][:, 0], [0, 10, 20, 20])
    np.testing.assert_allclose(enlarged[0, :, :, 0][0], [0, 5, 10, 10])


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.0, 6.0), (0.5, 2.0), (-7.0, -1.0), (0.0, 0.0)])
def test_the_quantisation_of_an_activation_covers_its_range_and_zero(low: float, high: float) -> None:
    quantization = activation_quantization(low, high)
    scale, zero_point = float(quantization.scales[0]), int(quantization.zero_points[0])
    assert scale > 0
    assert -128 <= zero_point <= 127
    half = scale * 0.51
    assert (-128 - zero_point) * scale <= min(low, 0) + half
    assert (127 - zero_point) * scale >= max(high, 0) - half


def test_an_int8_sum_is_close_to_the_true_one() -> None:
    rng = np.random.default_rng(2)
    quantization = activation_quantization(-2.0, 2.0)
    wide = activation_quantization(-4.0, 4.0)
    raw = rng.integers(-128, 128, (1, 4, 4, 3)).astype(np.int8)
    doubled = _run(raw, lambda graph, t: picture_layers.add(graph, "sum", t, t, wide), quantization)

    def real(stored: Array, by: Quantization) -> Array:
        values: Array = (stored.astype(np.float64) - by.zero_points[0]) * by.scales[0]
        return values

    np.testing.assert_allclose(real(doubled, wide), 2 * real(raw, quantization), atol=float(wide.scales[0]))


def test_the_best_class_of_each_place_is_found() -> None:
    values = np.random.default_rng(3).normal(size=(1, 3, 4, 5)).astype(np.float32)
    found = _run(values, lambda graph, tensor: picture_layers.arg_max(graph, "best", tensor))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, values.argmax(axis=3))
