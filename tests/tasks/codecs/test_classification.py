from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers.wire import unpack_labels
from backends.base import TensorSpec
from tasks.base import Array, Codec, DataMissing, ModelMismatch
from tests.tasks.labelled_pictures import picture_set, task_of


def spec(shape: tuple[int, ...], dtype: Any, name: str = "tensor") -> TensorSpec:
    return TensorSpec(name, shape, np.dtype(dtype))


PICTURE = spec((1, 16, 16, 3), np.uint8, "image")
SCORES = spec((1, 1001), np.uint8, "scores")


def codec_of(path: Path, picture: TensorSpec = PICTURE, **options: Any) -> Codec:
    return task_of(path, **options).codec([picture], [SCORES])


def scores(**best: int) -> list[Array]:
    output = np.zeros((1, 1001), np.uint8)
    for index, score in best.items():
        output[0, int(index[1:])] = score
    return [output]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float32])
@pytest.mark.parametrize("profile", ["mobile", "tflite-eval", "pillow", "opencv"])
def test_a_picture_becomes_the_models_input(tmp_path: Path, dtype: Any, profile: str) -> None:
    tensor = spec((1, 24, 16, 3), dtype)
    (prepared,) = codec_of(picture_set(tmp_path), tensor, profile=profile).preprocess(1)
    assert prepared.shape == tensor.shape
    assert prepared.dtype == tensor.dtype
    assert prepared.flags.c_contiguous


def test_mean_and_std_are_for_float_models(tmp_path: Path) -> None:
    path = picture_set(tmp_path)
    (raw,) = codec_of(path, spec((1, 16, 16, 3), np.float32), mean=0.0, std=1.0).preprocess(0)
    (usual,) = codec_of(path, spec((1, 16, 16, 3), np.float32)).preprocess(0)
    (byte,) = codec_of(path, mean=0.0, std=1.0).preprocess(0)
    np.testing.assert_allclose(usual, (raw - 127.5) / 127.5, atol=1e-6)
    assert np.array_equal(byte, raw.astype(np.uint8))


