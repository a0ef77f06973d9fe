from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accuracy.answers.wire import unpack_logits
from backends.base import TensorSpec
from tasks.base import ModelMismatch
from tests.tasks.squad_sets import FLOAT, INPUTS, OUTPUTS, specs, task_of


def test_the_logits_go_out_in_pairs(builtin: Path) -> None:
    task = task_of(builtin)
    raw = [np.arange(384, dtype=np.float32)[np.newaxis], -np.arange(384, dtype=np.float32)[np.newaxis]]
    start, end = unpack_logits(task.codec(INPUTS, OUTPUTS).postprocess(raw), 384)
    assert start[5] == -5.0
    assert end[5] == 5.0


@pytest.mark.parametrize(
    "names",
    [
        ("input_ids", "input_mask", "segment_ids"),
        ("segment_ids", "input_ids", "input_mask"),
        ("serving_default_attention_mask:0", "serving_default_input_ids:0", "serving_default_token_type_ids:0"),
        ("input_word_ids", "input_mask", "input_type_ids"),
        ("bert/ids", "bert/mask"),
    ],
)
def test_inputs_come_in_the_models_order_whatever_it_is(builtin: Path, names: tuple[str, ...]) -> None:
    task = task_of(builtin)
    types = [np.dtype(kind) for kind in (np.int32, np.int64, np.float32)]
    inputs = [TensorSpec(name, (1, 384), dtype) for name, dtype in zip(names, types, strict=False)]
    arrays = task.codec(inputs, OUTPUTS).preprocess(3)
    window = task._windows.inputs(3)
    for spec, array in zip(inputs, arrays, strict=True):
        if "type" in spec.name or "segment" in spec.name:
            expected = window.segment_ids
        elif "mask" in spec.name:
            expected = window.input_mask
        else:
            expected = window.input_ids
        assert array.dtype == spec.dtype
        assert array.shape == (1, 384)
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array[0], expected)


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (("end_logits", "start_logits"), 1),
        (("start_logits", "end_logits"), 0),
        (("StatefulPartitionedCall/endLogits", "StatefulPartitionedCall/startLogits"), 1),
        (("pooled", "tf.squeeze_end", "tf.squeeze_start"), 2),
        (("append/start", "dependent/end"), 0),
    ],
)
def test_outputs_are_bound_by_name_and_not_by_place(builtin: Path, names: tuple[str, ...], start: int) -> None:
    codec = task_of(builtin).codec(INPUTS, specs(*names, dtype=FLOAT))
    raw = [np.full((1, 384), place, np.float32) for place in range(len(names))]
    starts, ends = unpack_logits(codec.postprocess(raw), 384)
    assert starts[0] == start
    assert "end" in names[int(ends[0])].lower().rsplit("/", maxsplit=1)[-1]


def test_names_that_say_nothing_are_listed_with_the_lines_to_write(builtin: Path) -> None:
    task = task_of(builtin)
    with pytest.raises(ModelMismatch) as caught:
        task.codec(INPUTS, specs("StatefulPartitionedCall:0", "StatefulPartitionedCall:1", dtype=FLOAT))
    assert str(caught.value) == (
        "the names of the model's outputs do not tell which is which:\n"
        "  StatefulPartitionedCall:0 float32[1, 384]\n"
        "  StatefulPartitionedCall:1 float32[1, 384]\n"
        "Say it in the config, under model:\n"
        "  outputs:\n"
        "    start_logits: <one of the names above>\n"
        "    end_logits: <one of the names above>"
    )
    with pytest.raises(ModelMismatch, match="input_mask: attention_mask"):
        task.codec(specs("x", "attention_mask", "y"), OUTPUTS)
    for names in (("ids_a", "ids_b", "mask"), ("input_mask", "segment_ids"), ("input_ids", "input_mask", "pixels")):
        with pytest.raises(ModelMismatch, match="do not tell which is which"):
            task.codec(specs(*names), OUTPUTS)


def test_the_config_tells_what_names_do_not(builtin: Path) -> None:
    inputs = specs("a", "b", "c")
    outputs = specs("x:0", "x:1", dtype=FLOAT)
    task = task_of(
        builtin,
        inputs={"input_ids": "c", "input_mask": "a", "segment_ids": "b"},
        outputs={"start_logits": "x:1", "end_logits": "x:0"},
    )
    codec = task.codec(inputs, outputs)
    window = task._windows.inputs(0)
    expected = [window.input_mask, window.segment_ids, window.input_ids]
    for found, values in zip(codec.preprocess(0), expected, strict=True):
        np.testing.assert_array_equal(found[0], values)
    starts, _ = unpack_logits(codec.postprocess([np.zeros((1, 384)), np.ones((1, 384))]), 384)
    assert starts[0] == 1.0
    with pytest.raises(
        ModelMismatch, match=r"option outputs.start_logits names 'x:1', which the model does not have:\n  end"
    ):
        task.codec(inputs, OUTPUTS)
    twice = task_of(builtin, outputs={"start_logits": "x:1", "end_logits": "x:1"})
    with pytest.raises(ModelMismatch, match="do not tell which is which"):
        twice.codec(INPUTS, outputs)


def test_quantised_logits_are_logged_as_floats(builtin: Path) -> None:
    outputs = [
        TensorSpec("end_logits", (1, 384), np.dtype(np.int8), 0.5, 3),
        TensorSpec("start_logits", (1, 384), np.dtype(np.uint8), 0.25, 128),
    ]
    raw = [np.full((1, 384), 13, np.int8), np.full((1, 384), 120, np.uint8)]
    start, end = unpack_logits(task_of(builtin).codec(INPUTS, outputs).postprocess(raw), 384)
    assert start[0] == -2.0
    assert end[0] == 5.0


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (
            specs("input_ids", shape=(1, 128)),
            OUTPUTS,
            r"input 'input_ids' has the shape \[1, 128\]; windows of \[1, 384\]",
        ),
        (specs("input_ids", shape=(384,)), OUTPUTS, r"has the shape \[384\]"),
        (specs("input_ids", dtype=np.dtype(np.uint8)), OUTPUTS, "input 'input_ids' is uint8; int32, int64, float32"),
        (INPUTS, specs("start", "end", dtype=FLOAT, shape=(1, 384, 2)), r"output 'start' has the shape \[1, 384, 2\]"),
        (INPUTS, specs("start", "end", dtype=np.dtype(np.int8)), "output 'start' is int8 without a quantisation scale"),
        (INPUTS, specs("start", "end", dtype=np.dtype(np.int64)), "output 'start' is int64; float32"),
    ],
)
def test_a_model_of_another_shape_or_type_is_refused(
    builtin: Path, inputs: list[TensorSpec], outputs: list[TensorSpec], message: str
) -> None:
    with pytest.raises(ModelMismatch, match=message):
        task_of(builtin).codec(inputs, outputs)


def test_models_whose_tensors_are_too_many_or_too_few_are_told_so_and_not_asked_for_names(builtin: Path) -> None:
    task = task_of(builtin)
    with pytest.raises(ModelMismatch, match=r"one output, but an answer needs two(.|\n)*logits float32\[1, 384, 2\]"):
        task.codec(INPUTS, specs("logits", dtype=FLOAT, shape=(1, 384, 2)))
    with pytest.raises(ModelMismatch, match=r"has 4 inputs, but a window gives 3(.|\n)*position_ids"):
        task.codec([*INPUTS, *specs("position_ids")], OUTPUTS)
