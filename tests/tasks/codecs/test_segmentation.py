from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers import grids
from backends.base import TensorSpec
from tasks.base import DataRef, ModelMismatch
from tasks.codecs.segmentation import SegmentationCodec, SegmentationOptions
from tasks.segmentation import Segmentation
from tests.tasks.annotated_pictures import make_set, open_set


def tensor(shape: Sequence[int], dtype: Any) -> TensorSpec:
    return TensorSpec("tensor", tuple(shape), np.dtype(dtype))


def picture_input(side: int, dtype: Any = np.uint8) -> list[TensorSpec]:
    return [tensor((1, side, side, 3), dtype)]


def bind(folder: Path, output: TensorSpec, *, side: int = 8, **options: Any) -> SegmentationCodec:
    return open_set(folder, **options).codec(picture_input(side), [output])


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        *((dtype, (1, 8, 8)) for dtype in (np.int32, np.int64, np.uint8, np.float32)),
        *((np.int32, shape) for shape in ((1, 8, 8, 1), (1, 1, 8, 8), (8, 8), (8, 8, 1))),
        (np.float32, (8, 8)),
    ],
)
def test_a_class_map_of_every_type_is_answered_as_it_is(tmp_path: Path, dtype: Any, shape: tuple[int, ...]) -> None:
    codec = bind(make_set(tmp_path, [(8, 8)]), tensor(shape, dtype))
    class_map = np.random.default_rng(0).integers(0, 32, (8, 8))
    answer = codec.postprocess([class_map.reshape(shape).astype(dtype)])
    np.testing.assert_array_equal(grids.unpack_class_map(answer), class_map)


@pytest.mark.parametrize(("dtype", "zero_point"), [(np.int8, -128), (np.int8, -5), (np.uint8, 3), (np.int16, 7)])
def test_a_class_map_in_quantised_steps_of_one_is_counted_from_its_zero_point(
    tmp_path: Path, dtype: Any, zero_point: int
) -> None:
    output = TensorSpec("map", (1, 8, 8), np.dtype(dtype), scale=1.0, zero_point=zero_point)
    codec = bind(make_set(tmp_path, [(8, 8)]), output)
    class_map = np.random.default_rng(0).integers(0, 32, (8, 8))
    answer = codec.answerer()([(class_map + zero_point).reshape(1, 8, 8).astype(dtype)])
    np.testing.assert_array_equal(grids.unpack_class_map(answer), class_map)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int8])
def test_scores_become_the_class_of_the_highest(tmp_path: Path, dtype: Any) -> None:
    codec = bind(make_set(tmp_path, [(8, 8)]), tensor((1, 8, 8, 32), dtype))
    scores = np.random.default_rng(0).permuted(np.tile(np.arange(-16, 16), (1, 8, 8, 1)), axis=3)
    expected = [[max(range(32), key=lambda c: scores[0, y, x, c]) for x in range(8)] for y in range(8)]
    values = scores.astype(dtype) if dtype != np.uint8 else (scores + 16).astype(dtype)
    np.testing.assert_array_equal(grids.unpack_class_map(codec.postprocess([values])), expected)


@pytest.mark.parametrize(("shape", "axis"), [((1, 5, 8, 8), 1), ((5, 8, 8), 0), ((8, 8, 5), 2)])
def test_scores_may_have_their_classes_first_and_no_batch(tmp_path: Path, shape: tuple[int, ...], axis: int) -> None:
    codec = bind(make_set(tmp_path, [(8, 8)]), tensor(shape, np.float32), num_classes=5)
    scores = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = scores.argmax(axis=axis).reshape(8, 8)
    np.testing.assert_array_equal(grids.unpack_class_map(codec.postprocess([scores])), expected)


@pytest.mark.parametrize("nchw", [False, True])
def test_where_both_axes_could_be_the_classes_the_output_is_as_the_input(tmp_path: Path, nchw: bool) -> None:
    task = open_set(make_set(tmp_path, [(8, 8)]), num_classes=8)
    shape = (1, 3, 8, 8) if nchw else (1, 8, 8, 3)
    codec = task.codec([tensor(shape, np.uint8)], [tensor((1, 8, 8, 8), np.float32)])
    scores = np.random.default_rng(0).normal(size=(1, 8, 8, 8)).astype(np.float32)
    expected = scores[0].argmax(axis=0 if nchw else 2)
    np.testing.assert_array_equal(grids.unpack_class_map(codec.postprocess([scores])), expected)


