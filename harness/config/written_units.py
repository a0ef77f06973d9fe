"""Sizes and spans of time in a config: numbers, or texts with a unit."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from harness.units import parse_bytes, parse_duration


def _size(value: Any) -> Any:
    try:
        return parse_bytes(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"load.max_sample_memory {error}") from None


Size = Annotated[int, BeforeValidator(_size), Field(ge=1)]
"""Bytes, or a text with a unit."""


def _span(value: Any, info: ValidationInfo) -> Any:
    try:
        return parse_duration(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"{info.field_name} {error}") from None


Span = Annotated[float, BeforeValidator(_span)]
"""Seconds, or a text with a unit: 90, 90s, 45m, 2h."""
