from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accuracy.answers.wire import unpack_labels
from backends.base import TensorSpec
from tasks.base import DataMissing, ModelMismatch
from tests.tasks.feature_sets import FEATURES, SCALE, SCORES, ZERO_POINT, feature_set, spec, task_of

INT8 = spec(np.int8, scale=SCALE, zero_point=ZERO_POINT)


def test_a_model_quantised_as_the_files_gets_their_bytes(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([INT8], [SCORES])
    (prepared,) = codec.preprocess(0)
    assert prepared.shape == (1, 49, 10, 1)
    assert prepared.dtype == np.int8
    assert prepared.tobytes() == FEATURES.tobytes()
    assert codec.cache_key() is None


def test_a_float_model_gets_the_features_themselves(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([spec(np.float32)], [SCORES])
    (prepared,) = codec.preprocess(0)
    expected = [(int(value) - ZERO_POINT) * SCALE for value in FEATURES]
    assert prepared.dtype == np.float32
    assert prepared.ravel().tolist() == pytest.approx(expected, rel=1e-6)


def test_a_model_quantised_otherwise_gets_the_features_quantised_anew(tmp_path: Path) -> None:
    tensor = spec(np.int8, scale=1.0, zero_point=10)
    codec = task_of(feature_set(tmp_path)).codec([tensor], [SCORES])
    (prepared,) = codec.preprocess(0)
    expected = [max(-128, min(127, round((int(value) - ZERO_POINT) * SCALE) + 10)) for value in FEATURES]
    assert prepared.ravel().tolist() == expected


def test_a_model_that_names_no_quantisation_gets_the_bytes(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([spec(np.int8, (1, 490))], [SCORES])
    assert codec.preprocess(0)[0].tobytes() == FEATURES.tobytes()


@pytest.mark.parametrize("size", [0, 489, 491, 1960])
def test_a_file_of_another_size_is_named(tmp_path: Path, size: int) -> None:
    (feature_set(tmp_path) / "b.bin").write_bytes(bytes(size))
    codec = task_of(tmp_path).codec([INT8], [SCORES])
    with pytest.raises(DataMissing, match=rf"b\.bin has {size} bytes, but a feature file has 490"):
        codec.preprocess(1)


def test_the_best_label_is_logged(tmp_path: Path) -> None:
    codec = task_of(feature_set(tmp_path)).codec([INT8], [SCORES])
    output = np.full((1, 12), -128, np.int8)
    output[0, 11] = output[0, 5] = 127
    assert unpack_labels(codec.postprocess([output]), 12) == [5]


@pytest.mark.parametrize(
    ("tensor", "output", "complaint"),
    [
        (
            spec(np.uint8),
            SCORES,
            r"uint8 \[1, 49, 10, 1\], but keyword spotting needs int8 or float32 \[1, 49, 10, 1\]",
        ),
        (spec(np.int8, (1, 96, 96, 3)), SCORES, r"\[1, 96, 96, 3\], but"),
        (INT8, TensorSpec("scores", (1, 10), np.dtype(np.int8)), "has 10 classes, but keyword spotting has 12"),
    ],
)
def test_a_model_that_spots_no_keywords_is_refused(
    tmp_path: Path, tensor: TensorSpec, output: TensorSpec, complaint: str
) -> None:
    with pytest.raises(ModelMismatch, match=complaint):
        task_of(feature_set(tmp_path)).codec([tensor], [output])
