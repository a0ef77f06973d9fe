"""The shapes of a model's inputs where its file leaves sizes open.

The runtime fills an open size with 1, and then runs: a classifier of any picture size was once timed on a picture of one pixel.
So a size that is open, the batch's excepted, is named by the config or the task, or the model is not run.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.base import ModelRejected, TensorSpec
from backends.litert.file.model_file import FileTensor, ModelFile, Shape
from harness.config.invocation import Invocation

_CHANNELS = (1, 2, 3, 4)
"""Of a picture input: gray, with transparency, colour, colour with transparency."""
_ONE_PIXEL: dict[Shape, Shape] = {(1, 1, 1, 3): (1, -1, -1, 3), (1, 3, 1, 1): (1, 3, -1, -1)}
"""Pictures of one pixel, and what they stand for in files that do not tell open sizes (TensorFlow before 2.3 wrote 1 there)."""


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
    if "" in asked.input_shapes and len(names) == 1 and names[0] in asked.input_shapes:
        raise ModelRejected(
            f"the shape of the only input {names[0]!r} is given twice: {list(asked.input_shapes[''])} without a name and "
            f"{list(asked.input_shapes[names[0]])} by its name"
        )
    given = _by_name(names, asked)
    if "" in given and "" not in names:
        has = f"{len(names)}, {', '.join(map(repr, names))}: name one" if names else "none"
        raise ModelRejected(
            f"the shape {list(asked.input_shapes[''])} is given without a name, which is for a model with one input, and "
            f"{model.path} has {has}"
        )
    if unknown := [name for name in given if name not in names]:
        raise ModelRejected(f"{model.path} has no input {unknown[0]!r}: it has {', '.join(map(repr, names))}")
    left_open = unnamed_inputs(model, inputs, asked)
    found = []
    for place, (seen, tensor) in enumerate(zip(inputs, _tensors(model, inputs), strict=True)):
        if seen.name not in given and of_task is not None:
            # By its data, which the task knows best; the runtime says if that cannot be.
            found.append(_of_data(model, seen, tensor, tuple(of_task[place])))
            continue
        if seen.name in left_open:
            raise _rank_untold(model, seen) if is_rank_untold(tensor) else _sizes_open(model, seen, tensor)
        shape = given.get(seen.name) or _with_size(seen.shape, tensor, asked.input_size)
        _check(model, seen, tensor, shape)
        found.append(shape)
    return tuple(found)


def unused_size(inputs: Sequence[tuple[str, Shape]], asked: Invocation) -> list[str]:
    """What is said of a picture size that was asked for and that no input (name and shape) has, since another is fixed."""
    size = asked.input_size
    if size is None or any(size in (shape[1:3], shape[2:]) for _, shape in inputs if len(shape) == 4):
        return []
    fixed = ", ".join(f"{name} {_text(shape)}" for name, shape in inputs)
    return [
        f"model.input_size {list(size)} changes nothing: it is for sizes that a file leaves open, and the model takes {fixed}"
    ]


def unnamed_inputs(model: ModelFile, inputs: Sequence[TensorSpec], asked: Invocation) -> tuple[str, ...]:
    """The inputs, by name, of which the file leaves sizes open that the config does not name."""
    names = [tensor.name for tensor in inputs]
    given = _by_name(names, asked)
    return tuple(
        seen.name
        for seen, tensor in zip(inputs, _tensors(model, inputs), strict=True)
        if seen.name not in given
        and (
            is_rank_untold(tensor)
            or (open_axes(declared_shape(tensor)) and _with_size(seen.shape, tensor, asked.input_size) == seen.shape)
        )
    )


def declared_shape(tensor: FileTensor) -> Shape:
    """What the file says of an input's shape, -1 for an open size; older files say it by a picture of one pixel."""
    return tensor.shape_signature or _ONE_PIXEL.get(tensor.shape, tensor.shape)


def open_axes(declared: Shape) -> tuple[int, ...]:
    """Axes whose size is left open, but for the batch: the first of two or more."""
    return tuple(axis for axis, size in enumerate(declared) if size < 0 and (axis > 0 or len(declared) == 1))


def is_rank_untold(tensor: FileTensor) -> bool:
    """Whether the file leaves open how many axes an input has; older files say it of no tensor, of a number neither."""
    return not (tensor.shape or tensor.shape_signature or tensor.has_rank)


def _by_name(names: Sequence[str], asked: Invocation) -> dict[str, Shape]:
    """The shapes that are asked for; without a name, that of the only input."""
    return {names[0] if name == "" and len(names) == 1 else name: shape for name, shape in asked.input_shapes.items()}


