from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers import grids
from tasks.base import ModelMismatch
from tasks.codecs.super_resolution import SuperResolutionOptions
from tests.tasks.picture_pairs import bind, make_set, open_set, tensor


@pytest.mark.parametrize(
    ("dtype", "shift"), [(np.uint8, 0), (np.float32, 0), (np.int8, -128)], ids=["uint8", "float32", "int8"]
)
def test_every_type_takes_and_gives_the_same_bytes(tmp_path: Path, dtype: Any, shift: int) -> None:
    folder = make_set(tmp_path, [(4, 6)])
    codec = bind(folder, dtype)
    picture = np.asarray(Image.open(folder / "lr/a.png")).astype(int)
    (prepared,) = codec.preprocess(0)
    assert prepared.dtype == dtype
    assert prepared.flags.c_contiguous
    np.testing.assert_array_equal(prepared, picture[None] + shift)
    original = np.asarray(Image.open(folder / "hr/a.png"))
    answer = codec.postprocess([(original.astype(int)[None] + shift).astype(dtype)])
    np.testing.assert_array_equal(grids.unpack_picture(answer), original)


@pytest.mark.parametrize(
    ("scale", "zero_point", "least", "most"), [(1 / 255, 0, 0, 1), (1 / 127.5, 128, -1, 1), (1, 0, 0, 255)]
)
def test_floats_on_one_side_are_in_the_units_of_the_bytes_on_the_other(
    tmp_path: Path, scale: float, zero_point: int, least: float, most: float
) -> None:
    task = open_set(make_set(tmp_path, [(4, 6)]), rounding="nearest")
    picture, original = (np.asarray(Image.open(tmp_path / name / "a.png")) for name in ("lr", "hr"))
    small, large = tensor((1, 4, 6, 3), np.float32), tensor((1, 8, 12, 3), np.float32)
    quantised: dict[str, Any] = {"dtype": np.dtype(np.uint8), "scale": scale, "zero_point": zero_point}
    gives_floats = task.codec([replace(small, **quantised)], [large])
    np.testing.assert_array_equal(gives_floats.preprocess(0)[0][0], picture)
    answer = original[None].astype(np.float32) / 255 * (most - least) + least
    np.testing.assert_array_equal(grids.unpack_picture(gives_floats.postprocess([answer])), original)
    takes_floats = task.codec([small], [replace(large, **quantised)])
    expected = picture[None].astype(np.float32) / 255 * (most - least) + least
    np.testing.assert_allclose(takes_floats.preprocess(0)[0], expected, atol=1e-4)


@pytest.mark.parametrize(("rounding", "expected"), [("truncate", [0, 7, 7, 255]), ("nearest", [0, 7, 8, 255])])
def test_float_answers_are_cut_or_rounded_and_never_wrap(tmp_path: Path, rounding: str, expected: list[int]) -> None:
    codec = bind(make_set(tmp_path, [(4, 6)]), np.float32, rounding=rounding)
    values = np.zeros((1, 8, 12, 3), np.float32)
    values[0, 0, :4, 0] = [-3.5, 7.4, 7.9, 300.2]
    assert grids.unpack_picture(codec.postprocess([values]))[0, :4, 0].tolist() == expected


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_no_number_fails(tmp_path: Path, value: float) -> None:
    codec = bind(make_set(tmp_path, [(4, 6)]), np.float32)
    values = np.zeros((1, 8, 12, 3), np.float32)
    values[0, 3, 3, 1] = value
    with pytest.raises(ValueError, match="no numbers"):
        codec.postprocess([values])


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([(1, 4, 6, 3)], [(1, 12, 18, 3)]),
        ([(1, 4, 6, 3)], [(1, 8, 12, 1)]),
        ([(1, 4, 6, 3)], [(1, 8, 12)]),
        ([(1, 4, 6, 3)] * 2, [(1, 8, 12, 3)]),
        ([(1, 4, 6, 3)], []),
    ],
)
def test_a_model_that_cannot_be_asked_is_refused(
    tmp_path: Path, inputs: list[tuple[int, ...]], outputs: list[tuple[int, ...]]
) -> None:
    task = open_set(make_set(tmp_path, [(4, 6)]))
    shapes = [[tensor(shape, np.uint8) for shape in side] for side in (inputs, outputs)]
    with pytest.raises(
        ModelMismatch, match=r"at scale 2 that would be \[1, 8, 12, 3\]|(takes|gives) one (in|out)put \[1, height"
    ):
        task.codec(*shapes)


def test_another_scale_is_an_option(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(4, 6)], scale=3), scale=3)
    task.check_truth()
    task.codec([tensor((1, 4, 6, 3), np.uint8)], [tensor((1, 12, 18, 3), np.uint8)])
    with pytest.raises(ValueError, match="scale is 0"):
        SuperResolutionOptions(scale=0)
