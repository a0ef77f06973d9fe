from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tasks.resize
from tasks.base import Array
from tasks.resize import resize_bilinear, resize_bilinear_numpy

SIZE = st.integers(1, 70)


def by_the_formula(image: Array, height: int, width: int, *, align_corners: bool = False) -> Array:
    """The reference kernel's formula, pixel by pixel, in float64."""

    def at(index: int, size: int, wanted: int) -> tuple[int, int, float]:
        scale = (size - 1) / (wanted - 1) if align_corners and wanted > 1 else size / wanted
        source = index * scale
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


@settings(deadline=None, derandomize=True)
@given(seed=st.integers(0, 99), h=SIZE, w=SIZE, height=SIZE, width=SIZE, channels=st.integers(1, 5))
def test_litert_resizes_as_the_definition_does(
    seed: int, h: int, w: int, height: int, width: int, channels: int
) -> None:
    image = noise(seed, h, w, channels)
    defined = resize_bilinear_numpy(image, height, width)
    computed = resize_bilinear(image, height, width)
    assert computed.shape == defined.shape == (height, width, channels)
    assert computed.dtype == defined.dtype == np.float32
    np.testing.assert_allclose(computed, defined, rtol=0, atol=1e-4)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    seed=st.integers(0, 99),
    h=st.integers(1, 20),
    w=st.integers(1, 20),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    align_corners=st.booleans(),
)
def test_the_definition_is_the_formula_of_the_kernel(
    seed: int, h: int, w: int, height: int, width: int, align_corners: bool
) -> None:
    image = noise(seed, h, w)
    np.testing.assert_allclose(
        resize_bilinear_numpy(image, height, width, align_corners=align_corners),
        by_the_formula(image.astype(float), height, width, align_corners=align_corners),
        rtol=0,
        atol=2e-3,  # float32 coordinates: half an ulp of a position near 20, times a step of 255
    )


def test_the_source_coordinate_is_the_index_times_in_over_out() -> None:
    ramp = np.arange(8, dtype=np.uint8).reshape(1, 8, 1) * 10
    assert resize_bilinear(ramp, 1, 5).ravel().tolist() == pytest.approx([0, 16, 32, 48, 64])
    assert resize_bilinear(ramp, 1, 16).ravel().tolist()[-3:] == pytest.approx([65, 70, 70])


def test_aligned_corners_keep_the_corners() -> None:
    ramp = np.arange(8, dtype=np.uint8).reshape(1, 8, 1) * 10
    assert resize_bilinear_numpy(ramp, 1, 5, align_corners=True).ravel().tolist() == [0, 17.5, 35, 52.5, 70]


def test_twin_of_the_definition_neither_opencv_nor_pillow_nor_aligned_corners_resize_so() -> None:
    import cv2

    image = noise(0, 60, 80)
    ours = resize_bilinear(image, 41, 53)
    others: dict[str, Any] = {
        "opencv": cv2.resize(image.astype(np.float32), (53, 41), interpolation=cv2.INTER_LINEAR),
        "pillow": Image.fromarray(image).resize((53, 41), Image.Resampling.BILINEAR),
        "aligned": resize_bilinear_numpy(image, 41, 53, align_corners=True),
    }
    for name, other in others.items():
        assert np.abs(np.asarray(other, np.float32) - ours).max() > 10, name


def test_a_window_is_that_part_of_the_whole() -> None:
    image = noise(1, 50, 40)
    window = (slice(3, 20), slice(0, 11))
    assert np.array_equal(resize_bilinear(image, 30, 30, window), resize_bilinear(image, 30, 30)[window])


def test_a_result_is_not_changed_by_the_next_picture() -> None:
    first = resize_bilinear(noise(1, 20, 20), 10, 10)
    kept = first.copy()
    resize_bilinear(noise(2, 20, 20), 10, 10)
    assert np.array_equal(first, kept)


def test_pictures_too_large_for_the_kernels_buffers_resize_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise(3, 90, 80)
    window = (slice(2, 30), slice(5, 30))
    small = resize_bilinear(image, 33, 31, window)
    monkeypatch.setattr(tasks.resize, "_MOST_VALUES", 1000)
    np.testing.assert_allclose(resize_bilinear(image, 33, 31, window), small, rtol=0, atol=1e-4)


def test_threads_resize_at_once_without_disturbing_each_other() -> None:
    images = [noise(seed, 20 + seed, 30, 1 + seed % 3) for seed in range(40)]
    alone = [resize_bilinear(image, 24, 24) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: resize_bilinear(image, 24, 24), images))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
