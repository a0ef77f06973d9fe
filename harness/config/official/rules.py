"""The words that MLPerf's rules are told in. Their figures are in configs/rules/: see `harness.config.official.rule_sets`."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator

from harness.errors import unknown

Scenario = Literal["SingleStream", "MultiStream", "Server", "Offline"]
Mode = Literal["performance", "accuracy", "submission", "find-peak"]
Preset = Literal["rules", "quick", "rapid"]
ServerLoad = Literal["half", "peak"]
Suite = Literal["mobile", "inference", "tiny"]

STREAMS: frozenset[str] = frozenset({"SingleStream", "MultiStream"})
"""Scenarios with one query in flight: answered on LoadGen's own thread."""

FIND_PEAK_BUDGET_S: dict[str, float] = {"rules": 1500.0, "quick": 120.0, "rapid": 60.0}
"""For a search for Server's peak: room for two runs that count and the short ones before."""


class Seeds(NamedTuple):
    """LoadGen's random seeds of one round of a suite; a submission checker rejects others."""

    qsl_rng_seed: int
    sample_index_rng_seed: int
    schedule_rng_seed: int


def rules_folder() -> Path:
    """Where the rule sets lie, SUITE-ROUND.yaml each."""
    return Path(str(resources.files("configs"))) / "rules"


def rounds_of(suite: Suite) -> list[str]:
    """The rounds of a suite that there are rule sets of, oldest first."""
    names = (path.stem.removeprefix(f"{suite}-") for path in rules_folder().glob(f"{suite}-v*.yaml"))
    return sorted(names, key=lambda name: [int(part) for part in name.removeprefix("v").split(".")])


def _mobile_round(name: str) -> str:
    if name not in (known := rounds_of("mobile")):
        raise ValueError(unknown("round", name, known))
    return name


Round = Annotated[str, AfterValidator(_mobile_round)]
"""A round of the mobile suite, as v5.0."""


def early_stopping_queries(percentile: float, confidence: float = 0.99) -> int:
    """Fewest queries, all of them in time, that prove a tail bound (inference_rules.adoc, appendix "Early stopping").

    Args:
        percentile: Share of the queries that must be in time, as a fraction: 0.99 needs 459.
        confidence: Of the proof.
    """
    return math.ceil(math.log(1 - confidence) / math.log(percentile))
