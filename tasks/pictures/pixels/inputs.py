"""How a prepared picture becomes a model's input: its layout, the order of its channels, its normalisation and its type.

One rule for all tasks on pictures. Floats are (pixel - mean) / std. Integers stand for such floats by the file's scale and
zero point; where the whole range of bytes stands for 0 to 1, -1 to 1 or 0 to 255, the pixel's byte is the input already
(less 128 for int8), as in MLPerf's mobile app and TFLite's stages, unless a normalisation is named.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.base import ModelMismatch, Tensor
from tasks.pictures.pixels.picture_tensor import (
    MINUS_ONE_TO_ONE,
    PIXELS,
    Normalisation,
    PerChannel,
    PictureTensor,
    is_counted,
)

Layout = Literal["nhwc", "nchw"]
"""Channels last, or before the sides."""

_FLOATS = ("float32", "float16")
_INTEGERS = ("uint8", "int8", "int16", "int32")
_TYPES = (*_FLOATS, *_INTEGERS)
_BYTE_RANGES = {(0.0, 1.0): Normalisation(0.0, 255.0), (-1.0, 1.0): MINUS_ONE_TO_ONE, (0.0, 255.0): PIXELS}
"""What the whole range of bytes may stand for, and what makes such numbers of pixels."""
_LEAST_SHARE = 0.25
"""A normalisation whose numbers and the input's share less than this of either is not the one that the file was made for."""
_ALIKE = 0.02
"""Of a range: ends so near are those of one, as 127 and 128 for 127.5."""
_USUAL = (
    "-1 to 1 is model.mean=127.5 and model.std=127.5, 0 to 1 is 0 and 255, the pixels as they are 0 and 1, and ImageNet's "
    "usual ones are model.mean=[123.675,116.28,103.53] and model.std=[58.395,57.12,57.375]"
)


@dataclass(frozen=True)
class PictureOptions:
    """What a config may say of a model's input, whatever the task."""

    mean: PerChannel | None = None
    """Subtracted from the pixels (0 to 255): one number, or one for each of the input's channels; named together with `std`.
    None is 127.5 for float inputs (0 where a picture comes out), and leaves integers to the file (docs/models.md)."""
    std: PerChannel | None = None
    """What the pixels are divided by after that, as `mean`. None is 127.5 for float inputs (1 where a picture comes out)."""
    channel_order: Literal["rgb", "bgr"] = "rgb"
    """The order of the input's channels."""
    float_range: Literal["-1..1", "0..1", "0..255"] | None = None
    """What a float input takes pixels as, where neither `mean` nor `std` is named; integers are left to the file. None is
    -1 to 1 (0 to 255 where a picture comes out)."""
    file_mean: PerChannel | None = None
    """What the model's file itself says that is subtracted, in TFLite's metadata; taken where neither `mean` nor `std` is named
    (docs/models.md)."""
    file_std: PerChannel | None = None
    """What it says that the pixels are divided by."""
    layout: Layout | None = None
    """Where the input's channels are: last, [1, height, width, 3], or before the sides. None takes what the shape says. An
    input of one channel takes the picture in gray, in image classification."""

    def __post_init__(self) -> None:
        """Raises ValueError where a number cannot be used."""
        for name in ("mean", "std", "file_mean", "file_std"):
            given = getattr(self, name)
            if isinstance(given, tuple) and (len(given) != 3 or not all(map(math.isfinite, given))):
                raise ValueError(
                    f"{name} is {list(given)}, but must be one finite number, or one for each of 3 channels"
                )
        for value in (*_numbers(self.std), *_numbers(self.file_std)):
            if not value > 0:
                raise ValueError(f"std is {value}, but must be more than 0")

    @property
    def stated(self) -> Normalisation | None:
        """What the model's file says of itself; None where it says nothing."""
        if self.file_mean is None or self.file_std is None:
            return None
        return Normalisation(self.file_mean, self.file_std)


_FLOAT_RANGES = {"-1..1": MINUS_ONE_TO_ONE, "0..1": Normalisation(0.0, 255.0), "0..255": PIXELS}


