from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.base import Array
from tasks.pictures.pixels.resize import resize_bilinear

SIZE = st.integers(1, 70)


def by_the_formula(image: Array, height: int, width: int) -> Array:
    """The reference kernel's formula, pixel by pixel, in float64."""

    def at(index: int, size: int, wanted: int) -> tuple[int, int, float]:
        source = index * size / wanted
        return int(source), min(int(source) + 1, size - 1), source - int(source)

    result = np.empty((height, width, image.shape[2]))
    for row in range(height):
        top, bottom, dy = at(row, image.shape[0], height)
        for column in range(width):
            left, right, dx = at(column, image.shape[1], width)
            upper = image[top, left] * (1 - dx) + image[top, right] * dx
            lower = image[bottom, left] * (1 - dx) + image[bottom, right] * dx
            result[row, column] = upper * (1 - dy) + lower * dy
    return result


def noise(seed: int, height: int, width: int, channels: int = 3) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)


def kernel(image: Array, height: int, width: int) -> Array:
    """LiteRT's own reference kernel, through a graph of one RESIZE_BILINEAR."""
    options = schema.ResizeBilinearOptionsT()
    code, step, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESIZE_BILINEAR
    code.version = 1
    step.inputs, step.outputs = [0, 1], [2]
    step.builtinOptionsType, step.builtinOptions = schema.BuiltinOptions.ResizeBilinearOptions, options
    graph.tensors = [schema.TensorT() for _ in range(3)]
    for tensor, shape in zip(graph.tensors, ([1, *image.shape], [2], [1, height, width, image.shape[2]]), strict=True):
        tensor.shape, tensor.type = shape, schema.TensorType.FLOAT32
    graph.tensors[1].type = schema.TensorType.INT32
    graph.inputs, graph.outputs, graph.operators = [0, 1], [2], [step]
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    engine = Interpreter(
        model_content=bytes(builder.Output()), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    engine.allocate_tensors()
    engine.set_tensor(0, image[None].astype(np.float32))
    engine.set_tensor(1, np.array([height, width], np.int32))
    engine.invoke()
    result: Array = engine.get_tensor(2)[0]
    return result


@settings(deadline=None, derandomize=True)
@given(seed=st.integers(0, 99), h=SIZE, w=SIZE, height=SIZE, width=SIZE, channels=st.integers(1, 5))
def test_pictures_resize_as_tflites_reference_kernel_resizes_them(
    seed: int, h: int, w: int, height: int, width: int, channels: int
) -> None:
    image = noise(seed, h, w, channels)
    resized = resize_bilinear(image, height, width)
    assert resized.shape == (height, width, channels)
    assert resized.dtype == np.float32
    # The wheel's own kernel may be built with fused multiply-add; test_stage.py holds every bit against one that is not.
    np.testing.assert_allclose(resized, kernel(image, height, width), rtol=0, atol=1e-4)


@settings(deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 99),
    sizes=st.tuples(SIZE, SIZE, st.integers(2, 70), st.integers(2, 70)),
    cut=st.tuples(*[st.floats(0, 1, exclude_max=True)] * 4),
)
def test_a_window_is_that_part_of_the_whole(
    seed: int, sizes: tuple[int, int, int, int], cut: tuple[float, float, float, float]
) -> None:
    h, w, height, width = sizes
    top, left = int(cut[0] * height), int(cut[1] * width)
    window = (
        slice(top, top + 1 + int(cut[2] * (height - top))),
        slice(left, left + 1 + int(cut[3] * (width - left))),
    )
    image = noise(seed, h, w)
    assert np.array_equal(resize_bilinear(image, height, width, window), resize_bilinear(image, height, width)[window])


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    seed=st.integers(0, 99),
    h=st.integers(1, 20),
    w=st.integers(1, 20),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
)
def test_a_picture_is_resized_by_the_formula_of_the_kernel(seed: int, h: int, w: int, height: int, width: int) -> None:
    image = noise(seed, h, w)
    np.testing.assert_allclose(
        resize_bilinear(image, height, width),
        by_the_formula(image.astype(float), height, width),
        rtol=0,
        atol=2e-3,  # float32 coordinates: half an ulp of a position near 20, times a step of 255
    )


def test_the_source_coordinate_is_the_index_times_in_over_out() -> None:
    ramp = np.arange(8, dtype=np.uint8).reshape(1, 8, 1) * 10
    assert resize_bilinear(ramp, 1, 5).ravel().tolist() == pytest.approx([0, 16, 32, 48, 64])
    assert resize_bilinear(ramp, 1, 16).ravel().tolist()[-3:] == pytest.approx([65, 70, 70])


def test_twin_neither_opencv_nor_pillow_resize_so() -> None:
    import cv2

    image = noise(0, 60, 80)
    ours = resize_bilinear(image, 41, 53)
    others: dict[str, Any] = {
        "opencv": cv2.resize(image.astype(np.float32), (53, 41), interpolation=cv2.INTER_LINEAR),
        "pillow": Image.fromarray(image).resize((53, 41), Image.Resampling.BILINEAR),
    }
    for name, other in others.items():
        assert np.abs(np.asarray(other, np.float32) - ours).max() > 10, name


def test_a_result_is_not_changed_by_the_next_picture() -> None:
    first = resize_bilinear(noise(1, 20, 20), 10, 10)
    kept = first.copy()
    resize_bilinear(noise(2, 20, 20), 10, 10)
    assert np.array_equal(first, kept)


def test_threads_resize_at_once_without_disturbing_each_other() -> None:
    images = [noise(seed, 20 + seed, 30, 1 + seed % 3) for seed in range(40)]
    alone = [resize_bilinear(image, 24, 24) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: resize_bilinear(image, 24, 24), images))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
