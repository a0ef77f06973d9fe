"""What a user asks of a run's figures, as it is written: `top1>=0.75`, `p90:max=5ms`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from harness.errors import ConfigError

Comparison = Literal["<=", ">=", "<", ">"]
_FORMS = "'top1>=0.75' or 'p90<=5ms' (in quotes), or top1:min=0.75 or p90:max=5ms"
_SIGNED = re.compile(r"\s*([^<>=!]+?)\s*(<=|>=|<|>)\s*([^<>=!]+?)\s*")
_NAMED = re.compile(r"\s*([^<>=!]+?)\s*:\s*(min|max)\s*=\s*([^<>=!]+?)\s*")
_OF_NAME: dict[str, Comparison] = {"min": ">=", "max": "<="}


@dataclass(frozen=True, slots=True)
class Written:
    """A requirement, taken apart; what its figure is, and in what unit, is known to `harness.results.verdict.gate`."""

    text: str
    """As the user wrote it."""
    figure: str
    comparison: Comparison
    limit: str
    """With its unit."""


def parse_requirement(text: str) -> Written:
    """Takes a requirement apart.

    Raises:
        ConfigError: There is no comparison, or nothing to compare with.
    """
    if found := _SIGNED.fullmatch(text):
        return Written(text.strip(), found[1], cast("Comparison", found[2]), found[3])
    if found := _NAMED.fullmatch(text):
        return Written(text.strip(), found[1], _OF_NAME[found[2]], found[3])
    if not set(text) & set("<>=!:"):
        raise ConfigError(
            f"--require {text} compares with nothing. The shell takes > and < for itself (and `>=0.75` makes a file named "
            f"=0.75): write {_FORMS}"
        )
    raise ConfigError(f"--require {text!r} is no requirement: write {_FORMS}")
