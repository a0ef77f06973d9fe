"""Which tensor of a BERT-like model is which: by name, never by position.

MLPerf's MobileBERT gives its end logits first, Hugging Face exports the start logits, and converters reorder tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar, get_args

from tasks.base import ModelMismatch, Tensor

InputRole = Literal["input_ids", "input_mask", "segment_ids"]
OutputRole = Literal["start_logits", "end_logits"]
_Role = TypeVar("_Role", bound=str)

# In this order: token_type_ids and input_type_ids are segments, whatever else their names contain.
_INPUT_NAMES: Mapping[InputRole, re.Pattern[str]] = {
    "segment_ids": re.compile(r"segment|type"),
    "input_mask": re.compile(r"mask"),
    "input_ids": re.compile(r"ids"),
}
_OUTPUT_NAMES: Mapping[OutputRole, re.Pattern[str]] = {
    "start_logits": re.compile(r"(?<![a-z])start(?:_?(?:logits?|positions?))?(?![a-z])"),
    "end_logits": re.compile(r"(?<![a-z])end(?:_?(?:logits?|positions?))?(?![a-z])"),
}


def bind_inputs(tensors: Sequence[Tensor], names: Mapping[InputRole, str] | None) -> list[InputRole]:
    """The role of every input, in the model's order. A model may do without mask and segments, as DistilBERT does.

    Args:
        tensors: The model's inputs.
        names: Input names by role, where the user has given them.

    Raises:
        ModelMismatch: A name that is not there, or tensors whose names do not tell their roles apart.
    """
    if len(tensors) > len(get_args(InputRole)):
        raise ModelMismatch(
            f"the model has {len(tensors)} inputs, but a window gives {len(get_args(InputRole))}, ids, mask and segments:\n"
            f"{_listed(tensors)}\nExport it without the others"
        )
    found = _named("inputs", tensors, names) if names else _guessed(tensors, _INPUT_NAMES)
    roles = {index: role for role, index in found.items()}
    if len(roles) != len(tensors) or len(found) != len(tensors) or "input_ids" not in found:
        raise _unclear("inputs", tensors, get_args(InputRole), found)
    return [roles[index] for index in range(len(tensors))]


def bind_outputs(tensors: Sequence[Tensor], names: Mapping[OutputRole, str] | None) -> tuple[int, int]:
    """The places of the start and the end logits among the model's outputs; further outputs are left alone.

    Args:
        tensors: The model's outputs.
        names: Output names by role, where the user has given them.

    Raises:
        ModelMismatch: A name that is not there, or tensors whose names do not tell their roles apart.
    """
    if len(tensors) < len(get_args(OutputRole)):
        raise ModelMismatch(
            f"the model has one output, but an answer needs two, its start and its end logits:\n{_listed(tensors)}\n"
            "Export it with the two apart, each [1, tokens]"
        )
    found = _named("outputs", tensors, names) if names else _guessed(tensors, _OUTPUT_NAMES)
    if len(set(found.values())) != 2:
        raise _unclear("outputs", tensors, get_args(OutputRole), found)
    return found["start_logits"], found["end_logits"]


def _guessed(tensors: Sequence[Tensor], patterns: Mapping[_Role, re.Pattern[str]]) -> dict[_Role, int]:
    """Each tensor gets the first role its name speaks of; a role that two tensors claim is nobody's."""
    claims: dict[_Role, list[int]] = {}
    for index, tensor in enumerate(tensors):
        for role, pattern in patterns.items():
            if pattern.search(tensor.name.lower()):
                claims.setdefault(role, []).append(index)
                break
    return {role: indices[0] for role, indices in claims.items() if len(indices) == 1}


def _named(what: str, tensors: Sequence[Tensor], names: Mapping[_Role, str]) -> dict[_Role, int]:
    places = {tensor.name: index for index, tensor in enumerate(tensors)}
    for role, name in names.items():
        if name not in places:
            raise ModelMismatch(
                f"the option {what}.{role} names {name!r}, which the model does not have:\n{_listed(tensors)}"
            )
    return {role: places[name] for role, name in names.items()}


def _unclear(what: str, tensors: Sequence[Tensor], roles: Sequence[str], found: Mapping[_Role, int]) -> ModelMismatch:
    known: dict[str, str] = {role: tensors[index].name for role, index in found.items()}
    lines = "\n".join(f"    {role}: {known.get(role, '<one of the names above>')}" for role in roles)
    return ModelMismatch(
        f"the names of the model's {what} do not tell which is which:\n{_listed(tensors)}\n"
        f"Say it in the config, under model:\n  {what}:\n{lines}"
    )


def _listed(tensors: Sequence[Tensor]) -> str:
    return "\n".join(f"  {tensor.name} {tensor.dtype}{list(tensor.shape)}" for tensor in tensors)
