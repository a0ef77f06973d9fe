"""MLPerf's figures: presets, early stopping, seeds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest

from harness.config.files import read_config
from harness.config.rules import SEEDS, TARGET_PERCENTILE, Preset, Round, Scenario, early_stopping_queries, extent
from harness.errors import ConfigError
from harness.spec.resolve import resolve


@pytest.mark.parametrize(
    ("preset", "scenario", "queries", "duration_ms"),
    [
        ("rules", "SingleStream", 1024, 60_000),
        ("quick", "SingleStream", 128, 10_000),
        ("rapid", "SingleStream", 64, 6_000),
        ("rules", "Offline", 24_576, 0),
        ("quick", "Offline", 2_457, 0),
        ("rapid", "Offline", 64, 0),
        ("rules", "MultiStream", 662, 600_000),
        ("quick", "MultiStream", 662, 10_000),
        ("rapid", "MultiStream", 662, 6_000),
        ("rules", "Server", 662, 600_000),
        ("quick", "Server", 459, 10_000),
        ("rapid", "Server", 459, 6_000),
    ],
)
def test_the_presets_are_those_of_the_rules_and_of_the_mobile_app(
    preset: str, scenario: str, queries: int, duration_ms: int
) -> None:
    assert extent(preset, scenario, TARGET_PERCENTILE[scenario]) == (queries, duration_ms)


def test_every_preset_has_every_scenario() -> None:
    for preset in get_args(Preset):
        for scenario in get_args(Scenario):
            assert extent(preset, scenario, 0.99).min_query_count >= 1


@pytest.mark.parametrize(("percentile", "queries"), [(0.99, 459), (0.90, 44), (0.95, 90), (0.97, 152), (0.999, 4603)])
def test_early_stopping_needs_so_many_queries_in_time(percentile: float, queries: int) -> None:
    assert early_stopping_queries(percentile) == queries
    # By exact arithmetic: that many in time leave at most 1 % doubt, one fewer leaves more.
    share = Fraction(str(percentile))
    assert share**queries <= Fraction(1, 100) < share ** (queries - 1)


def test_a_server_run_at_a_higher_percentile_asks_more_queries() -> None:
    assert extent("rapid", "Server", 0.999).min_query_count == 4603
    assert extent("rules", "Server", 0.9).min_query_count == 662


def test_the_seeds_of_a_round_are_three_different_ones_that_fit_loadgen() -> None:
    every = [seed for seeds in SEEDS.values() for seed in seeds]
    assert len(set(every)) == len(every) == 3 * len(SEEDS)
    assert all(0 < seed < 1 << 64 for seed in every)
    assert set(SEEDS) <= set(get_args(Round))


def load(model: Path, data: Path, benchmark: str = "kws", **overrides: Any) -> Any:
    fields = {f"load.{name}": value for name, value in overrides.items()}
    given = [("model.use", str(model)), ("dataset.use", str(data)), *fields.items()]
    config = Path(__file__).resolve().parents[3] / "configs" / f"{benchmark}.yaml"
    return resolve(read_config(config), given, Path("/nowhere")).load


def test_what_is_asked_for_wins_over_the_preset(keyword_model: Path, keyword_data: Path) -> None:
    plain = load(keyword_model, keyword_data)
    assert (plain.preset, plain.scenario, plain.min_query_count, plain.min_duration_ms) == (
        "rules",
        "SingleStream",
        1024,
        60_000,
    )
    assert plain.performance_sample_count == 1000
    asked = load(keyword_model, keyword_data, min_query_count=7, min_duration_ms=0, preset="quick", round="v5.1")
    assert (asked.min_query_count, asked.min_duration_ms) == (7, 0)
    assert asked.seeds == SEEDS["v5.1"]


def test_a_round_without_listed_seeds_keeps_those_of_the_wheel(keyword_model: Path, keyword_data: Path) -> None:
    found = load(keyword_model, keyword_data, benchmark="mobilenet_edgetpu", round="v1.0")
    assert (found.round, found.seeds) == ("v1.0", None)


def test_a_benchmark_outside_the_mobile_rounds_takes_only_rounds_that_bring_seeds(
    keyword_model: Path, keyword_data: Path
) -> None:
    with pytest.raises(ConfigError, match=r"is in no MLPerf mobile round: leave out --round v1\.0"):
        load(keyword_model, keyword_data, round="v1.0")


def test_a_server_percentile_of_the_config_decides_how_many_queries(keyword_model: Path, keyword_data: Path) -> None:
    found = load(keyword_model, keyword_data, scenario="Server", preset="quick", server_target_percentile=0.999)
    assert (found.target_percentile, found.min_query_count) == (0.999, 4603)
    streams = load(keyword_model, keyword_data, scenario="MultiStream", server_target_percentile=0.999)
    assert (streams.target_percentile, streams.samples_per_query) == (0.99, 8)
