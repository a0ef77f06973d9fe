"""Which output of an SSD model is which: by shape and name, never by position alone.

TFLite's op TFLite_Detection_PostProcess gives boxes, classes, scores and count in that order, and models exported by
TensorFlow 1 keep it. TensorFlow 2's exporters permute the outputs (tensorflow/tensorflow#59239, tensorflow/models#10970),
and nothing but their names tells classes from scores, which have one shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tasks.base import ModelMismatch, Tensor

Role = Literal["boxes", "classes", "scores", "count"]

_ROLES: tuple[Role, ...] = get_args(Role)
_NUMBERED: Mapping[str, tuple[tuple[Role, ...], ...]] = {
    "TFLite_Detection_PostProcess": (("boxes", "classes", "scores", "count"),),
    # Names that only say the place of an output in the saved model: boxes and count tell which of the two it is.
    "StatefulPartitionedCall": (("count", "scores", "classes", "boxes"), ("scores", "boxes", "count", "classes")),
    "output": (("count", "scores", "classes", "boxes"),),
}
_NUMBER = re.compile(r"(?P<base>.*?)(?:[:_](?P<number>\d+))?")
_WORDS: Mapping[Role, re.Pattern[str]] = {
    "boxes": re.compile(r"box|location"),
    "classes": re.compile(r"class|categor|label"),
    "scores": re.compile(r"score|confidence|prob"),
    "count": re.compile(r"count|num"),
}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Places among the model's outputs."""

    boxes: int
    """float32 [1, N, 4]: ymin, xmin, ymax, xmax in fractions of the picture's sides."""
    classes: int
    """float32 [1, N]."""
    scores: int
    """float32 [1, N]."""
    count: int
    """float32 [1]: how many of the N rows are detections."""
    most: int
    """N."""


def bind_outputs(tensors: Sequence[Tensor], names: Mapping[Role, str] | None = None) -> Outputs:
    """Finds the four outputs.

    Args:
        tensors: The model's outputs.
        names: Output names by role, where the user has given them.

    Raises:
        ModelMismatch: Not these four outputs, a name that is not there, or no way to tell classes from scores.
    """
    boxes = [index for index, tensor in enumerate(tensors) if len(tensor.shape) == 3 and tensor.shape[::2] == (1, 4)]
    most = tensors[boxes[0]].shape[1] if boxes else 0
    shapes: dict[Role, tuple[int, ...]] = {
        "boxes": (1, most, 4),
        "classes": (1, most),
        "scores": (1, most),
        "count": (1,),
    }
    fits = sorted(tensor.shape for tensor in tensors) == sorted(shapes.values())
    if not fits or any(tensor.dtype != np.float32 for tensor in tensors):
        raise ModelMismatch(
            "detection needs the four float32 outputs of TFLite_Detection_PostProcess, boxes [1, N, 4], classes [1, N], "
            f"scores [1, N] and count [1]; the model has:\n{_listed(tensors)}"
        )
    guess = _named(tensors, names, shapes) if names else _by_number(tensors, shapes) or _by_words(tensors, shapes)
    found = guess | {
        role: index
        for role in ("boxes", "count")
        for index, tensor in enumerate(tensors)
        if tensor.shape == shapes[role]
    }
    if len(found) == len(_ROLES) - 1:  # the last one is what is left over
        role, index = (set(_ROLES) - set(found)).pop(), (set(range(len(tensors))) - set(found.values())).pop()
        found[role] = index
    if sorted(found.values()) != list(range(len(tensors))):
        raise _unclear(tensors, found)
    return Outputs(found["boxes"], found["classes"], found["scores"], found["count"], most)


def _named(
    tensors: Sequence[Tensor], names: Mapping[Role, str], shapes: Mapping[Role, tuple[int, ...]]
) -> dict[Role, int]:
    places = {tensor.name: index for index, tensor in enumerate(tensors)}
    for role, name in names.items():
        if role not in _ROLES:
            raise ModelMismatch(f"the option outputs.{role} names no output: choose from {', '.join(_ROLES)}")
        if name not in places:
            raise ModelMismatch(
                f"the option outputs.{role} names {name!r}, which the model does not have:\n{_listed(tensors)}"
            )
        if tensors[places[name]].shape != shapes[role]:
            raise ModelMismatch(
                f"the option outputs.{role} names {name}, whose shape is {list(tensors[places[name]].shape)}, "
                f"not {list(shapes[role])}"
            )
    return {role: places[name] for role, name in names.items()}


def _by_number(tensors: Sequence[Tensor], shapes: Mapping[Role, tuple[int, ...]]) -> dict[Role, int]:
    """By the numbers in names of a known form, if the shapes bear them out."""
    numbered: dict[int, int] = {}
    bases = set()
    for index, tensor in enumerate(tensors):
        match = _NUMBER.fullmatch(tensor.name)
        if match is None:
            return {}
        bases.add(match["base"].rpartition("/")[2])
        numbered[int(match["number"] or 0)] = index
    if len(bases) != 1 or sorted(numbered) != list(range(len(_ROLES))):
        return {}
    for roles in _NUMBERED.get(bases.pop(), ()):
        if all(tensors[numbered[place]].shape == shapes[role] for place, role in enumerate(roles)):
            return {role: numbered[place] for place, role in enumerate(roles)}
    return {}


def _by_words(tensors: Sequence[Tensor], shapes: Mapping[Role, tuple[int, ...]]) -> dict[Role, int]:
    """By what the names say, where only one of the tensors of the right shape says it."""
    found: dict[Role, int] = {}
    for role, words in _WORDS.items():
        claims = [
            index
            for index, tensor in enumerate(tensors)
            if tensor.shape == shapes[role] and words.search(tensor.name.rpartition("/")[2].lower())
        ]
        if len(claims) == 1:
            found[role] = claims[0]
    return found


def _unclear(tensors: Sequence[Tensor], found: Mapping[Role, int]) -> ModelMismatch:
    lines = "\n".join(
        f"    {role}: {tensors[found[role]].name if role in found else '<one of the names above>'}" for role in _ROLES
    )
    return ModelMismatch(
        f"the names of the model's outputs do not tell classes from scores:\n{_listed(tensors)}\n"
        f"Say it in the config, under model:\n  outputs:\n{lines}"
    )


def _listed(tensors: Sequence[Tensor]) -> str:
    return "\n".join(f"  {tensor.name} {tensor.dtype}{list(tensor.shape)}" for tensor in tensors) or "  none"
