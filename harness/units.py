"""Spans of time and sizes as a person reads and writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

_TINY = 1e-6
"""What is less is written with an exponent."""


def duration(nanoseconds: float) -> str:
    """A latency with the unit that suits it."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3f} {unit}"
    return f"{nanoseconds:.0f} ns"


def number(value: float, decimals: int, digits: int = 2) -> str:
    """A figure with so many decimals, and with as many more as it takes to show so many digits of a small one.

    So nothing that was measured reads as 0: 0.000123 samples/s, 0.42 MB.
    """
    if not value or abs(value) >= 1:
        return f"{value:,.{decimals}f}"
    if abs(value) < _TINY:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(decimals, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def rate_text(per_second: float) -> str:
    """A throughput, without its unit: 12,345.68 or 0.0123."""
    return number(per_second, 2, 3)


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
    return int(Decimal(found[1]) * size)


Unit = Literal["ns", "s", "bytes", "queries/s", "samples/s", "J", "W", "dB", "share", "count"]
"""What a figure of a result counts in; a share is a fraction of 1."""
_TIMES = {"ns": "1", "us": "1e3", "\N{MICRO SIGN}s": "1e3", "ms": "1e6", "s": "1e9", "min": "6e10"}
_SPANS = _TIMES | {"m": _TIMES["min"], "h": "3.6e12"}
"""Of a span of time, as of a run: m is a minute there."""
DAY_S = 86_400
_BYTES = {"": 1, "B": 1} | {
    f"{unit}{b}": size for unit, size in (_SIZES | _BINARY_SIZES).items() if unit for b in ("", "B")
}
_WRITTEN: Mapping[Unit, Mapping[str, Decimal]] = {
    "ns": {unit: Decimal(size) for unit, size in _TIMES.items()},
    "s": {unit: Decimal(size) / 10**9 for unit, size in _TIMES.items()},
    "bytes": {unit: Decimal(size) for unit, size in _BYTES.items()},
    "queries/s": dict.fromkeys(("", "queries/s", "qps", "/s"), Decimal(1)),
    "samples/s": dict.fromkeys(("", "samples/s", "/s"), Decimal(1)),
    "J": {"uJ": Decimal("1e-6"), "mJ": Decimal("1e-3"), "J": Decimal(1), "kJ": Decimal(1000)},
    "W": {"mW": Decimal("1e-3"), "W": Decimal(1)},
    "dB": dict.fromkeys(("", "dB"), Decimal(1)),
    "share": {"": Decimal(1), "%": Decimal("0.01")},
    "count": {"": Decimal(1)},
}
"""How a person may write each unit, and how many of it that is."""
_NEVER_NEGATIVE: frozenset[Unit] = frozenset({"ns", "s", "bytes", "queries/s", "samples/s", "J", "W"})
_EXAMPLES: Mapping[Unit, str] = {
    "ns": "a time such as 5ms, 800us or 1.5s",
    "s": "a time such as 60s or 500ms",
    "bytes": "a size such as 512MB or 2GiB",
    "queries/s": "a rate such as 100queries/s, or its number",
    "samples/s": "a rate such as 100samples/s, or its number",
    "J": "an energy such as 3mJ or 2J",
    "W": "a power such as 900mW or 2.5W",
    "dB": "a number of dB such as 33 or 33dB",
    "share": "a fraction of 1 or a percentage, such as 0.75 or 75%",
    "count": "a number",
}


def parse_quantity(text: str, unit: Unit) -> float:
    """A number with its unit, in the unit that is wanted.

    Args:
        text: As a person wrote it: `5ms`, `75%`, `100 MB`. Decimal, so that 57% is 0.57 and no other float.
        unit: What it shall count in.

    Raises:
        ValueError: Not of that form, or of another kind; says what is.
    """
    found = re.fullmatch(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(\S*)\s*", text, re.ASCII)
    written = found[2].upper() if found and unit == "bytes" else found[2] if found else ""
    size = _WRITTEN[unit].get(written)
    if found is None or size is None:
        raise ValueError(f"must be {_EXAMPLES[unit]}, not {text.strip()!r}")
    value = float(Decimal(found[1]) * size)
    if not math.isfinite(value):
        raise ValueError(f"must be {_EXAMPLES[unit]}, not {text.strip()!r}, which is beyond all numbers")
    if value < 0 and unit in _NEVER_NEGATIVE:
        raise ValueError(f"must be {_EXAMPLES[unit]}, not {text.strip()!r}, which is less than nothing")
    return value


def parse_duration(text: str) -> float:
    """A span of time in seconds: `90`, `90s`, `45m`, `2h`, `500ms`. All that a person writes of one is read here.

    Raises:
        ValueError: Not of that form, or negative; says what is.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(\S*)\s*", text, re.ASCII)
    size = _SPANS.get(found[2] or "s") if found else None
    if found is None or size is None:
        raise ValueError(f"must be a span of time such as 90, 90s, 45m or 2h, not {text.strip()!r}")
    value = float(Decimal(found[1]) * Decimal(size) / 10**9)
    if not math.isfinite(value):
        raise ValueError(f"must be a span of time such as 90, 90s, 45m or 2h, not {text.strip()!r}")
    return value


def span_text(value_s: float) -> str:
    """A span of time as a person reads it, and `parse_duration` does not: 45 s, 12 min, 2 h 5 min."""
    if value_s < 100:
        return seconds(value_s)
    minutes = round(value_s / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def quantity_text(value: float, unit: Unit) -> str:
    """A figure with its unit, as a person reads it."""
    if unit == "ns":
        return duration(value)
    if unit == "s":
        return seconds(value)
    if unit == "bytes":
        return bytes_text(round(value))
    return f"{value:,.6g}" if unit in ("share", "count") else f"{value:,.6g} {unit}"