def test_a_raw_picture_of_the_models_size_is_neither_resized_nor_cropped(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    (tmp_path / "a.rgb8").write_bytes(image.tobytes())
    (prepared,) = codec_of(tmp_path).preprocess(0)
    assert np.array_equal(prepared[0], image)
    with pytest.raises(DataMissing, match=r"a\.rgb8 has 768 bytes, but a raw picture for a 8x8 input has 192"):
        codec_of(tmp_path, spec((1, 8, 8, 3), np.uint8)).preprocess(0)


def test_a_truncated_jpeg_is_named_in_the_error(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(file, "JPEG")
    (tmp_path / "half.jpg").write_bytes(file.getvalue()[:1500])
    with pytest.raises(DataMissing, match=r"half\.jpg is not a JPEG that can be decoded: .*truncated"):
        codec_of(tmp_path).preprocess(0)


def test_the_cache_key_changes_with_all_that_makes_a_prepared_picture(tmp_path: Path) -> None:
    path, other = picture_set(tmp_path / "a"), picture_set(tmp_path / "b", 2)
    keys = [
        codec_of(path).cache_key(),
        codec_of(other).cache_key(),
        codec_of(path, count=2).cache_key(),
        codec_of(path, profile="pillow").cache_key(),
        codec_of(path, spec((1, 16, 16, 3), np.int8)).cache_key(),
        codec_of(path, spec((1, 16, 18, 3), np.uint8)).cache_key(),
        codec_of(path, spec((1, 16, 16, 3), np.float32), mean=0.0, std=127.5).cache_key(),
        codec_of(path, spec((1, 16, 16, 3), np.float32), mean=127.5, std=1.0).cache_key(),
        codec_of(path, spec((1, 16, 16, 3), np.float32), mean=(0.0, 0.0, 1.0), std=127.5).cache_key(),
        codec_of(path, channel_order="bgr").cache_key(),
        codec_of(path, spec((1, 3, 16, 16), np.uint8)).cache_key(),
    ]
    assert len(set(keys)) == len(keys)
    assert codec_of(path, log_dtype="int32").cache_key() == keys[0]


def test_the_five_best_labels_go_out_without_the_background(tmp_path: Path) -> None:
    answer = codec_of(picture_set(tmp_path)).postprocess(scores(_0=255, _6=200, _3=90, _1000=80, _9=70, _8=70, _7=1))
    assert unpack_labels(answer, 1000) == [5, 2, 999, 7, 8]


def test_labels_are_logged_as_int32_where_that_is_asked_for(tmp_path: Path) -> None:
    codec = codec_of(picture_set(tmp_path), log_dtype="int32")
    assert codec.postprocess(scores(_682=9)).hex().startswith("a9020000")


def test_a_single_score_is_refused_for_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="is a single score, as of a model that ends in a sigmoid"):
        task_of(picture_set(tmp_path)).codec([PICTURE], [spec((1, 1), np.uint8)])


def test_a_model_of_1000_classes_has_no_background(tmp_path: Path) -> None:
    task = task_of(picture_set(tmp_path))
    codec = task.codec([PICTURE], [spec((1, 1000), np.uint8)])
    assert unpack_labels(codec.postprocess([scores(_6=200)[0][:, :1000]]), 1000)[0] == 6


@pytest.mark.parametrize("shape", [(1001,), (1, 1001, 1, 1), (1, 1, 1, 1001), (1, 1, 1001)])
def test_scores_may_have_axes_of_one(tmp_path: Path, shape: tuple[int, ...]) -> None:
    codec = task_of(picture_set(tmp_path)).codec([PICTURE], [spec(shape, np.uint8)])
    answers = scores(_0=255, _6=200, _3=90)[0].reshape(shape)
    for post in (codec.postprocess, codec.answerer()):
        assert unpack_labels(post([answers]), 1000)[0] == 5


def test_a_model_whose_input_has_the_channels_first_gets_the_same_pixels(tmp_path: Path) -> None:
    path = picture_set(tmp_path)
    (last,), (first,) = (
        codec_of(path, spec(shape, np.float32)).preprocess(0) for shape in ((1, 16, 18, 3), (1, 3, 16, 18))
    )
    assert np.array_equal(first, last.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("inputs", "outputs", "options", "complaint"),
    [
        ([PICTURE, PICTURE], [SCORES], {}, "1 input, but the model has 2"),
        ([], [SCORES], {}, "1 input, but the model has 0"),
        ([spec((1, 16, 16, 2), np.uint8)], [SCORES], {}, r"uint8 \[1, 16, 16, 2\], but .* \[1, height, width, 3\]"),
        ([spec((2, 16, 16, 3), np.uint8)], [SCORES], {}, r"\[2, 16, 16, 3\], but"),
        ([spec((1, 4, 16, 16), np.float32)], [SCORES], {}, r"\[1, 4, 16, 16\], but"),
        ([spec((1, 3, 16, 3), np.float32)], [SCORES], {}, r"model\.layout=nhwc or model\.layout=nchw"),
        ([spec((1, 16, 16, 3), np.int64)], [SCORES], {}, r"int64 .*, but .* float32, float16, uint8, int8"),
        ([PICTURE], [SCORES, SCORES], {}, "1 output, but the model has 2"),
        ([PICTURE], [spec((1, 10), np.uint8)], {}, "has 10 classes, but 1000 or 1001 are expected"),
        (
            [PICTURE],
            [SCORES],
            {"offset": 0},
            "has 1001 classes, but 1000 are expected: num_classes is 1000 and offset 0",
        ),
        ([PICTURE], [SCORES], {"num_classes": 10, "offset": 1}, "has 1001 classes, but 11 are expected"),
    ],
)
def test_a_model_that_is_no_classifier_is_refused_with_what_was_expected(
    tmp_path: Path,
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    options: dict[str, Any],
    complaint: str,
) -> None:
    with pytest.raises(ModelMismatch, match=complaint):
        task_of(picture_set(tmp_path), **options).codec(inputs, outputs)


def test_raw_pictures_of_mlperf_tiny_are_taken_as_they_are_in_colour_and_gray(tmp_path: Path) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (tmp_path / "a.bin").write_bytes(pixels.tobytes())
    (tmp_path / "b.bin").write_bytes(pixels[..., 0].tobytes())
    (tmp_path / "y_labels.csv").write_text("a.bin,1000,3\nb.bin,1000,4\n")
    task = task_of(tmp_path)
    task.check_truth()
    codec = task.codec([PICTURE], [SCORES])
    assert (codec.preprocess(0)[0][0] == pixels).all()
    gray = spec((1, 16, 16, 1), np.uint8)
    assert (task.codec([gray], [SCORES]).preprocess(1)[0][0, ..., 0] == pixels[..., 0]).all()
    (tmp_path / "a.bin").write_bytes(b"\0" * 100)
    with pytest.raises(DataMissing, match=r"a\.bin has 100 bytes, but .* 768, or 256 in gray"):
        codec.preprocess(0)
