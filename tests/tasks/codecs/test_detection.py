from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import unpack_detections
from backends.base import TensorSpec
from tasks.base import DataRef, ModelMismatch
from tasks.codecs.detection import DetectionCodec, DetectionOptions
from tasks.detection import Detection
from tasks.pictures.pixels.resize import resize_bilinear
from tests.tasks.coco_sets import Array, write_coco

quick = settings(deadline=None, derandomize=True, max_examples=60)
FLOAT32 = np.dtype(np.float32)
MOST = 10
OUTPUTS = [
    TensorSpec("TFLite_Detection_PostProcess", (1, MOST, 4), FLOAT32),
    TensorSpec("TFLite_Detection_PostProcess:1", (1, MOST), FLOAT32),
    TensorSpec("TFLite_Detection_PostProcess:2", (1, MOST), FLOAT32),
    TensorSpec("TFLite_Detection_PostProcess:3", (1,), FLOAT32),
]


def picture_input(dtype: Any = np.uint8, shape: tuple[int, ...] = (1, 6, 8, 3)) -> TensorSpec:
    return TensorSpec("normalized_input_image_tensor", shape, np.dtype(dtype))


def codec_of(folder: Path, tensor: TensorSpec, **options: Any) -> DetectionCodec:
    return Detection(DataRef(folder), DetectionOptions(**options)).codec([tensor], OUTPUTS)


def resized(folder: Path, name: str) -> Array:
    with Image.open(folder / f"val2017/{name}.png") as picture:
        return resize_bilinear(np.asarray(picture), 6, 8)


def test_the_whole_picture_is_resized_as_tflites_stage_does_it(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    for profile in ("mobile", "tflite-eval"):
        (pixels,) = codec_of(folder, picture_input(), profile=profile).preprocess(1)
        np.testing.assert_array_equal(pixels[0], resized(folder, "a").astype(np.uint8))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.uint8, lambda x: x.astype(np.uint8)),
        (np.int8, lambda x: (x - 128).astype(np.int8)),
        (np.float32, lambda x: (x - 127.5) / 127.5),
    ],
)
def test_each_input_type_gets_its_numbers(tmp_path: Path, dtype: Any, expected: Callable[[Array], Array]) -> None:
    folder = write_coco(tmp_path)
    (pixels,) = codec_of(folder, picture_input(dtype)).preprocess(0)
    assert pixels.dtype == dtype
    assert pixels.shape == (1, 6, 8, 3)
    assert pixels.flags.c_contiguous
    np.testing.assert_allclose(pixels[0], expected(resized(folder, "c")), atol=1e-6)


def test_mean_and_std_are_for_float_inputs(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    (pixels,) = codec_of(folder, picture_input(np.float32), mean=0, std=255).preprocess(0)
    np.testing.assert_allclose(pixels[0], resized(folder, "c") / 255, atol=1e-6)


def test_the_opencv_profile_truncates_a_float_resize(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    folder = write_coco(tmp_path)
    (pixels,) = codec_of(folder, picture_input(), profile="opencv").preprocess(0)
    image = cv2.cvtColor(cv2.imread(str(folder / "val2017/c.png")), cv2.COLOR_BGR2RGB).astype(np.float32)
    expected = cv2.resize(image, (8, 6), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    np.testing.assert_array_equal(pixels[0], expected)


def test_the_pillow_profile_is_pillows_own_filter(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    (pixels,) = codec_of(folder, picture_input(), profile="pillow").preprocess(0)
    with Image.open(folder / "val2017/c.png") as picture:
        np.testing.assert_array_equal(pixels[0], np.asarray(picture.resize((8, 6), Image.Resampling.BILINEAR)))


def test_the_cache_key_tells_preprocessing_apart_and_nothing_else(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    key = codec_of(folder, picture_input()).cache_key()
    assert key == codec_of(folder, picture_input(), score_threshold=0.5, class_offset=0).cache_key()
    others = [
        codec_of(folder, picture_input(np.int8)).cache_key(),
        codec_of(folder, picture_input(), profile="pillow").cache_key(),
        codec_of(folder, picture_input(), order="name").cache_key(),
        codec_of(folder, picture_input(), mean=0.0, std=1.0).cache_key(),
    ]
    assert len({key, *others}) == 5


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [picture_input(), picture_input()],
        [picture_input(shape=(2, 6, 8, 3))],
        [picture_input(shape=(1, 6, 8, 1))],
        [picture_input(np.int64)],
    ],
)
def test_a_model_that_takes_no_picture_is_refused(tmp_path: Path, inputs: list[TensorSpec]) -> None:
    task = Detection(DataRef(write_coco(tmp_path)), DetectionOptions())
    with pytest.raises(ModelMismatch, match=r"\[1, height, width, 3\]"):
        task.codec(inputs, OUTPUTS)


def outputs_of(boxes: Array, classes: Array, scores: Array, count: float) -> list[Array]:
    """As the op gives them: MOST rows, padded with zeros."""
    padded = [np.zeros((1, MOST, 4), np.float32), np.zeros((1, MOST), np.float32), np.zeros((1, MOST), np.float32)]
    for whole, part in zip(padded, (boxes, classes, scores), strict=True):
        whole[0, : len(part)] = part
    return [*padded, np.array([count], np.float32)]


wide = st.floats(-2, 3, width=32)


@settings(quick, max_examples=100)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, MOST), st.just(4)), elements=wide),
    st.integers(-1, 2),
    st.none() | st.integers(1, MOST),
    st.sampled_from([0.0, 0.25, 0.5]),
    st.data(),
)
def test_the_answer_holds_what_the_model_counts_clipped_and_offset(
    coco: Path, boxes: Array, offset: int, most: int | None, threshold: float, data: st.DataObject
) -> None:
    scores = data.draw(hnp.arrays(np.float32, len(boxes), elements=st.sampled_from([0.125, 0.25, 0.5, 1.0])))
    classes = data.draw(hnp.arrays(np.float32, len(boxes), elements=st.integers(0, 89)))
    given_outputs = outputs_of(boxes, classes, scores, len(boxes))
    before = [output.copy() for output in given_outputs]
    codec = codec_of(coco, picture_input(), class_offset=offset, max_detections=most, score_threshold=threshold)
    rows = unpack_detections(codec.postprocess(given_outputs))
    expected = [
        [0.0, *(min(max(float(side), 0.0), 1.0) for side in box), float(score), float(label) + offset]
        for box, score, label in list(zip(boxes, scores, classes, strict=True))[:most]
        if score >= threshold
    ]
    assert rows.tolist() == expected
    for output, original in zip(given_outputs, before, strict=True):
        np.testing.assert_array_equal(output, original)