def bind_input(
    inputs: Sequence[Tensor],
    options: PictureOptions,
    task: str,
    unnamed: Normalisation = MINUS_ONE_TO_ONE,
    *,
    as_the_data: bool = False,
    may_be_gray: bool = False,
) -> PictureTensor:
    """The one input that a picture goes into.

    Args:
        inputs: The model's.
        options: What the config says of it.
        task: For the message, such as "detection".
        unnamed: The normalisation of a float input where the options name none.
        as_the_data: The model takes pictures of the size that the data have, be it a single pixel.
        may_be_gray: An input of one channel takes the picture in gray.

    Raises:
        ModelMismatch: Not one picture, a type that no picture goes into, numbers whose meaning the options must tell, or a
            picture of a single row or column.
    """
    bound = _bind(inputs, options, f"{task} takes one input", unnamed, may_be_gray=may_be_gray)
    if min(bound.height, bound.width) == 1 and not as_the_data:
        raise ModelMismatch(
            f"{bound.tensor.name} is {list(bound.tensor.shape)}, {bound.height}x{bound.width} pixels: no picture, but how "
            "files write a size that they leave open. Say which size the model is to be run with: --set model.input_size=224, "
            f"or --input-shape {bound.tensor.name}={'1,3,224,224' if bound.nchw else '1,224,224,3'}"
        )
    return bound


def bind_output(
    outputs: Sequence[Tensor], options: PictureOptions, task: str, unnamed: Normalisation = PIXELS
) -> PictureTensor:
    """The one output that a picture comes out of, in the units of the input. As `bind_input`."""
    return _bind(outputs, options, f"{task} gives one output", unnamed)


def _channels_first(shape: Sequence[int], layout: Layout | None, channels: int = 3) -> bool | None:
    """Whether a picture's channels come before its sides; None where the shape is no picture's, or tells nothing.

    Args:
        shape: Of the tensor, with the batch.
        layout: What the options say.
        channels: How many.
    """
    if len(shape) != 4 or shape[0] != 1:
        return None
    may = {"nhwc": shape[3] == channels, "nchw": shape[1] == channels}
    if layout is not None:
        return layout == "nchw" if may[layout] else None
    return may["nchw"] if may["nhwc"] != may["nchw"] else None


def shapes(tensors: Sequence[Tensor]) -> str:
    """The tensors in words, for messages."""
    return ", ".join(f"{tensor.name} {tensor.dtype} {list(tensor.shape)}" for tensor in tensors) or "none"


def _bind(
    tensors: Sequence[Tensor], options: PictureOptions, takes: str, unnamed: Normalisation, *, may_be_gray: bool = False
) -> PictureTensor:
    tensor = tensors[0] if len(tensors) == 1 else None
    nchw = None if tensor is None else _channels_first(tensor.shape, options.layout)
    channels = 3
    if tensor is not None and nchw is None and may_be_gray and max(tensor.shape, default=0) > 3:
        nchw, channels = _channels_first(tensor.shape, options.layout, 1), 1
    if tensor is None or nchw is None or tensor.dtype.name not in _TYPES:
        raise _no_picture(tensors, options, takes)
    for name in ("mean", "std"):
        if channels == 1 and isinstance(given := getattr(options, name), tuple):
            raise ModelMismatch(
                f"{tensor.name} takes gray pictures, but model.{name} is {list(given)}: name one number"
            )
    height, width = tensor.shape[2:] if nchw else tensor.shape[1:3]
    meant = _meant(tensor, options, _FLOAT_RANGES.get(options.float_range or "", unnamed))
    return PictureTensor(tensor, height, width, nchw, options.channel_order == "bgr", meant, channels)


def _no_picture(tensors: Sequence[Tensor], options: PictureOptions, takes: str) -> ModelMismatch:
    wanted = {"nhwc": "[1, height, width, 3]", "nchw": "[1, 3, height, width]"}
    either = wanted[options.layout] if options.layout else " or ".join(wanted.values())
    said = f"the model has {shapes(tensors)}, but {takes} {either} of one of the types {', '.join(_TYPES)}"
    shape = tensors[0].shape if len(tensors) == 1 else ()
    if options.layout is None and len(shape) == 4 and shape[1] == shape[3] == 3:
        said += (
            ". The shape does not say which axis is the channels: say it with model.layout=nhwc or model.layout=nchw"
        )
    if len(shape) == 4 and shape[0] > 1 and 3 in (shape[1], shape[3]):
        said += f". It is made for {shape[0]} pictures at once: export it for one, or with a batch that is left open"
    return ModelMismatch(said)