@pytest.mark.parametrize(
    "output",
    [
        tensor((1, 8, 8, 1), np.float32),
        tensor((1, 1, 8, 8), np.float16),
        TensorSpec("tensor", (1, 8, 8, 1), np.dtype(np.int8), scale=1 / 256, zero_point=-128),
        TensorSpec("tensor", (1, 8, 8), np.dtype(np.uint8), scale=1 / 256),
    ],
)
def test_one_score_a_pixel_is_no_class_map_and_is_refused_before_the_run(tmp_path: Path, output: TensorSpec) -> None:
    with pytest.raises(ModelMismatch, match=r"tensor \w+ \[1, .* is one score a pixel"):
        bind(make_set(tmp_path, [(8, 8)]), output)


@pytest.mark.parametrize(("value", "dtype"), [(-1, np.int32), (256, np.int64), (np.nan, np.float32), (1e9, np.float32)])
def test_a_class_that_no_byte_holds_fails_the_answer(tmp_path: Path, value: float, dtype: Any) -> None:
    codec = bind(make_set(tmp_path, [(8, 8)]), tensor((1, 8, 8), dtype))
    class_map = np.ones((1, 8, 8), dtype)
    class_map[0, 3, 3] = value
    with pytest.raises(ValueError, match="0 to 255 can be scored"):
        codec.postprocess([class_map])


def test_probabilities_are_no_class_map(tmp_path: Path) -> None:
    codec = bind(make_set(tmp_path, [(8, 8)]), tensor((1, 8, 8), np.float32))
    class_map = np.ones((1, 8, 8), np.float32)
    class_map[0, 3, 3] = 0.75
    with pytest.raises(ValueError, match=r"output holds 0\.75, which is no class"):
        codec.postprocess([class_map])
    with pytest.raises(ModelMismatch, match=r"output holds 0\.75, which is no class"):
        codec.answerer()([class_map])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.uint8, [0, 127, 255]), (np.int8, [-128, -1, 127]), (np.float32, [-1, -0.5 / 127.5, 1])],
)
def test_every_input_type_gets_its_own_scale(tmp_path: Path, dtype: Any, expected: list[float]) -> None:
    picture = np.broadcast_to(np.array([0, 127, 255], np.uint8), (8, 8, 3))
    Image.fromarray(picture).save(tmp_path / "a.png")
    task = Segmentation(DataRef(tmp_path), SegmentationOptions())
    codec = task.codec(picture_input(8, dtype), [tensor((1, 8, 8), np.int32)])
    (prepared,) = codec.preprocess(0)
    assert prepared.dtype == dtype
    assert prepared.shape == (1, 8, 8, 3)
    assert prepared.flags.c_contiguous
    np.testing.assert_allclose(prepared[0, 4, 4], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        (picture_input(8), tensor((1, 4, 4), np.int32)),
        (picture_input(8), tensor((1, 8, 8, 21), np.float32)),
        (picture_input(8), tensor((1, 8, 8, 32), np.int32)),
        (picture_input(8, np.int64), tensor((1, 8, 8), np.int32)),
        ([tensor((1, 8, 8, 1), np.uint8)], tensor((1, 8, 8), np.int32)),
        ([tensor((1, 192), np.uint8)], tensor((1, 8, 8), np.int32)),
        (picture_input(8) * 2, tensor((1, 8, 8), np.int32)),
    ],
)
def test_a_model_that_cannot_be_asked_is_refused(tmp_path: Path, inputs: list[TensorSpec], output: TensorSpec) -> None:
    task = open_set(make_set(tmp_path, [(8, 8)]))
    with pytest.raises(ModelMismatch, match=r"tensor (u?int|float)\d+ \["):
        task.codec(inputs, [output])
    with pytest.raises(ModelMismatch, match="the model has"):
        task.codec(picture_input(8), [])


def test_the_cache_key_changes_with_all_that_makes_a_prepared_picture(tmp_path: Path) -> None:
    folder, output = make_set(tmp_path, [(8, 8)] * 2), tensor((1, 8, 8), np.int32)
    keys = [
        bind(folder, output).cache_key(),
        bind(folder, output, pad_value=0.0).cache_key(),
        bind(folder, output, profile="pillow").cache_key(),
        bind(folder, tensor((1, 9, 9), np.int32), side=9).cache_key(),
        open_set(folder).codec(picture_input(8, np.int8), [output]).cache_key(),
    ]
    assert bind(folder, output).cache_key() == keys[0]
    Image.new("RGB", (9, 9)).save(folder / "images/b.png")
    keys.append(bind(folder, output).cache_key())
    assert len(set(keys)) == len(keys)
