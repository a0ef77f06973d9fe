"""Sizes and spans of time in a config: numbers, or texts with a unit."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from harness.units import parse_bytes, parse_duration

WITH_ITS_VALUE = "written_unit"
"""The kind of pydantic's mistake whose sentence has the value, and lacks the field, which only pydantic knows whole."""


def _said(error: ValueError) -> PydanticCustomError:
    return PydanticCustomError(WITH_ITS_VALUE, "{said}", {"said": str(error)})


def _size(value: Any) -> Any:
    try:
        return parse_bytes(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _said(error) from None


Size = Annotated[int, BeforeValidator(_size), Field(ge=1)]
"""Bytes, or a text with a unit."""


def _span(value: Any) -> Any:
    try:
        return parse_duration(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _said(error) from None


Span = Annotated[float, BeforeValidator(_span)]
"""Seconds, or a text with a unit: 90, 90s, 45m, 2h."""
