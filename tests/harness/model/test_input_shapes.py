"""Sizes that a model's file leaves open are named before it is run, and never silently 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import ModelRejected, TensorSpec
from backends.litert.file.model_file import FileTensor, ModelFile, Signature, Subgraph
from harness.config.invocation import Invocation
from harness.model.input_shapes import choose_input_shapes, open_axes, unused_size

Shape = tuple[int, ...]


def model(**declared: Shape) -> ModelFile:
    """A file with these inputs, which its signature calls `s_NAME`."""
    tensors = tuple(
        FileTensor(name, tuple(max(1, size) for size in shape), shape, True, "float32", 0, 0, False)
        for name, shape in declared.items()
    )
    places = tuple(range(len(tensors)))
    graph = Subgraph("main", tensors, (), places, ())
    signature = Signature("serving_default", 0, {f"s_{name}": place for place, name in enumerate(declared)}, {})
    return ModelFile(Path("m.tflite"), 0, 3, "", (), (graph,), (signature,), ())


def inputs(**declared: Shape) -> list[TensorSpec]:
    """As the runtime has them: 1 for every open size."""
    return [
        TensorSpec(f"s_{name}", tuple(max(1, size) for size in shape), np.dtype(np.float32))
        for name, shape in declared.items()
    ]


def chosen(asked: dict[str, Any], of_task: list[Shape] | None = None, /, **declared: Shape) -> tuple[Shape, ...]:
    return choose_input_shapes(model(**declared), inputs(**declared), Invocation.model_validate(asked), of_task)


def test_an_open_batch_is_one_and_nothing_else_is() -> None:
    assert chosen({}, x=(-1, 224, 224, 3)) == ((1, 224, 224, 3),)
    assert open_axes((-1, 224, 224, 3)) == ()
    assert open_axes((-1, -1, 8)) == (1,)
    # A single axis is no batch: a sound of any length.
    assert open_axes((-1,)) == (0,)


@pytest.mark.parametrize("declared", [(-1, -1, -1, 3), (1, -1, 224, 3), (1, 3, -1, -1), (1, -1), (-1,), (1, 8, -1)])
def test_an_open_size_that_nobody_names_is_refused_with_how_to_name_it(declared: Shape) -> None:
    with pytest.raises(ModelRejected, match=r"leaves sizes of its input 's_x' open: .*\?.*--input-shape s_x=.*N"):
        chosen({}, x=declared)


def test_an_input_of_untold_rank_is_refused_whether_the_file_tells_that_of_others_or_of_none() -> None:
    seen, told = inputs(x=(), y=(1, 4)), model(x=(), y=(1, 4))
    untold = replace(told.main.tensors[0], has_rank=False)

    def chosen_of(second: FileTensor, **asked: Any) -> tuple[Shape, ...]:
        graph = replace(told.main, tensors=(untold, second))
        return choose_input_shapes(
            replace(told, subgraphs=(graph,)), seen, Invocation.model_validate({"input_shapes": asked}), None
        )

    tells = told.main.tensors[1]
    for other in (tells, replace(tells, has_rank=False)):
        with pytest.raises(
            ModelRejected, match=r"does not say how many axes its input 's_x' has.*--input-shape s_x=1,N"
        ):
            chosen_of(other)
        assert chosen_of(other, s_x=[1, 4]) == ((1, 4), (1, 4))
        assert chosen_of(other, s_x=[]) == ((), (1, 4))


def test_a_picture_size_fills_open_heights_and_widths_of_either_layout() -> None:
    assert chosen({"input_size": 224}, x=(-1, -1, -1, 3)) == ((1, 224, 224, 3),)
    assert chosen({"input_size": (96, 64)}, x=(1, 3, -1, -1)) == ((1, 3, 96, 64),)
    # What is not open, and what is no picture, stays as it is.
    assert chosen({"input_size": 224}, x=(1, 32, 32, 3), y=(1, 5)) == ((1, 32, 32, 3), (1, 5))
    with pytest.raises(ModelRejected, match="'s_y' open"):
        chosen({"input_size": 224}, x=(1, -1, -1, 3), y=(1, -1))


def test_a_shape_with_the_inputs_name_and_one_without_are_two_for_one_input() -> None:
    asked = {"input_shapes": {"": [1, 96, 96, 3], "s_a": [1, 224, 224, 3]}}
    with pytest.raises(ModelRejected, match=r"is given twice: \[1, 96, 96, 3\] without a name and \[1, 224, 224, 3\]"):
        chosen(asked, a=(1, -1, -1, 3))


def test_a_picture_size_that_the_open_axes_contradict_is_refused() -> None:
    with pytest.raises(ModelRejected, match=r"takes \[1, 192, \?, 3\] at its input 's_x', which \[1, 224, 224, 3\]"):
        chosen({"input_size": 224}, x=(1, 192, -1, 3))


def test_shapes_by_name_come_before_the_tasks_and_those_before_the_size() -> None:
    shapes = {"input_shapes": {"s_x": [1, 7, 7, 3]}, "input_size": 224}
    assert chosen(shapes, [(1, 9, 9, 3)], x=(1, -1, -1, 3)) == ((1, 7, 7, 3),)
    assert chosen({"input_size": 224}, [(1, 9, 9, 3)], x=(1, -1, -1, 3)) == ((1, 9, 9, 3),)
    # The only input needs no name.
    assert chosen({"input_shapes": {"": [1, 7, 7, 3]}}, x=(1, -1, -1, 3)) == ((1, 7, 7, 3),)


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("s_z", [1, 8], "no input 's_z': it has 's_x', 's_y'"),
        ("", [1, 8], "is given without a name, which is for a model with one input"),
        ("s_x", [1, 8, 8], r"\[1, 8, 8\] does not fit"),
        ("s_x", [1, 9], r"takes \[\?, 8\]"),
        # The batch is an option of its own.
        ("s_x", [4, 8], r"\[4, 8\] does not fit"),
    ],
)
def test_shapes_that_the_model_does_not_have_are_refused(name: str, shape: list[int], says: str) -> None:
    with pytest.raises(ModelRejected, match=says):
        chosen({"input_shapes": {name: shape}}, x=(-1, 8), y=(1, -1))


def older(**shapes: Shape) -> ModelFile:
    """As `model`, of a time when a file did not tell which of its sizes are free."""
    made = model(**shapes)
    tensors = tuple(replace(tensor, shape_signature=()) for tensor in made.main.tensors)
    return replace(made, subgraphs=(replace(made.main, tensors=tensors),))


@pytest.mark.parametrize(
    ("shape", "asked", "chosen"),
    [
        ((1, 1, 1, 3), {"input_size": 224}, (1, 224, 224, 3)),
        ((1, 3, 1, 1), {"input_size": (96, 64)}, (1, 3, 96, 64)),
        ((1, 1, 1, 3), {"input_shapes": {"s_x": [1, 32, 48, 3]}}, (1, 32, 48, 3)),
        # Gray, and of four axes: open because a size is asked for.
        ((1, 1, 1, 1), {"input_size": 28}, (1, 28, 28, 1)),
        ((1, 1, 1, 257), {"input_shapes": {"s_x": [1, 100, 1, 257]}}, (1, 100, 1, 257)),
        # Not two axes of one, so no picture of a free size.
        ((1, 1, 257, 1), {"input_size": 28}, (1, 1, 257, 1)),
        ((1, 1, 1, 1), {}, (1, 1, 1, 1)),
        # A pixel by its own will.
        ((1, 1, 1, 3), {"input_shapes": {"s_x": [1, 1, 1, 3]}}, (1, 1, 1, 3)),
    ],
)
def test_an_older_files_picture_of_one_pixel_is_one_of_a_free_size(
    shape: Shape, asked: dict[str, Any], chosen: Shape
) -> None:
    found = choose_input_shapes(older(x=shape), inputs(x=shape), Invocation.model_validate(asked), None)
    assert found == (chosen,)


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 3, 1, 1)])
def test_an_older_files_picture_of_one_pixel_is_refused_where_nobody_names_its_size(shape: Shape) -> None:
    with pytest.raises(ModelRejected, match=r"'s_x' open: .*\?, \?.*model.input_size=224"):
        choose_input_shapes(older(x=shape), inputs(x=shape), Invocation(), None)


def test_a_file_that_tells_its_open_sizes_means_1_where_it_says_1() -> None:
    with pytest.raises(ModelRejected, match="does not fit"):
        chosen({"input_shapes": {"s_x": [1, 8, 8, 3]}}, x=(-1, 1, 1, 3))
    assert chosen({"input_size": 8}, x=(-1, 1, 1, 3)) == ((1, 1, 1, 3),)


def test_an_input_of_the_backends_own_keeps_its_shape() -> None:
    seen = [TensorSpec(name, (1, 384), np.dtype(np.int32)) for name in ("ids", "mask", "segments")]
    assert choose_input_shapes(model(x=(1, 490)), seen, Invocation(), None) == ((1, 384),) * 3


def test_data_fill_open_sizes_and_never_stretch_a_size_of_one_that_the_file_means() -> None:
    assert chosen({}, [(1, 30, 4)], x=(1, -1, 4)) == ((1, 30, 4),)
    assert chosen({}, [(5,)], x=(-1,)) == ((5,),)
    with pytest.raises(ModelRejected, match=r"takes \[1, 1, 4\] at its input 's_x', which \[1, 30, 4\] does not fit"):
        chosen({}, [(1, 30, 4)], x=(1, 1, 4))


def test_a_picture_size_that_no_input_takes_is_said_to_change_nothing() -> None:
    asked = Invocation(input_size=(10, 10))
    fixed = [("x", (1, 224, 224, 3))]
    (said,) = unused_size(fixed, asked)
    assert said.startswith("model.input_size [10, 10] changes nothing")
    assert "x [1, 224, 224, 3]" in said
    for shape in ((1, 10, 10, 3), (1, 3, 10, 10)):
        assert unused_size([("x", shape)], asked) == []
    assert unused_size(fixed, Invocation()) == []
