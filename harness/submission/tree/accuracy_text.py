"""accuracy.txt: what an accuracy script of MLCommons printed, and the hash of the log it read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

METRICS = {
    "top1": ("accuracy=75.700%, good=37850, total=50000", re.compile(r'^(?:\{"accuracy|accuracy)[": ]*=?\s*([\d.]+)')),
    "f1": (
        '{"exact_match": 83.1, "f1": 90.9}',
        re.compile(r"""^\{["']exact_match["']:\s*[\d.]+,\s*["']f1["']:\s*([\d.]+)\}"""),
    ),
    "coco_ap": ("mAP=53.103%", re.compile(r".*(?:mAP=|'Total':)\s*([\d.]+)")),
}
"""Metric -> an example of its line, and what of it counts (SC constants.py ACC_PATTERN), in percent."""
_HASH = re.compile(r"^hash=(\w+)$")
_COUNTED = re.compile(r"good=(\d+), total=(\d+)")


@dataclass(frozen=True, slots=True)
class AccuracyText:
    """What accuracy.txt says."""

    values: dict[str, Decimal]
    """Metric -> percent; the last line of each counts."""
    good: int | None
    """Of a classifier: right answers."""
    total: int | None
    """Of all."""
    hashes: tuple[str, ...]
    hash_is_last: bool
    twice: tuple[str, ...] = ()
    """Metrics of which two lines say different things."""


def parse_accuracy_text(text: str) -> AccuracyText:
    """Reads accuracy.txt as the official checker does, line by line."""
    values: dict[str, Decimal] = {}
    twice: set[str] = set()
    good = total = None
    lines = text.splitlines()
    for line in lines:
        for metric, (_, pattern) in METRICS.items():
            if match := pattern.match(line):
                try:
                    value = Decimal(match[1])
                except InvalidOperation:
                    continue
                if values.get(metric, value) != value:
                    twice.add(metric)
                values[metric] = value
        if "accuracy" in line and (counted := _COUNTED.search(line)):
            good, total = int(counted[1]), int(counted[2])
    hashes = tuple(match[1] for line in lines if (match := _HASH.match(line)))
    said = [line for line in lines if line.strip()]
    return AccuracyText(
        values, good, total, hashes, bool(said) and _HASH.match(said[-1]) is not None, tuple(sorted(twice))
    )
