from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import TensorSpec
from tasks.base import ModelMismatch
from tasks.outputs.detection_binding import Role, bind_outputs

quick = settings(deadline=None, derandomize=True, max_examples=60)
SHAPES: dict[Role, tuple[int, ...]] = {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)}
ROLES = tuple(SHAPES)
OFFICIAL = {
    "boxes": "TFLite_Detection_PostProcess",
    "classes": "TFLite_Detection_PostProcess:1",
    "scores": "TFLite_Detection_PostProcess:2",
    "count": "TFLite_Detection_PostProcess:3",
}
TF2_SAVED_MODEL = {
    role: f"StatefulPartitionedCall:{n}" for n, role in enumerate(("count", "scores", "classes", "boxes"))
}
TF2_PERMUTED = {role: f"StatefulPartitionedCall:{n}" for n, role in enumerate(("scores", "boxes", "count", "classes"))}
SIGNATURE = {role: f"output_{n}" for n, role in enumerate(("count", "scores", "classes", "boxes"))}
SPOKEN = {
    "boxes": "raw/detection_boxes",
    "classes": "detection_classes",
    "scores": "scores:0",
    "count": "num_detections",
}


def tensors(names: Mapping[Any, str], order: tuple[Role, ...] = ROLES) -> list[TensorSpec]:
    return [TensorSpec(names[role], SHAPES[role], np.dtype(np.float32)) for role in order]


@pytest.mark.parametrize("names", [OFFICIAL, TF2_SAVED_MODEL, TF2_PERMUTED, SIGNATURE, SPOKEN])
@pytest.mark.parametrize("order", list(itertools.permutations(ROLES)))
def test_known_names_tell_the_outputs_in_any_order(names: Mapping[Any, str], order: tuple[Role, ...]) -> None:
    found = bind_outputs(tensors(names, order))
    assert (found.boxes, found.classes, found.scores, found.count) == tuple(order.index(role) for role in ROLES)
    assert found.most == 10


@quick
@given(st.permutations(ROLES), st.sets(st.sampled_from(ROLES)))
def test_names_that_are_given_win_and_one_of_the_alike_pair_is_enough(
    order: list[Role], given_roles: set[Role]
) -> None:
    names = {role: f"t{number}" for number, role in enumerate(ROLES)}
    wanted = {role: names[role] for role in given_roles}
    if given_roles & {"classes", "scores"}:
        found = bind_outputs(tensors(names, tuple(order)), wanted)
        assert (found.classes, found.scores) == (order.index("classes"), order.index("scores"))
    else:
        with pytest.raises(ModelMismatch, match="do not tell classes from scores"):
            bind_outputs(tensors(names, tuple(order)), wanted)


def test_names_given_override_what_the_models_names_say() -> None:
    found = bind_outputs(tensors(OFFICIAL), {"classes": OFFICIAL["scores"], "scores": OFFICIAL["classes"]})
    assert (found.classes, found.scores) == (2, 1)


def test_names_that_tell_nothing_are_refused_with_the_lines_to_write() -> None:
    names = {"boxes": "a", "classes": "b", "scores": "c", "count": "d"}
    with pytest.raises(ModelMismatch) as caught:
        bind_outputs(tensors(names))
    assert "model:\n  outputs:\n    boxes: a\n    classes: <one of the names above>\n" in str(caught.value)
    assert "c float32[1, 10]" in str(caught.value)


def test_known_names_whose_shapes_do_not_bear_them_out_are_not_believed() -> None:
    names = OFFICIAL | {"boxes": OFFICIAL["count"], "count": OFFICIAL["boxes"]}
    with pytest.raises(ModelMismatch, match="do not tell classes from scores"):
        bind_outputs(tensors(names))


@pytest.mark.parametrize(
    ("given_names", "message"),
    [
        ({"classes": "nowhere"}, "outputs.classes names 'nowhere', which the model does not have"),
        (
            {"classes": OFFICIAL["boxes"]},
            r"names TFLite_Detection_PostProcess, whose shape is \[1, 10, 4\], not \[1, 10\]",
        ),
        ({"classes": OFFICIAL["scores"], "scores": OFFICIAL["scores"]}, "do not tell classes from scores"),
        ({"masks": OFFICIAL["scores"]}, "outputs.masks names no output: choose from boxes, classes, scores, count"),
    ],
)
def test_wrong_names_are_refused(given_names: dict[Role, str], message: str) -> None:
    with pytest.raises(ModelMismatch, match=message):
        bind_outputs(tensors(OFFICIAL), given_names)


def test_other_outputs_are_refused_with_what_was_expected() -> None:
    whole = tensors(OFFICIAL)
    narrow = TensorSpec("scores", (1, 9), np.dtype(np.float32))
    bytes_ = TensorSpec(OFFICIAL["scores"], (1, 10), np.dtype(np.uint8))
    for wrong in (whole[:3], [*whole, whole[0]], [*whole[:2], narrow, whole[3]], [*whole[:2], bytes_, whole[3]], []):
        with pytest.raises(ModelMismatch, match="four float32 outputs of TFLite_Detection_PostProcess"):
            bind_outputs(wrong)
