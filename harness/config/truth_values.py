"""Truth values where numbers are wanted: `yes` and `off` are truth values in YAML, and would pass for 1 and 0."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from harness.config.written_units import WITH_ITS_VALUE


class NoTruthForNumbers(BaseModel):
    """A section of a config that takes truth values only where a field says so."""

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]
        if is_truth_for_a_number(value, field.annotation):
            raise PydanticCustomError(WITH_ITS_VALUE, "{says}", {"says": said(value)})
        return value


def is_truth_for_a_number(value: Any, hint: Any) -> bool:
    """Whether a value is, or is a list with, True or False, where its type has a number and no truth value.

    Args:
        value: As it was written.
        hint: The field's type.
    """
    found = any(isinstance(each, bool) for each in (value if isinstance(value, list | tuple) else (value,)))
    if not found:
        return False
    types = _types(hint)
    return bool not in types and not types.isdisjoint({int, float})


def said(value: Any) -> str:
    """What is wrong with such a value."""
    return f"must be a number, not {value} (YAML reads yes, no, on and off as truth values)"


def _types(hint: Any) -> set[Any]:
    """The types that a type is made of, and those of its literals."""
    if get_origin(hint) is Literal:
        return {type(each) for each in get_args(hint)}
    parts = [part for part in get_args(hint) if isinstance(part, type) or get_args(part)]
    return set().union(*map(_types, parts)) if parts else {hint}
