"""What a benchmark asks of a model's accuracy."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from harness.config.official.rules import Round


class Target(BaseModel):
    """A figure that a benchmark holds a model's accuracy against."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    metric: str
    value: float
    """In the metric's own unit: a fraction of 1, or dB."""
    source: str = "your config"
    rounds: list[Round] = Field(default_factory=list)
    """Rounds it holds in; empty for all."""
    count: int | None = Field(default=None, ge=1)
    """It holds on the first `count` samples; null for the full set."""
    floor: bool = True
    """False for a score that the model's makers published: shown, never asked for."""
    models: list[str] = Field(default_factory=list)
    """Models of the config it speaks of; empty for all."""


def floor_of(targets: Iterable[Target], metric: str, mlperf_round: str | None, count: int) -> Target | None:
    """The floor of a metric in a round: the one for exactly so many samples where there is one, else the full set's."""
    held = [one for one in _held(targets, metric, mlperf_round) if one.floor and one.count in (None, count)]
    return max(held, key=lambda one: one.count is not None, default=None)


def published_of(targets: Iterable[Target], metric: str, mlperf_round: str | None, model: str | None) -> list[Target]:
    """The published scores of a metric that speak of a model."""
    held = _held(targets, metric, mlperf_round)
    return [one for one in held if not one.floor and (not one.models or model in one.models)]


def _held(targets: Iterable[Target], metric: str, mlperf_round: str | None) -> list[Target]:
    return [one for one in targets if one.metric == metric and (not one.rounds or mlperf_round in one.rounds)]
