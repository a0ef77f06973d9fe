"""The shapes of a model's inputs where its file leaves sizes open.

The runtime fills an open size with 1, and then runs: a classifier of any picture size was once timed on a picture of one pixel.
So a size that is open, the batch's excepted, is named by the config or the task, or the model is not run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backends.base import ModelRejected, TensorSpec
from backends.litert.model_file import ModelFile, Shape
from harness.config.invocation import Invocation

_DTYPES = {"string": "object", "int4": "int8", "int2": "int8", "uint4": "uint8", "bfloat16": "uint16"}
"""Types that numpy has by another name, or that are unpacked for it."""
_CHANNELS = (1, 2, 3, 4)
"""Of a picture input: gray, with transparency, colour, colour with transparency."""


def choose_input_shapes(
    model: ModelFile, inputs: Sequence[TensorSpec], asked: Invocation, of_task: Sequence[Shape] | None
) -> tuple[Shape, ...]:
    """The shapes in which the model is run.

    Args:
        model: The file that is loaded, its first graph the one that runs.
        inputs: Its inputs as the runtime has them, with 1 for every open size.
        asked: What the config says. Shapes by name come first, then the task's, then the picture size.
        of_task: What the task wants, by its data; None leaves them as they are.

    Returns:
        One for each input, in order.

    Raises:
        ModelRejected: A size is open that nobody names, or one that is not open is named otherwise.
    """
    names = [tensor.name for tensor in inputs]
    given = {
        _only(names) if name == "" and len(names) == 1 else name: shape for name, shape in asked.input_shapes.items()
    }
    if unknown := [name for name in given if name not in names]:
        raise ModelRejected(f"{model.path} has no input {unknown[0]!r}: it has {', '.join(map(repr, names))}")
    declared = declared_shapes(model, names)
    found = []
    for place, tensor in enumerate(inputs):
        if tensor.name not in given and of_task is not None:
            # By its data, which the task knows best; the runtime says if that cannot be.
            found.append(tuple(of_task[place]))
            continue
        shape = given.get(tensor.name, tensor.shape)
        if tensor.name not in given and asked.input_size is not None:
            shape = _with_size(shape, declared[tensor.name], asked.input_size)
        _check(model, tensor, declared[tensor.name], shape, named=tensor.name in given or shape != tensor.shape)
        found.append(shape)
    return tuple(found)


def described_inputs(model: ModelFile) -> list[TensorSpec]:
    """The inputs as the runtime would have them, with 1 for every open size, without opening the model."""
    signature = next((each for each in model.signatures if each.subgraph == 0), None)
    names = {index: name for name, index in signature.inputs.items()} if signature else {}
    found = []
    for index in model.main.inputs:
        tensor = model.main.tensors[index]
        shape = tuple(max(1, size) for size in tensor.declared_shape)
        scales, zero_points = (
            ((), ())
            if tensor.quantisation is None
            else (
                tensor.quantisation.scales,
                tensor.quantisation.zero_points,
            )
        )
        dtype = np.dtype(_DTYPES.get(tensor.dtype, tensor.dtype))
        one = len(scales) == 1
        found.append(
            TensorSpec(
                names.get(index, tensor.name),
                shape,
                dtype,
                scale=scales[0] if one else 0.0,
                zero_point=zero_points[0] if one and zero_points else 0,
            )
        )
    return found


def declared_shapes(model: ModelFile, names: Sequence[str]) -> dict[str, Shape]:
    """What the file says of its inputs' shapes, -1 for an open size, by the names that a backend gives them."""
    signature = next((each for each in model.signatures if each.subgraph == 0), None)
    tensors = dict(signature.inputs) if signature else {}
    tensors |= {model.main.tensors[index].name: index for index in model.main.inputs if index not in tensors.values()}
    by_place = dict(zip(names, model.main.inputs, strict=False))
    return {name: model.main.tensors[tensors.get(name, by_place[name])].declared_shape for name in names}


def open_axes(declared: Shape) -> tuple[int, ...]:
    """Axes whose size is left open, but for the batch: the first of two or more."""
    return tuple(axis for axis, size in enumerate(declared) if size < 0 and (axis > 0 or len(declared) == 1))


def _only(names: Sequence[str]) -> str:
    return names[0]


def _with_size(shape: Shape, declared: Shape, size: tuple[int, int]) -> Shape:
    """The shape with a picture's height and width in its open axes; other shapes as they are."""
    if len(shape) != 4 or not open_axes(declared):
        return shape
    height, width = size
    if declared[3] in _CHANNELS:
        return (shape[0], height, width, shape[3])
    if declared[1] in _CHANNELS:
        return (shape[0], shape[1], height, width)
    return shape


def _check(model: ModelFile, tensor: TensorSpec, declared: Shape, shape: Shape, *, named: bool) -> None:
    still_open = open_axes(declared)
    if still_open and not named:
        wanted = ",".join("N" if axis in still_open else str(size) for axis, size in enumerate(tensor.shape))
        picture = "--set model.input_size=224, or " if len(declared) == 4 else ""
        raise ModelRejected(
            f"{model.path} leaves sizes of its input {tensor.name!r} open: {_text(declared)}. The runtime would run it with 1 "
            f"for each. Say with which: {picture}--input-shape {tensor.name}={wanted}"
        )
    # The first of two axes or more is the batch, and one sample a batch is what everything here begins with.
    allowed = (tensor.shape[0], *declared[1:]) if len(declared) > 1 else declared
    fits = len(shape) == len(declared) and all(
        size in (chosen, -1) for size, chosen in zip(allowed, shape, strict=False)
    )
    if declared and not fits:
        raise ModelRejected(
            f"{model.path} takes {_text(declared)} at its input {tensor.name!r}, which {_text(shape)} does not fit"
        )


def _text(shape: Shape) -> str:
    return f"[{', '.join('?' if size < 0 else str(size) for size in shape)}]"
