"""Super-resolution bound to one model: a picture in, a larger one out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from accuracy.answers import grids
from tasks.base import Array, DataMissing, ModelMismatch, Tensor
from tasks.pictures.file_codec import FileCodec
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.pixels.headerless import decode_rgb8
from tasks.pictures.pixels.inputs import Layout, PictureOptions, bind_input, bind_output, units_of_bytes
from tasks.pictures.pixels.picture_tensor import PIXELS


@dataclass(frozen=True)
class SuperResolutionOptions(PictureOptions):
    """What a config may say of a super-resolution model and its data."""

    scale: int = 2
    """How many times larger the answer is than the picture, each way."""
    rounding: Literal["truncate", "nearest"] = "truncate"
    """How float answers become bytes. The mobile app cuts the fraction off, which costs up to 0.1 dB."""

    def __post_init__(self) -> None:
        """Raises ValueError where a number cannot be used."""
        super().__post_init__()
        if self.scale < 1:
            raise ValueError(f"scale is {self.scale}, but must be 1 or more")


def check_size(picture: str, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Refuses a picture that does not fit.

    Args:
        picture: Its name.
        size: Its height and width.
        wanted: Those of the model's input.

    Raises:
        DataMissing: They differ.
    """
    if size != wanted:
        raise DataMissing(
            f"{picture} has {size[0]} rows of {size[1]} pixels, but {wanted[0]} rows of {wanted[1]} are wanted: a "
            "picture to enlarge is never resized, so it must have the size of the model's input"
        )


def open_layout(inputs: Sequence[Tensor]) -> Layout | None:
    """The layout of a model that is open to pictures of any size, whose input shows as 1x1 pixels; None for another."""
    shape = tuple(inputs[0].shape) if len(inputs) == 1 else ()
    layouts: Mapping[tuple[int, ...], Layout] = {(1, 1, 1, 3): "nhwc", (1, 3, 1, 1): "nchw"}
    return layouts.get(shape)


def sized(layout: Layout, height: int, width: int) -> tuple[int, ...]:
    """The shape of an input for pictures of a size."""
    return (1, 3, height, width) if layout == "nchw" else (1, height, width, 3)


class SuperResolutionCodec(FileCodec):
    """Super-resolution bound to one model."""

    def __init__(
        self,
        pictures: Pictures,
        options: SuperResolutionOptions,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
    ) -> None:
        """Holds the model's tensors against the task.

        Raises:
            ModelMismatch: Not one picture input and one picture output of `scale` times its height and width.
        """
        super().__init__(pictures)
        # Floats on one side are in the units of the bytes on the other.
        units = next(filter(None, map(units_of_bytes, (*inputs, *outputs))), PIXELS)
        self._input = bind_input(inputs, options, "super-resolution", units, as_the_data=True)
        self._output = bind_output(outputs, options, "super-resolution", units)
        self.size = (self._input.height, self._input.width)
        """(height, width) of the input."""
        height, width = (side * options.scale for side in self.size)
        if (self._output.height, self._output.width) != (height, width):
            wanted = (1, 3, height, width) if self._output.nchw else (1, height, width, 3)
            raise ModelMismatch(
                f"the model makes {list(outputs[0].shape)} of {list(inputs[0].shape)}; at scale {options.scale} that would "
                f"be {list(wanted)}. Another scale is the option scale."
            )
        self._nearest = options.rounding == "nearest"
        self._header = grids.picture_header(height, width)

    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """One picture, as it is but for the units of the input.

        Raises:
            DataMissing: It cannot be read, or has another size than the input.
        """
        picture = decode_rgb8(data, name, *self.size) if name.lower().endswith(".rgb8") else decode(data, name)
        check_size(name, picture.shape[:2], self.size)
        return (self._input.encode(picture),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The picture, a byte a value. In C, where the model gives RGB pixels with their channels last, one pass makes it.

        Raises:
            ValueError: The model gave a value that is no number.
        """
        packed = self._output.packed(outputs[0], self._header, nearest=self._nearest)
        return grids.pack_picture(self._output.decode(outputs[0], nearest=self._nearest)) if packed is None else packed

    def input_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Those of pixels."""
        return self._input.ranges()

    def cache_key(self) -> None:
        """Decoding is all there is."""
        return
