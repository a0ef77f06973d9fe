"""Image classification bound to one model: a picture in, its best labels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from accuracy.answers.wire import LabelDtype
from tasks.base import Array, ModelMismatch, Postprocess, Tensor
from tasks.outputs.label_answers import (
    BestLabels,
    only_input,
    score_count,
)
from tasks.pictures.file_codec import FileCodec
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import RAW_SUFFIXES, decode
from tasks.pictures.pixels.headerless import decode_rgb8
from tasks.pictures.pixels.inputs import PictureOptions, bind_input
from tasks.pictures.pixels.preprocess import PROFILES, WHOLE, code_version

BEST = 5
IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class ClassificationOptions(PictureOptions):
    """What may be chosen of image classification."""

    num_classes: int | None = None
    """Classes that a label may name: 0 to num_classes - 1. None takes what the model has, without its background; 1000 for
    the log of a model that is not at hand."""
    offset: int | None = None
    """How many of the model's first classes no label names. None takes 1 for 1001 classes, as ImageNet's with a background
    are, and where `class_names` opens with a background or is one name short; else what is beyond `num_classes`, or 0."""
    class_names: Path | None = None
    """The names of the model's classes, one a line in the model's order: those that come with the data are looked up there.
    None takes the list that is packed into the model's file, where there is one."""
    packed_names: Path | None = None
    """The model's file, where it has such a list: filled in where `class_names` is not named. Without that file, when a run is
    scored later, only labels by name are missed."""
    shown_names: tuple[str, ...] | None = None
    """What the classes that labels name are called in answers of the Python API, where no names are given there. Unlike
    `class_names` they are held against nothing."""
    profile: Literal["mobile", "tflite-eval", "pillow", "opencv"] = "mobile"
    """How pictures are resized and cropped: `mobile` resizes, then crops, as the mobile app does; `tflite-eval` crops,
    then resizes, as TFLite's evaluation tool does; `pillow` does so with Pillow's bilinear; `opencv` is the reference
    harness's way."""
    crop: bool = True
    """False resizes the whole picture to the input instead, aspect not kept, by the same library: for pictures that show
    what they are of up to their edges, as CIFAR-10's and MLPerf Tiny's do."""
    first_label: int | None = None
    """What the first class is called by labels that are stored with the pictures: 1 in TensorFlow's ImageNet records,
    where 0 is the background, 0 in TensorFlow Datasets' and Hugging Face's. None takes the custom of such sets. Labels in
    a file of their own always count from 0."""
    log_dtype: LabelDtype = "float32"
    """The type of the logged labels: float32 as the reference harness writes them, int32 as the mobile app does."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense."""
        super().__post_init__()
        if self.num_classes is not None and self.num_classes < 2:
            raise ValueError(f"num_classes is {self.num_classes}, but there must be 2 or more")
        if self.offset is not None and self.offset < 0:
            raise ValueError(f"offset is {self.offset}, but must be 0 or more")

    @property
    def class_count(self) -> int:
        """`num_classes`, or ImageNet's where nothing says it."""
        return IMAGENET_CLASSES if self.num_classes is None else self.num_classes


class ClassificationCodec(FileCodec):
    """Image classification bound to one model."""

    def __init__(
        self,
        pictures: Pictures,
        options: ClassificationOptions,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
    ) -> None:
        """Holds the model's tensors against the task.

        Raises:
            ModelMismatch: Not one picture input, or not one output of the classes that the options name.
        """
        super().__init__(pictures)
        self._options = options
        self._input = bind_input([only_input(inputs)], options, "image classification", may_be_gray=True)
        self.offset = offset_of(outputs, options)
        """How many of the model's first classes no label names."""
        self._answers = BestLabels(min(BEST, options.class_count), self.offset, options.log_dtype)
        self._profile = (PROFILES if options.crop else WHOLE)[options.profile]
        self._code_version = code_version(options.profile)

    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """One picture; a headerless one has the model's size already and is neither resized nor cropped."""
        if name.lower().endswith(RAW_SUFFIXES):
            values = decode_rgb8(data, name, self._input.height, self._input.width)
        else:
            values = self._profile(decode(data, name), self._input.height, self._input.width)
        return (self._input.encode(values),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The five best labels."""
        return self._answers.answer(outputs)

    def answerer(self) -> Postprocess:
        """See `Codec.answerer`."""
        return self._answers.answerer()

    def input_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Those of pixels."""
        return self._input.ranges()

    def cache_key(self) -> str:
        """Everything that makes a prepared picture."""
        profile = f"{self._options.profile}{'' if self._options.crop else ' whole'}"
        return f"classification {profile} {self._input} {self._files.fingerprint()} {self._code_version}"


def offset_of(outputs: Sequence[Tensor], options: ClassificationOptions) -> int:
    """The offset, held against the model."""
    if (count := score_count(outputs)) == 1:
        raise ModelMismatch(
            f"output {outputs[0].name} is a single score, as of a model that ends in a sigmoid: it names no class. Image "
            "classification needs a score for each; export the model with two"
        )
    surplus = count - options.class_count
    expected = (0, 1) if options.offset is None else (options.offset,)
    if surplus not in expected:
        wanted = " or ".join(str(options.class_count + offset) for offset in expected)
        raise ModelMismatch(
            f"output {outputs[0].name} has {surplus + options.class_count} classes, but {wanted} are expected: "
            f"num_classes is {options.class_count} and offset "
            f"{'0 or 1' if options.offset is None else options.offset} (--set model.num_classes=N, model.offset=N)"
        )
    return surplus