def _tensors(model: ModelFile, inputs: Sequence[TensorSpec]) -> list[FileTensor]:
    """What the file says of each input, by the names that a backend gives them; of one that it does not have, its shape."""
    signature = model.main_signature
    places = dict(signature.inputs) if signature else {}
    places |= {model.main.tensors[index].name: index for index in model.main.inputs if index not in places.values()}
    if len(inputs) == len(model.main.inputs):
        # A backend may have names of its own.
        places = {seen.name: index for seen, index in zip(inputs, model.main.inputs, strict=True)} | places
    return [
        model.main.tensors[places[seen.name]] if seen.name in places else _of_the_backends_own(seen) for seen in inputs
    ]


def _of_the_backends_own(seen: TensorSpec) -> FileTensor:
    return FileTensor(seen.name, seen.shape, seen.shape, True, seen.dtype.name, 0, 0, False)


def _may_be(tensor: FileTensor) -> Shape:
    """What an input can be resized to, -1 for any size: in an older file a 1 of four axes may stand for that too."""
    declared = declared_shape(tensor)
    if tensor.shape_signature or len(declared) != 4:
        return declared
    return (declared[0], *(-1 if size == 1 else size for size in declared[1:]))


def _of_data(model: ModelFile, seen: TensorSpec, tensor: FileTensor, wished: Shape) -> Shape:
    """What the task wants by its data, unless that would stretch a 1 that the file means: other data are a mistake."""
    may_be = _may_be(tensor)
    first = 0 if len(may_be) == 1 else 1  # before it stands the batch, which is for whoever wishes
    sizes = list(zip(seen.shape, wished, may_be, strict=False))[first:]
    stretched = (have == 1 != want and may == 1 for have, want, may in sizes)
    if len(may_be) == len(wished) and any(stretched):
        _check(model, seen, tensor, wished)
    return wished


def _with_size(shape: Shape, tensor: FileTensor, size: tuple[int, int] | None) -> Shape:
    """The shape with a picture's height and width in its open axes; other shapes as they are."""
    if size is None or len(shape) != 4:
        return shape
    declared, may_be = declared_shape(tensor), _may_be(tensor)
    for rows, columns, channels in ((1, 2, 3), (2, 3, 1)):
        told = declared[channels] in _CHANNELS and min(declared[rows], declared[columns]) < 0
        # Two axes of one: nothing but the size that is asked for tells that they are a picture's.
        perhaps = shape[channels] in _CHANNELS and max(may_be[rows], may_be[columns]) < 0
        if told or (perhaps and not open_axes(declared)):
            sized = {rows: size[0], columns: size[1]}
            return tuple(sized.get(axis, each) for axis, each in enumerate(shape))
    return shape


def _sizes_open(model: ModelFile, seen: TensorSpec, tensor: FileTensor) -> ModelRejected:
    declared = declared_shape(tensor)
    wanted = ",".join("N" if axis in open_axes(declared) else str(size) for axis, size in enumerate(seen.shape))
    picture = "--set model.input_size=224, or " if len(declared) == 4 else ""
    return ModelRejected(
        f"{model.path} leaves sizes of its input {seen.name!r} open: {_text(declared)}. The runtime would run it with 1 "
        f"for each. Say with which: {picture}--input-shape {seen.name}={wanted}"
    )


def _rank_untold(model: ModelFile, seen: TensorSpec) -> ModelRejected:
    return ModelRejected(
        f"{model.path} does not say how many axes its input {seen.name!r} has. The runtime would run it with a single number. "
        f"Say its shape: --input-shape {seen.name}=1,N, or, for a number, --set 'model.input_shapes={{{seen.name}: []}}'"
    )


def _check(model: ModelFile, seen: TensorSpec, tensor: FileTensor, shape: Shape) -> None:
    may_be = _may_be(tensor)
    # The first of two axes or more is the batch, and one sample a batch is what everything here begins with.
    allowed = (seen.shape[0], *may_be[1:]) if len(may_be) > 1 else may_be
    fits = len(shape) == len(may_be) and all(size in (chosen, -1) for size, chosen in zip(allowed, shape, strict=False))
    if may_be and not fits:
        raise ModelRejected(
            f"{model.path} takes {_text(declared_shape(tensor))} at its input {seen.name!r}, which {_text(shape)} does not fit"
        )


def _text(shape: Shape) -> str:
    return f"[{', '.join('?' if size < 0 else str(size) for size in shape)}]"
