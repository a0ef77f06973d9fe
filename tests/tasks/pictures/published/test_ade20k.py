from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from accuracy.mean_iou import MeanIoU
from accuracy.truth.masks import Masks
from tasks.base import Array
from tasks.pictures.published.ade20k import IGNORE, content_side, fitted, prepare_labels, prepare_picture

quick = settings(deadline=None, derandomize=True, max_examples=80)
STEMS = ("ADE_val_00000001", "ADE_val_00000002", "ADE_val_00000003")


@pytest.fixture(scope="module")
def published(zoo: Path) -> Masks:
    return Masks.open(zoo / "datasets/mlperf_mobile/v3_1_datasets_ade20k_tiny_annotations.zip")


@pytest.fixture(scope="module")
def originals(zoo: Path) -> Masks:
    return Masks.open(zoo / "datasets/ade20k_sample/annotations")


@pytest.mark.parametrize("stem", STEMS)
def test_original_annotations_become_the_published_ones_pixel_for_pixel(
    published: Masks, originals: Masks, stem: str
) -> None:
    np.testing.assert_array_equal(prepare_labels(originals.read(stem), 512, 512), published.read(stem))


def pillow_nearest(labels: Array, rows: int, columns: int) -> Array:
    return np.asarray(Image.fromarray(labels).resize((columns, rows), Image.Resampling.NEAREST))


@pytest.mark.parametrize("stem", STEMS)
def test_twin_of_the_published_annotations_another_nearest_label_does_not_make_them(
    published: Masks, originals: Masks, stem: str
) -> None:
    labels, expected = originals.read(stem), published.read(stem)
    rows, columns = fitted(labels.shape[0], labels.shape[1], 512, 512)
    assert (pillow_nearest(labels, rows, columns) != expected[:rows, :columns]).any()


@pytest.mark.parametrize("stem", STEMS[:2])
def test_twin_of_the_published_annotations_a_side_rounded_up_does_not_make_them(
    published: Masks, originals: Masks, stem: str
) -> None:
    height, width = originals.read(stem).shape
    rows, columns = fitted(height, width, 512, 512)
    assert (rows, columns) == (512 * height // width, 512)
    assert 512 * height % width != 0
    assert (published.read(stem)[rows] == IGNORE).all()


@quick
@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([33, 256, 512]))
def test_a_picture_fits_its_box_and_fills_one_side_of_it(height: int, width: int, box: int) -> None:
    rows, columns = fitted(height, width, box, box)
    assert 1 <= rows <= box
    assert 1 <= columns <= box
    assert max(rows, columns) >= box - 1  # float32 may fall a hair short, as it does in the original
    assert abs(rows / box - height / max(height, width)) <= 2 / box


@quick
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([16, 17, 32]))
def test_labels_are_copied_and_never_mixed(height: int, width: int, side: int) -> None:
    labels = np.random.default_rng(height * 41 + width).choice([3, 99, 200], (height, width)).astype(np.uint8)
    prepared = prepare_labels(labels, side, side)
    rows, columns = fitted(height, width, content_side(side), content_side(side))
    if labels.shape != (side, side):
        assert set(np.unique(prepared[:rows, :columns])) <= set(np.unique(labels))
        assert (prepared[rows:] == IGNORE).all()
        assert (prepared[:, columns:] == IGNORE).all()
        corners = [(0, 0)] + ([(-1, -1)] if min(rows, columns) > 1 else [])
        assert all(prepared[:rows, :columns][corner] == labels[corner] for corner in corners)


@pytest.mark.parametrize("profile", ["mobile", "pillow"])
def test_a_picture_lies_top_left_and_is_padded_with_the_mean_pixel(profile: str) -> None:
    picture = np.full((40, 80, 3), 200, np.uint8)
    prepared = prepare_picture(picture, 64, 64, profile=profile)
    assert (prepared[:32] == 200).all()
    assert (prepared[32:] == 127).all()  # 127.5 cut to a byte, as in the benchmark's own files
    assert (prepare_picture(picture, 64, 64, pad_value=0, profile=profile)[32:] == 0).all()


def test_a_scaled_picture_keeps_its_corner_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8)
    prepared = prepare_picture(picture, 64, 64)
    rows, columns = fitted(30, 50, 64, 64)
    for row, column in ((0, 0), (0, -1), (-1, 0)):
        np.testing.assert_array_equal(prepared[:rows, :columns][row, column], picture[row, column])


@quick
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_scaling_is_linear_between_the_pixels_with_the_corners_aligned(height: int, width: int, box: int) -> None:
    picture = np.random.default_rng(height * 31 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)
    rows, columns = fitted(height, width, 2 * box, 2 * box)
    down, across = np.linspace(0, height - 1, rows), np.linspace(0, width - 1, columns)
    expected = np.empty((rows, columns, 3))
    for channel in range(3):
        lines = [np.interp(across, range(width), line) for line in picture[..., channel]]
        expected[..., channel] = np.transpose(
            [np.interp(down, range(height), column) for column in np.transpose(lines)]
        )
    prepared = prepare_picture(picture, 2 * box, 2 * box)[:rows, :columns]
    assert ((expected - 1 - 1e-3 < prepared) & (prepared <= expected + 1e-3)).all()


def test_the_two_profiles_differ_but_not_by_much() -> None:
    rows = np.linspace(0, 255, 100)[:, None, None]
    picture = np.broadcast_to(rows, (100, 75, 3)).astype(np.uint8)
    mobile, pillow = (prepare_picture(picture, 64, 64, profile=name).astype(int) for name in ("mobile", "pillow"))
    assert 0 < np.abs(mobile - pillow).max() <= 4


def test_what_has_the_models_size_is_used_as_it_is() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    labels = random.integers(0, 256, (32, 32)).astype(np.uint8)
    assert prepare_picture(picture, 32, 32) is picture
    assert prepare_labels(labels, 32, 32) is labels


def test_a_picture_for_512_is_padded_by_one_line_for_a_model_of_513() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (512, 512, 3)).astype(np.uint8)
    prepared = prepare_picture(picture, 513, 513)
    np.testing.assert_array_equal(prepared[:512, :512], picture)
    assert (prepared[512] == 127).all()
    assert (prepared[:, 512] == 127).all()
    assert (prepare_labels(picture[..., 0], 513, 513)[512] == IGNORE).all()


def test_labels_beyond_the_classes_may_be_ignored_at_once_which_no_score_sees() -> None:
    random = np.random.default_rng(0)
    labels, prediction = random.integers(0, 151, (2, 40, 40)).astype(np.uint8)
    kept, ignored = prepare_labels(labels, 64, 64), prepare_labels(labels, 64, 64, classes=32)
    assert set(np.unique(ignored)) == {*range(32), IGNORE}
    np.testing.assert_array_equal(np.where(kept < 32, kept, IGNORE), ignored)
    assert score(prepare_labels(prediction, 64, 64), kept) == score(prepare_labels(prediction, 64, 64), ignored)


def score(prediction: Array, truth: Array) -> Any:
    metric = MeanIoU()
    metric.update(prediction, truth)
    return metric.compute()