def test_permuted_outputs_are_found_by_name(coco: Path) -> None:
    task = Detection(DataRef(coco), DetectionOptions())
    values = outputs_of(np.array([[0, 0, 0.5, 1]]), np.array([17]), np.array([0.5]), 1)
    straight = task.codec([picture_input()], OUTPUTS).postprocess(values)
    for turn in range(4):
        codec = task.codec([picture_input()], OUTPUTS[turn:] + OUTPUTS[:turn])
        assert codec.postprocess(values[turn:] + values[:turn]) == straight
    assert unpack_detections(straight).tolist() == [[0, 0, 0, 0.5, 1, 0.5, 18]]


def test_a_model_that_finds_nothing_answers_nothing(coco: Path) -> None:
    nothing = outputs_of(np.zeros((0, 4)), np.zeros(0), np.zeros(0), 0)
    assert codec_of(coco, picture_input()).postprocess(nothing) == b""


@pytest.mark.parametrize("count", [-1.0, MOST + 1.0, math.nan, math.inf])
def test_a_count_that_cannot_be_ends_the_run(coco: Path, count: float) -> None:
    codec = codec_of(coco, picture_input())
    for answer in (codec.postprocess, codec.answerer()):
        with pytest.raises(ValueError, match=f"the model counts {count} detections, but gives {MOST}"):
            answer(outputs_of(np.ones((1, 4)), np.ones(1), np.ones(1), count))


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_nan_score_is_not_filtered_away_but_refused_in_scoring(coco: Path, threshold: float) -> None:
    task = Detection(DataRef(coco, count=1), DetectionOptions(score_threshold=threshold))
    codec = task.codec([picture_input()], OUTPUTS)
    data = codec.postprocess(outputs_of(np.ones((2, 4)), np.ones(2), np.array([0.9, math.nan]), 2))
    with pytest.raises(LogError, match=r"sample 0 \(c.png\): detection 1 has the score nan"):
        task.score([Answer(0, data)])


def test_the_codec_leaves_the_index_to_the_caller(coco: Path) -> None:
    assert DetectionCodec.stamps_index
    data = codec_of(coco, picture_input()).postprocess(outputs_of(np.ones((3, 4)), np.ones(3), np.ones(3), 3))
    assert unpack_detections(data)[:, 0].tolist() == [0, 0, 0]


def test_first_boxes_in_pixels_are_refused_before_they_are_clipped_to_nothing(coco: Path) -> None:
    def said(boxes: Array, count: int) -> list[Array]:
        return outputs_of(boxes, np.zeros(len(boxes)), np.full(len(boxes), 0.5), count)

    fractions, pixels = np.array([[0, 0, 0.5, 1]]), np.array([[0, 0, 150.0, 300]])
    answered = codec_of(coco, picture_input()).answerer()
    assert answered(said(pixels, 0)) == b""
    with pytest.raises(ModelMismatch, match=r"1 of the first 1 boxes lie far outside .* Does the model give pixels"):
        answered(said(pixels, 1))
    right = codec_of(coco, picture_input())
    answered = right.answerer()
    assert answered(said(fractions, 1)) == right.postprocess(said(fractions, 1))
