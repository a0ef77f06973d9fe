"""JSON whose keys are samples or classes: of two equal keys, Python drops the first in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from accuracy.outside.shown import brief


def each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, for `json.loads(..., object_pairs_hook=each_once)`.

    Raises:
        ValueError: A key stands twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {brief(twice)!r} stands twice in one object")
    return found
