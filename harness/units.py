"""Spans of time and sizes as a person reads and writes them."""

from __future__ import annotations

import math
import re


def duration(nanoseconds: float) -> str:
    """A latency with the unit that suits it."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3f} {unit}"
    return f"{nanoseconds:.0f} ns"


_SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


_BINARY_SIZES = {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def seconds(value: float) -> str:
    """Seconds with one decimal; below one second, milliseconds."""
    return f"{value:.1f} s" if value >= 0.9995 or value == 0 else f"{value * 1e3:.3g} ms"


def bytes_text(count: int, *, up: bool = False) -> str:
    """A size with the unit that suits it.

    Args:
        count: Bytes.
        up: Rounds up, and leaves out the space: for what the user shall write.
    """
    unit, size = next(
        ((unit, size) for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)) if count >= size), ("bytes", 1)
    )
    if up:
        return f"{math.ceil(count / size)}{'' if size == 1 else unit.upper()}"
    return f"{count} {unit}" if size == 1 else f"{count / size:.1f} {unit}"


def parse_bytes(text: str) -> int:
    """`512MB`, `1.5 GiB`, `2g` or a number of bytes.

    Raises:
        ValueError: Not of that form; says what is.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", text, re.IGNORECASE | re.ASCII)
    size = (_SIZES | _BINARY_SIZES).get(found[2].upper()) if found else None
    if found is None or size is None:
        raise ValueError(f"must be a size such as 512MB or 2GiB, not {text!r}")
    return int(float(found[1]) * size)
