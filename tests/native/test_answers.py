"""Answers in C: each function makes the bytes of its twin in Python, or leaves it to that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from accuracy.answers import grids
from backends.base import TensorSpec
from tasks.outputs.label_answers import BestLabels
from tasks.outputs.segmentation_binding import logged_classes
from tasks.pictures.pixels.picture_tensor import PIXELS, Normalisation, PictureTensor

answers = native.answers
if answers is None:
    pytest.skip(f"answers in C are not here: {native.why_not}", allow_module_level=True)

Array = npt.NDArray[Any]
quick = settings(deadline=None, derandomize=True, max_examples=60)
SCORES: dict[str, st.SearchStrategy[float]] = {
    "int8": st.integers(-128, 127),
    "uint8": st.integers(0, 255),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "float32": st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 2.0, math.inf]),
}


@st.composite
def score_rows(draw: st.DrawFn) -> Array:
    dtype = draw(st.sampled_from(list(SCORES)))
    return np.array([draw(st.lists(SCORES[dtype], min_size=1, max_size=70))], dtype)


@quick
@given(score_rows(), st.integers(1, 16), st.integers(0, 2), st.sampled_from(["float32", "int32", "int64"]))
def test_the_best_labels_are_those_of_the_twin(row: Array, count: int, offset: int, dtype: Any) -> None:
    best = BestLabels(count, offset, dtype)
    found = answers.best_labels(row, count, offset, {"float32": "f", "int32": "i", "int64": "q"}[dtype])
    assert (found is None) == (row.size <= offset)
    assert found is None or found == best.answer_in_python([row])
    assert best.answer([row]) == best.answer_in_python([row])


@pytest.mark.parametrize(
    "row",
    [np.array([[1, np.nan, 2]], np.float32), np.ones((1, 3), np.float16), np.ones((1, 6), np.int8)[:, ::2], [1.0]],
)
def test_what_c_does_not_look_at_is_left_to_the_twin(row: Any) -> None:
    assert answers.best_labels(row, 2, 0, "f") is None


@st.composite
def maps(draw: st.DrawFn) -> Array:
    dtype = draw(st.sampled_from([np.uint8, np.int8, np.int16, np.int32, np.int64, np.float32]))
    height, width = draw(st.sampled_from([(1, 1), (3, 5), (8, 8), (70, 130)]))
    seed, most, stripes = draw(st.integers(0, 99)), draw(st.sampled_from([1, 2, 30, 127])), draw(st.booleans())
    found = np.random.default_rng(seed).integers(0, most, (height, width))
    return (np.sort(found, axis=1) if stripes else found).astype(dtype)


def class_map_in_c(class_map: Array) -> bytes | None:
    found: bytes | None = answers.class_map(class_map, *grids.class_map_headers(*class_map.shape))
    return found


@quick
@given(maps())
def test_a_class_map_has_the_bytes_of_the_twin(class_map: Array) -> None:
    assert class_map_in_c(class_map) == grids.pack_class_map(logged_classes(class_map))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
@pytest.mark.parametrize("classes", [1, 2, 16, 17, 256])
def test_long_runs_and_many_classes_have_the_bytes_of_the_twin(classes: int, dtype: Any) -> None:
    lengths = np.resize([1, 127, 128, 16_383, 16_384, 40_000], 36)
    class_map = np.repeat(np.arange(36) * 9 % classes, lengths).astype(dtype)[: 600 * 700].reshape(600, 700)
    one = class_map_in_c(class_map)
    assert one == grids.pack_class_map(logged_classes(class_map))
    assert np.array_equal(grids.unpack_class_map(one), class_map)


def test_minus_zero_is_the_class_zero() -> None:
    class_map = np.zeros((8, 8), np.float32)
    class_map[3, 2] = -0.0
    assert class_map_in_c(class_map) == grids.pack_class_map(np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize(("value", "dtype"), [(-1, np.int8), (256, np.int32), (-1, np.int64), (0.5, np.float32)])
@pytest.mark.parametrize("noise", [True, False])
def test_what_is_no_class_is_left_to_the_twin_which_says_so(value: float, dtype: Any, noise: bool) -> None:
    class_map = (np.random.default_rng(1).integers(0, 9, (16, 16)) * noise).astype(dtype)
    class_map[15, 9] = value
    assert class_map_in_c(class_map) is None
    assert class_map_in_c(np.full((4, 4), np.nan, np.float32)) is None
    assert class_map_in_c(np.zeros((4, 4), np.float64)) is None


@quick
@given(
    st.lists(st.floats(-400, 700, width=32), min_size=48, max_size=48),
    st.booleans(),
    st.sampled_from([PIXELS, Normalisation(127.5, 127.5)]),
)
def test_a_picture_has_the_bytes_of_the_twin(values: list[float], nearest: bool, meant: Normalisation) -> None:
    halves = [0.5, 1.5, 2.5, 254.5, 255.0, 255.5, -0.0, 0.0, -0.5, 0.499]
    picture = np.array([*values[:-10], *halves], np.float32).reshape(1, 4, 4, 3)
    output = PictureTensor(TensorSpec("picture", picture.shape, np.dtype(np.float32)), 4, 4, False, False, meant)
    found = output.packed(picture, grids.picture_header(4, 4), nearest=nearest)
    assert found == grids.pack_picture(output.decode(picture, nearest=nearest))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_a_picture_of_bytes_has_the_bytes_of_the_twin(dtype: Any) -> None:
    picture = np.arange(192).astype(dtype).reshape(1, 8, 8, 3)
    output = PictureTensor(TensorSpec("picture", picture.shape, np.dtype(dtype)), 8, 8, False, False, None)
    found = output.packed(picture, grids.picture_header(8, 8), nearest=False)
    assert found == grids.pack_picture(output.decode(picture, nearest=False))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_picture_that_is_no_number_is_left_to_the_twin_which_says_so(value: float) -> None:
    picture = np.zeros((1, 4, 4, 3), np.float32)
    picture[0, 3, 3, 2] = value
    assert answers.picture_of_floats(picture, b"header", 0.0, 1.0, False) is None


def test_calls_of_another_form_are_type_errors() -> None:
    for call in (answers.best_labels, answers.class_map, answers.picture_of_bytes, answers.picture_of_floats):
        with pytest.raises(TypeError, match="takes"):
            call()
    with pytest.raises(TypeError, match="header"):
        answers.class_map(np.zeros((4, 4), np.uint8), "a", "b")
    with pytest.raises(TypeError, match="header"):
        answers.picture_of_bytes(np.zeros((4, 4), np.uint8), "a")