def _meant(tensor: Tensor, options: PictureOptions, unnamed: Normalisation) -> Normalisation | None:
    """What the tensor's numbers mean; None for bytes."""
    named = options.mean is not None or options.std is not None
    if named and (options.mean is None or options.std is None):
        raise _half_named(options)
    asked = Normalisation(
        unnamed.mean if options.mean is None else options.mean, unnamed.std if options.std is None else options.std
    )
    stated = None if named else options.stated
    if tensor.dtype.kind == "f":
        return asked if stated is None else _agreed(tensor, stated, options, asked)
    low, high = _range(tensor)
    if named:
        _check_named(tensor, asked, low, high)
        return asked
    counts_pixels = is_counted(tensor) and low <= 0 and high >= 255
    if tensor.scale == 0 or counts_pixels or units_of_bytes(tensor) is not None:
        return None
    if stated is not None:
        _check_named(tensor, stated, low, high)
        return stated
    which = (
        "none of the ranges that bytes have (0 to 1, -1 to 1, 0 to 255), so the model was made for pixels normalised in a way "
        "that the file does not tell"
        if tensor.dtype.itemsize == 1
        else "a range that does not tell how pixels were normalised: numbers of more than a byte have room to spare"
    )
    raise ModelMismatch(
        f"{tensor.name} is {tensor.dtype} with scale {tensor.scale:g} and zero point {tensor.zero_point}: it stands for "
        f"{low:.4g} to {high:.4g}, which is {which}. Say it with model.mean and model.std, in pixels of 0 to 255, one number "
        f"or one a channel: {_USUAL}"
    )


def _half_named(options: PictureOptions) -> ModelMismatch:
    """Of a mean without its std, or the other way round, of which nobody knows what the other would be."""
    said = (
        f"model.mean is {_shown(options.mean)}, and model.std"
        if options.mean is not None
        else f"model.std is {_shown(options.std)}, and model.mean"
    )
    return ModelMismatch(
        f"{said} is not named: a pixel becomes (pixel - mean) / std, so name both (mean: 0 takes nothing away, std: 1 divides "
        "by nothing)"
    )


def _agreed(tensor: Tensor, stated: Normalisation, options: PictureOptions, asked: Normalisation) -> Normalisation:
    """What the file says, which a range that the config names may not contradict: nothing tells which of them is right."""
    if options.float_range is not None:
        apart = max(abs(one - other) for one, other in zip(stated.range(), asked.range(), strict=True))
        if apart > _ALIKE * (asked.range()[1] - asked.range()[0]):
            raise ModelMismatch(
                f"{tensor.name} takes (pixel - {_shown(stated.mean)}) / {_shown(stated.std)} by the model file's metadata, "
                f"but {options.float_range} by model.float_range: say which with model.mean and model.std"
            )
    return stated


def _range(tensor: Tensor) -> tuple[float, float]:
    """What the least and the greatest number of an integer tensor stand for."""
    limits = np.iinfo(tensor.dtype)
    scale = tensor.scale or 1.0
    return (int(limits.min) - tensor.zero_point) * scale, (int(limits.max) - tensor.zero_point) * scale


def units_of_bytes(tensor: Tensor) -> Normalisation | None:
    """What makes a tensor's numbers of pixels, where the range of its bytes tells; None for any other."""
    if tensor.dtype.kind not in "iu" or tensor.dtype.itemsize != 1 or tensor.scale == 0:
        return None
    low, high = _range(tensor)
    step = tensor.scale * (1 + 1e-6)  # the scale is a float32
    alike = (
        units for (first, last), units in _BYTE_RANGES.items() if abs(low - first) <= step and abs(high - last) <= step
    )
    return next(alike, None)


def _check_named(tensor: Tensor, named: Normalisation, low: float, high: float) -> None:
    first, last = named.range()
    said = f"(pixel - {_shown(named.mean)}) / {_shown(named.std)} is {first:.4g} to {last:.4g}"
    if is_counted(tensor):
        if set(_numbers(named.std)) != {1.0} or first < low or last > high:
            raise ModelMismatch(
                f"{tensor.name} is {tensor.dtype} without a scale, so it takes whole numbers of {low:g} to {high:g}, but "
                f"{said}. Pixels may only have a model.mean subtracted there, with model.std=1, and must stay in that range"
            )
        return
    shared = min(high, last) - max(low, first)
    if shared < _LEAST_SHARE * (last - first) or (tensor.dtype.itemsize == 1 and shared < _LEAST_SHARE * (high - low)):
        raise ModelMismatch(
            f"{tensor.name} is {tensor.dtype} with scale {tensor.scale:g} and zero point {tensor.zero_point}: it stands for "
            f"{low:.4g} to {high:.4g}, but {said}: that is another normalisation than the file was made for. See "
            "model.mean and model.std"
        )


def _numbers(values: PerChannel | None) -> tuple[float, ...]:
    if values is None:
        return ()
    return values if isinstance(values, tuple) else (values,)


def _shown(values: PerChannel | None) -> str:
    numbers = [f"{value:g}" for value in _numbers(values)]
    return numbers[0] if len(numbers) == 1 else f"[{', '.join(numbers)}]"
