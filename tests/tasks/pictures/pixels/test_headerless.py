from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.base import Array, DataMissing
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.pixels.headerless import decode_rgb8


def photograph(side: int, seed: int = 0) -> Array:
    """Something that changes little from pixel to pixel and much over the picture, as photographs do."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("side", [32, 96, 224])
def test_a_raw_picture_comes_out_as_it_is_in_colour_and_gray(side: int) -> None:
    pixels = photograph(side)
    np.testing.assert_array_equal(decode_rgb8(pixels.tobytes(), "a.bin", side, side), pixels)
    gray = decode_rgb8(pixels[..., 0].tobytes(), "a.bin", side, side)
    np.testing.assert_array_equal(gray, np.repeat(pixels[..., :1], 3, axis=2))


def test_a_raw_picture_is_taken_at_its_own_size_only() -> None:
    with pytest.raises(
        DataMissing, match=r"a\.rgb8 has 3072 bytes, but a raw picture for a 32x31 input has 2976, or 992 in"
    ):
        decode_rgb8(photograph(32).tobytes(), "a.rgb8", 32, 31)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (lambda pixels: pixels.transpose(2, 0, 1), r"channels stand one behind the other, \[3, height, width\]"),
        (lambda pixels: pixels ^ 128, "int8, already made for a model's input"),
        (lambda pixels: pixels[..., 0] ^ 128, "int8, already made for a model's input"),
    ],
)
@pytest.mark.parametrize("side", [32, 96, 224])
def test_bytes_of_the_right_number_in_another_order_or_type_are_refused(
    side: int, written: Callable[[Array], Array], what: str
) -> None:
    with pytest.raises(DataMissing, match=rf"a\.bin looks like .*{what}.*\.npy"):
        decode_rgb8(np.ascontiguousarray(written(photograph(side))).tobytes(), "a.bin", side, side)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((32, 32, 3), np.uint8),
        np.full((32, 32, 3), 255, np.uint8),
        np.random.default_rng(3).integers(0, 256, (32, 32, 3)).astype(np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.tile(np.array([[0, 255]], np.uint8), (16, 8))[..., None].repeat(3, axis=2),
        np.random.default_rng(4).choice(np.array([0, 255], np.uint8), (28, 28, 1)).repeat(3, axis=2),
    ],
)
def test_a_picture_that_tells_nothing_is_taken(pixels: Any) -> None:
    height, width, _ = pixels.shape
    np.testing.assert_array_equal(decode_rgb8(pixels.tobytes(), "a.bin", height, width), pixels)


def test_photographs_are_told_apart(zoo: Path) -> None:
    for path in sorted((zoo / "datasets/cifar10_test_jpeg").glob("*/000*.jpg")):
        pixels = decode(path.read_bytes(), path.name)
        np.testing.assert_array_equal(decode_rgb8(pixels.tobytes(), path.name, 32, 32), pixels)
        with pytest.raises(DataMissing, match="one behind the other"):
            decode_rgb8(pixels.transpose(2, 0, 1).tobytes(), path.name, 32, 32)
