"""Pixels as a model's input: layouts, orders of channels, normalisations and types, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from backends.base import TensorSpec
from tasks.base import Array, ModelMismatch
from tasks.pictures.pixels.inputs import PictureOptions, bind_input, bind_output
from tasks.pictures.pixels.picture_tensor import PIXELS, PictureTensor, gray

IMAGENET: dict[str, Any] = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
# An int8 export of a network of PyTorch's: -2.118 to 2.64 in 256 steps.
TORCH: dict[str, Any] = {"scale": 0.018658, "zero_point": -14}
PICTURE = np.random.default_rng(0).uniform(0, 255, (4, 5, 3)).astype(np.float32)
VALUES = np.repeat(np.array([0, 127.6, 128.4, 255], np.float32), 3).reshape(1, 4, 3).repeat(2, 0)


def tensor(dtype: Any, shape: tuple[int, ...] = (1, 2, 4, 3), scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec("image", shape, np.dtype(dtype), scale=scale, zero_point=zero_point)


def bind(spec: TensorSpec, **options: Any) -> PictureTensor:
    return bind_input([spec], PictureOptions(**options), "this task")


def first_channel(encoded: Array) -> list[float]:
    values: list[float] = encoded[0, 0, :, 0].tolist()
    return values


# --- without a normalisation of the user's -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "zero_point"),
    [
        (1 / 255, 0),
        (1 / 256, 0),
        (1 / 127.5, 127),
        (1 / 127.5, 128),
        (0.0078125, 128),
        (0.007874, 128),
        (1, 0),
        (0, 0),
        (1.0007, 0),
    ],
)
def test_a_uint8_input_of_the_range_of_bytes_gets_the_byte_cut_not_rounded(scale: float, zero_point: int) -> None:
    bytes_in = bind(tensor(np.uint8, scale=np.float32(scale).item(), zero_point=zero_point)).encode(VALUES)
    assert bytes_in.dtype == np.uint8
    assert first_channel(bytes_in) == [0, 127, 128, 255]
    plain = bind(tensor(np.int8, scale=np.float32(scale).item(), zero_point=zero_point - 128 if scale else 0))
    assert first_channel(plain.encode(VALUES)) == [-128, 0, 0, 127]  # the byte less 128, cut towards zero


def test_a_float_input_is_minus_one_to_one_and_half_a_float_too() -> None:
    for dtype in (np.float32, np.float16):
        encoded = bind(tensor(dtype)).encode(VALUES)
        assert encoded.dtype == dtype
        assert first_channel(encoded) == pytest.approx([-1, 0.1 / 127.5, 0.9 / 127.5, 1], abs=1e-5)


def test_a_wider_integer_without_a_scale_gets_the_byte() -> None:
    for dtype in (np.int32, np.int16):
        encoded = bind(tensor(dtype)).encode(VALUES)
        assert encoded.dtype == dtype
        assert first_channel(encoded) == [0, 127, 128, 255]


def test_values_beyond_a_byte_are_clipped_and_do_not_wrap() -> None:
    wild = np.repeat(np.array([-3, 256.5, 300, -0.5], np.float32), 3).reshape(1, 4, 3).repeat(2, 0)
    assert first_channel(bind(tensor(np.uint8)).encode(wild)) == [0, 255, 255, 0]
    assert first_channel(bind(tensor(np.int8)).encode(wild)) == [-128, 127, 127, -128]


@pytest.mark.parametrize(
    "spec",
    [
        tensor(np.int8, **TORCH),
        tensor(np.uint8, scale=0.018658, zero_point=114),
        tensor(np.int8, scale=1, zero_point=0),
        tensor(np.uint8, scale=1 / 128, zero_point=0),
        tensor(np.int16, scale=1 / 32768),
        tensor(np.int32, scale=0.5),
    ],
)
def test_an_integer_input_that_stands_for_another_range_asks_for_the_normalisation(spec: TensorSpec) -> None:
    why = "none of" if spec.dtype.itemsize == 1 else "a range that does not tell"
    with pytest.raises(
        ModelMismatch, match=rf"it stands for .* which is {why} .*Say it with model\.mean and model\.std"
    ):
        bind(spec)
    with pytest.raises(
        ModelMismatch, match=r"image is int8 with scale 0\.018658 and zero point -14: .* -2\.127 to 2\.631"
    ):
        bind(tensor(np.int8, **TORCH))


def test_not_one_byte_of_a_model_of_the_zoo_changes(zoo: Path) -> None:
    """What the rule of bytes gave them before there was another."""
    seen = 0
    for name, spec in picture_models(zoo):
        _, height, width, _ = spec.shape
        pixels = np.random.default_rng(seen).uniform(0, 255, (height, width, 3)).astype(np.float32)
        expected = pixels.astype(np.uint8) if spec.dtype == np.uint8 else (pixels - 128).astype(np.int8)
        assert np.array_equal(bind_input([spec], PictureOptions(), name).encode(pixels)[0], expected), name
        seen += 1
    assert seen >= 15


def picture_models(zoo: Path) -> Iterator[tuple[str, TensorSpec]]:
    """Every model of one integer picture, those compiled for an accelerator too."""
    for path in sorted((zoo / "models").rglob("*.tflite")):
        try:
            inputs = Interpreter(str(path)).get_input_details()
        except ValueError:  # a file that the runtime refuses
            continue
        shape, dtype = tuple(map(int, inputs[0]["shape"])), np.dtype(inputs[0]["dtype"])
        if len(inputs) == 1 and len(shape) == 4 and shape[3] == 3 and dtype.kind in "iu":
            scale, zero_point = inputs[0]["quantization"]
            yield path.name, TensorSpec("image", shape, dtype, scale=scale, zero_point=zero_point)


# --- with one ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_a_named_normalisation_is_quantised_by_the_files_scale_and_zero_point(dtype: Any) -> None:
    scale, zero_point = {np.int8: (0.018658, -14), np.uint8: (0.018658, 114), np.int16: (2.64 / 32767, 0)}[dtype]
    spec = tensor(dtype, (1, 4, 5, 3), scale=scale, zero_point=zero_point)
    encoded = bind(spec, **IMAGENET).encode(PICTURE)[0]
    meant = (PICTURE.astype(np.float64) - IMAGENET["mean"]) / IMAGENET["std"]
    assert encoded.dtype == dtype
    assert np.abs((encoded.astype(np.float64) - zero_point) * scale - meant).max() <= scale * 0.501


def test_one_that_is_named_is_quantised_where_the_bytes_would_do_too() -> None:
    spec = tensor(np.uint8, scale=1 / 128, zero_point=128)
    assert first_channel(bind(spec, mean=127.5, std=127.5).encode(VALUES)) == [0, 128, 129, 255]


@pytest.mark.parametrize("spec", [tensor(np.float32), tensor(np.uint8, scale=1 / 255), tensor(np.int8, **TORCH)])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mean": (103.939, 116.779, 123.68)}, r"mean is \[103\.939, 116\.779, 123\.68\], and model\.std is not named"),
        ({"std": 255.0}, "std is 255, and model.mean is not named"),
    ],
)
def test_a_mean_without_its_std_is_refused_since_nobody_knows_the_other(
    spec: TensorSpec, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelMismatch, match=said):
        bind(spec, **options)


@settings(deadline=None, derandomize=True)
@given(mean=st.tuples(*[st.floats(0, 255)] * 3), std=st.tuples(*[st.floats(1, 255)] * 3))
def test_floats_are_normalised_channel_by_channel(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    encoded = bind(tensor(np.float32, (1, 4, 5, 3)), mean=mean, std=std).encode(PICTURE)
    np.testing.assert_allclose(encoded[0], (PICTURE - np.array(mean)) / np.array(std), rtol=1e-4, atol=1e-4)


def test_a_scalar_and_three_of_it_are_the_same_floats() -> None:
    spec = tensor(np.float32, (1, 4, 5, 3))
    three = bind(spec, mean=(127.5,) * 3, std=(127.5,) * 3).encode(PICTURE)
    assert np.array_equal(bind(spec).encode(PICTURE), three)


def test_a_mean_may_be_subtracted_from_whole_numbers_without_a_scale() -> None:
    assert first_channel(bind(tensor(np.int8, scale=1), mean=128, std=1).encode(VALUES)) == [-128, 0, 0, 127]
    assert first_channel(bind(tensor(np.int32), mean=100, std=1).encode(VALUES)) == [-100, 27, 28, 155]


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        (tensor(np.uint8), {"mean": 127.5, "std": 127.5}),
        (tensor(np.int32), {"mean": 0, "std": 255}),
        (tensor(np.uint8), {"mean": 128, "std": 1}),
        (tensor(np.int8, **TORCH), {"mean": 0, "std": 1}),
        (tensor(np.uint8, scale=1), {"mean": 0, "std": 255}),
        (tensor(np.uint8, scale=1.0007), {"mean": 0, "std": 255}),
    ],
)
def test_a_normalisation_that_the_input_cannot_hold_is_refused(spec: TensorSpec, options: dict[str, float]) -> None:
    with pytest.raises(
        ModelMismatch, match=r"without a scale, so it takes whole numbers|another normalisation than the file"
    ):
        bind(spec, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"std": 0.0}, "std is 0.0, but must be more than 0"),
        ({"std": (1.0, -1.0, 1.0)}, "std is -1.0, but must"),
        (
            {"mean": (1.0, float("nan"), 1.0)},
            r"mean is \[1.0, nan, 1.0\], but must be one finite number, or one for each of 3",
        ),
        ({"mean": (1.0, 2.0)}, r"mean is \[1.0, 2.0\], but must be one finite number, or one for each of 3 channels"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PictureOptions(**options)


# --- layout and order ----------------------------------------------------------------------------------------------


def test_the_shape_tells_where_the_channels_are() -> None:
    last, first = tensor(np.float32, (1, 4, 5, 3)), tensor(np.float32, (1, 3, 4, 5))
    for options in ({}, {"channel_order": "bgr"}):
        expected = bind(last, **options).encode(PICTURE)
        found = bind(first, **options).encode(PICTURE)
        assert np.array_equal(found, expected.transpose(0, 3, 1, 2))
        assert found.shape == first.shape
        assert found.flags.c_contiguous
        assert expected.flags.c_contiguous
    assert (bind(first).height, bind(first).width) == (4, 5)


def test_where_the_shape_tells_nothing_it_is_asked_for() -> None:
    both = tensor(np.float32, (1, 3, 5, 3))
    with pytest.raises(ModelMismatch, match=r"does not say which axis .* model\.layout=nhwc or model\.layout=nchw"):
        bind(both)
    assert (bind(both, layout="nhwc").height, bind(both, layout="nhwc").width) == (3, 5)
    assert (bind(both, layout="nchw").height, bind(both, layout="nchw").width) == (5, 3)
    with pytest.raises(ModelMismatch, match=r"takes one input \[1, 3, height, width\] of one of the types"):
        bind(tensor(np.float32, (1, 4, 5, 3)), layout="nchw")


def test_bgr_turns_the_channels_and_the_normalisation_is_in_the_inputs_order() -> None:
    spec = tensor(np.float32, (1, 4, 5, 3))
    encoded = bind(spec, channel_order="bgr", mean=(103.939, 116.779, 123.68), std=1.0).encode(PICTURE)
    np.testing.assert_allclose(encoded[0, ..., 0], PICTURE[..., 2] - 103.939, atol=1e-4)
    np.testing.assert_allclose(encoded[0, ..., 2], PICTURE[..., 0] - 123.68, atol=1e-4)


@pytest.mark.parametrize(
    "specs",
    [
        [],
        [tensor(np.float32)] * 2,
        [tensor(np.int64)],
        [tensor(np.float64)],
        [tensor(np.bool_)],
        [tensor(np.float32, (2, 4, 5, 3))],
        [tensor(np.float32, (1, 4, 5, 1))],
        [tensor(np.float32, (4, 5, 3))],
        [tensor(np.float32, (1, 60))],
    ],
)
def test_what_no_picture_goes_into_is_refused_with_what_was_found(specs: list[TensorSpec]) -> None:
    with pytest.raises(
        ModelMismatch, match=r"the model has .*, but this task takes one input \[1, height, width, 3\] or "
    ):
        bind_input(specs, PictureOptions(), "this task")


def test_pixels_of_another_size_are_refused() -> None:
    with pytest.raises(ModelMismatch, match=r"takes 4x5 pixels, not \[5, 4, 3\]"):
        bind(tensor(np.float32, (1, 4, 5, 3))).encode(PICTURE.transpose(1, 0, 2))


# --- pictures that come out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("nchw", [False, True])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize(
    ("dtype", "quantised", "options"),
    [
        (np.float32, {}, {}),
        (np.float16, {}, {}),
        (np.float32, {}, {"mean": 0.0, "std": 255.0}),
        (np.float32, {}, IMAGENET),
        (np.uint8, {"scale": 1.0}, {}),
        (np.int8, {"scale": 1.0, "zero_point": -128}, {}),
        (np.int8, {"scale": 1 / 255, "zero_point": -128}, {"mean": 0.0, "std": 255.0}),
        (np.uint8, {"scale": 1 / 255}, {"mean": 0.0, "std": 255.0}),
        (np.int32, {}, {}),
    ],
)
def test_a_picture_that_went_in_comes_out_as_it_was(
    dtype: Any, quantised: dict[str, Any], options: dict[str, Any], order: str, nchw: bool
) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (6, 5, 3)).astype(np.uint8)
    spec = tensor(dtype, (1, 3, 6, 5) if nchw else (1, 6, 5, 3), **quantised)
    asked = PictureOptions(channel_order=order, **options)  # type: ignore[arg-type]
    raw = bind_input([spec], asked, "it", PIXELS).encode(picture)
    assert np.array_equal(bind_output([spec], asked, "it").decode(raw, nearest=True), picture)


def test_a_quantised_picture_out_that_stands_for_another_range_asks_too() -> None:
    with pytest.raises(ModelMismatch, match=r"Say it with model\.mean and model\.std"):
        bind_output([tensor(np.int8, **TORCH)], PictureOptions(), "it")


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 3, 1, 1), (1, 1, 224, 3), (1, 3, 224, 1)])
def test_a_picture_of_a_single_row_or_column_is_a_size_left_open_and_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ModelMismatch, match=r"a size that they leave open.*model\.input_size=224, or --input-shape image"
    ):
        bind(tensor(np.float32, shape))


# --- gray, and ranges of floats --------------------------------------------------------------------------------------


def gray_input(dtype: Any, **options: Any) -> PictureTensor:
    spec = tensor(dtype, (1, 2, 4, 1), 1 / 255 if dtype == np.int8 else 0.0, -128 if dtype == np.int8 else 0)
    return bind_input([spec], PictureOptions(**options), "this task", may_be_gray=True)


def test_one_channel_takes_the_luminance_and_a_gray_picture_to_the_bit() -> None:
    colour = np.random.default_rng(1).integers(0, 256, (2, 4, 3), dtype=np.uint8)
    (luminance,) = gray_input(np.uint8).encode(colour)
    wanted = np.asarray(Image.fromarray(colour).convert("L"), np.int16)
    assert abs(luminance[..., 0].astype(np.int16) - wanted).max() <= 1
    every = np.arange(256, dtype=np.uint8).reshape(-1, 1, 1).repeat(3, axis=2)
    assert (gray(every) == every[..., :1]).all()
    (shifted,) = gray_input(np.int8).encode(colour)
    assert (shifted == (luminance.astype(np.int16) - 128)).all()


def test_one_channel_is_no_picture_where_colours_are_needed_and_takes_one_mean() -> None:
    with pytest.raises(ModelMismatch, match=r"\[1, height, width, 3\]"):
        bind(tensor(np.uint8, (1, 2, 4, 1)))
    with pytest.raises(ModelMismatch, match=r"gray pictures, but model\.mean is"):
        gray_input(np.float32, mean=(1.0, 2.0, 3.0))


@pytest.mark.parametrize(("named", "low", "high"), [("-1..1", -1, 1), ("0..1", 0, 1), ("0..255", 0, 255)])
def test_a_float_input_takes_the_range_that_is_named_and_integers_are_left_to_the_file(
    named: Any, low: float, high: float
) -> None:
    encoded = bind(tensor(np.float32), float_range=named).encode(VALUES)
    assert encoded.min() == pytest.approx(low)
    assert encoded.max() == pytest.approx(high)
    assert first_channel(bind(tensor(np.uint8), float_range=named).encode(VALUES)) == [0, 127, 128, 255]


def test_a_model_made_for_several_pictures_at_once_is_told_how_to_be_exported() -> None:
    with pytest.raises(ModelMismatch, match=r"made for 8 pictures at once: export it for one, or with a batch .* open"):
        bind(tensor(np.uint8, (8, 4, 4, 3)))
