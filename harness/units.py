"""Spans of time as a person reads them."""

from __future__ import annotations


def seconds(value: float) -> str:
    """Seconds with one decimal; below one second, milliseconds."""
    return f"{value:.1f} s" if value >= 0.9995 or value == 0 else f"{value * 1e3:.3g} ms"
