"""The ways of preparing a picture for classification, each held against another implementation of the same way."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.base import Array
from tasks.pictures.pixels import preprocess
from tasks.pictures.pixels.preprocess import PROFILES, central_crop, code_version
from tasks.pictures.pixels.resize import resize_bilinear

SIDES = st.integers(16, 120)


def noise(height: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def c_round(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def stage_mobile(image: Array, height: int, width: int) -> Array:
    """Step by step as the mobile app configures TFLite's stage: the whole picture resized, then cropped."""
    rows, columns = image.shape[:2]
    target_height, target_width = int(height / 0.875), int(width / 0.875)
    ratio = max(np.float32(target_width) / np.float32(columns), np.float32(target_height) / np.float32(rows))
    if np.float32(target_width) / np.float32(columns) >= np.float32(target_height) / np.float32(rows):
        target_height = c_round(float(np.float32(rows) * ratio))
    else:
        target_width = c_round(float(np.float32(columns) * ratio))
    resized = resize_bilinear(image, target_height, target_width)
    top, left = c_round((target_height - height) / 2), c_round((target_width - width) / 2)
    return resized[top : top + height, left : left + width]


def stage_tflite_eval(image: Array, height: int, width: int) -> Array:
    """Step by step as TFLite's evaluation tool configures the stage: a square crop, then resized."""
    rows, columns = image.shape[:2]
    side = min(c_round(0.875 * rows), c_round(0.875 * columns))
    top, left = c_round((rows - side) / 2), c_round((columns - side) / 2)
    return resize_bilinear(image[top : top + side, left : left + side], height, width)


@settings(deadline=None, derandomize=True)
@given(rows=SIDES, columns=SIDES, height=st.integers(8, 60), width=st.integers(8, 60))
def test_mobile_is_what_resizing_all_and_cropping_gives(rows: int, columns: int, height: int, width: int) -> None:
    image = noise(rows, columns)
    prepared = PROFILES["mobile"](image, height, width)
    assert prepared.shape == (height, width, 3)
    assert prepared.dtype == np.float32
    assert np.array_equal(prepared, stage_mobile(image, height, width))


@settings(deadline=None, derandomize=True)
@given(rows=SIDES, columns=SIDES, height=st.integers(8, 60), width=st.integers(8, 60))
def test_tflite_eval_is_what_cropping_and_resizing_gives(rows: int, columns: int, height: int, width: int) -> None:
    image = noise(rows, columns)
    prepared = PROFILES["tflite-eval"](image, height, width)
    assert prepared.shape == (height, width, 3)
    assert np.array_equal(prepared, stage_tflite_eval(image, height, width))


def test_mobile_on_an_input_of_224_resizes_the_short_side_to_256_and_of_384_to_438() -> None:
    for side, resized in ((224, 256), (384, 438)):
        image = noise(resized, 500)
        start = (500 - side + 1) // 2
        top = (resized - side + 1) // 2
        expected = image[top : top + side, start : start + side]
        assert np.array_equal(PROFILES["mobile"](image, side, side), expected.astype(np.float32))


def test_pillow_is_pillows_own_crop_and_bilinear() -> None:
    for rows, columns in ((333, 500), (500, 332), (100, 75)):
        image = noise(rows, columns)
        side = round(0.875 * min(rows, columns))
        left, top = (columns - side) // 2, (rows - side) // 2
        cropped = Image.fromarray(image).crop((left, top, left + side, top + side))
        expected = cropped.resize((64, 48), Image.Resampling.BILINEAR)
        assert np.array_equal(PROFILES["pillow"](image, 48, 64), np.asarray(expected, np.float32))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(rows=SIDES, columns=SIDES)
def test_opencv_is_the_reference_harnesss_resize_and_crop(rows: int, columns: int) -> None:
    import cv2

    image = noise(rows, columns)
    new = int(100.0 * 32 / 87.5)
    size = (new, int(new * rows / columns)) if rows > columns else (int(new * columns / rows), new)
    resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    left, right = int((size[0] - 32) / 2), int((size[0] + 32) / 2)
    top, bottom = int((size[1] - 32) / 2), int((size[1] + 32) / 2)
    expected = resized[top:bottom, left:right]
    assert np.array_equal(PROFILES["opencv"](image, 32, 32), expected.astype(np.float32))


def test_twin_no_profile_prepares_a_picture_as_another_does() -> None:
    image = noise(150, 201)
    prepared = {name: profile(image, 56, 56) for name, profile in PROFILES.items()}
    for name, one in prepared.items():
        for other_name, other in prepared.items():
            assert name == other_name or np.abs(one - other).mean() > 5, f"{name} and {other_name}"


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_profile_keeps_a_plain_colour(profile: str) -> None:
    image = np.full((90, 70, 3), (10, 100, 200), np.uint8)
    np.testing.assert_allclose(PROFILES[profile](image, 32, 40), np.broadcast_to(image[0, 0], (32, 40, 3)), atol=1e-4)


def test_the_version_of_the_code_names_the_libraries_that_matter() -> None:
    plain = code_version("mobile")
    assert "pillow=" in plain
    assert "libjpeg-turbo=" in plain
    assert "numpy=" in plain
    assert "opencv=" not in plain
    assert code_version("opencv").startswith(plain)
    assert "opencv=" in code_version("opencv")


def test_the_version_of_the_code_covers_every_module_that_makes_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    read, real = set(), Path.read_bytes

    def noted(path: Path) -> bytes:
        read.add(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    code_version.__wrapped__("mobile")
    modules = {path.name for path in Path(preprocess.__file__).parent.glob("*.py")}
    assert modules > {"decoding.py", "headerless.py", "inputs.py", "preprocess.py", "resize.py"}
    assert read >= {*modules, "pictures.c"}


@pytest.mark.parametrize(("size", "crop", "start"), [(10, 4, 3), (9, 4, 3), (7, 4, 2), (5, 4, 1), (4, 4, 0)])
def test_a_central_crop_starts_where_c_rounds_halves_away_from_zero(size: int, crop: int, start: int) -> None:
    line = np.arange(size, dtype=np.uint8)
    assert central_crop(line.reshape(size, 1, 1), crop, 1)[0, 0, 0] == start
    assert central_crop(line.reshape(1, size, 1), 1, crop)[0, 0, 0] == start


def test_a_crop_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="a crop of 5x3 does not fit into a picture of 4x4"):
        central_crop(np.zeros((4, 4, 3), np.uint8), 5, 3)
