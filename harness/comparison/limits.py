"""What may get worse, and by how much: `--max-regression p90=3%,top1=0.5pt`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from harness.errors import ConfigError, unknown

RATIOS = ("p50", "p90", "p99", "throughput", "memory", "size")
"""Figures of which a part is said; of all others, which are metrics, points or dB."""
_NUMBER = r"(\d+(?:\.\d+)?)"


def parse_limits(texts: Collection[str]) -> dict[str, float]:
    """Figure -> how much worse it may be: 0.03 for 3 %, 0.005 for 0.5pt, 0.2 for 0.2dB.

    Raises:
        ConfigError: Not of that form, or one figure named twice.
    """
    found: dict[str, float] = {}
    for text in (each.strip() for whole in texts for each in whole.split(",")):
        name, _, value = text.partition("=")
        of_ratio = name in RATIOS
        written = re.fullmatch(_NUMBER + ("%" if of_ratio else "(pt|dB)"), value, re.ASCII)
        if not name or written is None:
            raise ConfigError(
                f"--max-regression {text!r}: write FIGURE=LIMIT: a percentage of {', '.join(RATIOS)} (p90=3%), points of a "
                "metric (top1=0.5pt, 0.005 of a fraction of 1), dB of one in dB (psnr_db=0.2dB)"
            )
        if name in found:
            raise ConfigError(f"--max-regression names {name} twice")
        found[name] = float(written[1]) / (1 if value.endswith("dB") else 100)
    return found


def refuse_unknown(limits: Mapping[str, float], figures: Collection[str]) -> None:
    """Refuses a limit on what neither side has.

    Raises:
        ConfigError: With the figures that there are.
    """
    for name in limits:
        if name not in figures:
            raise ConfigError(f"--max-regression: {unknown('figure of these runs', name, figures)}")
