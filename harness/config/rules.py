"""MLPerf's figures that are not one benchmark's own: presets, seeds, and how many queries a verdict needs.

Sources: mobile rules (mlcommons/mobile_open rules/mobile_inference_rules.adoc, "Performance run"), the mobile app's
tasks.pbtxt for the shorter presets, inference_rules.adoc for MultiStream, Server and early stopping.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Scenario = Literal["SingleStream", "MultiStream", "Server", "Offline"]
Mode = Literal["performance", "accuracy", "submission", "find-peak"]
Preset = Literal["rules", "quick", "rapid"]
ServerLoad = Literal["half", "peak"]
Round = Literal["v0.7", "v1.0", "v1.1", "v2.0", "v2.1", "v3.0", "v3.1", "v4.0", "v4.1", "v5.0", "v5.1", "v6.0", "v6.1"]

STREAMS: frozenset[str] = frozenset({"SingleStream", "MultiStream"})
"""Scenarios with one query in flight: answered on LoadGen's own thread."""

SAMPLES_PER_MULTI_STREAM_QUERY = 8
MULTI_STREAM_MIN_QUERIES = 662
TARGET_PERCENTILE: dict[str, float] = {"SingleStream": 0.90, "MultiStream": 0.99, "Server": 0.99, "Offline": 0.90}
"""The percentile that LoadGen judges (mlperf.conf); a config may name another for Server."""


class Extent(NamedTuple):
    """How long a performance run must last at least. Offline counts samples where the others count queries."""

    min_query_count: int
    min_duration_ms: int


_EXTENTS: dict[tuple[str, str], Extent] = {
    ("rules", "SingleStream"): Extent(1024, 60_000),
    ("quick", "SingleStream"): Extent(128, 10_000),
    ("rapid", "SingleStream"): Extent(64, 6_000),
    ("rules", "Offline"): Extent(24_576, 0),
    ("quick", "Offline"): Extent(2_457, 0),
    ("rapid", "Offline"): Extent(64, 0),
    ("rules", "MultiStream"): Extent(MULTI_STREAM_MIN_QUERIES, 600_000),
    ("quick", "MultiStream"): Extent(MULTI_STREAM_MIN_QUERIES, 10_000),
    ("rapid", "MultiStream"): Extent(MULTI_STREAM_MIN_QUERIES, 6_000),
    ("rules", "Server"): Extent(662, 600_000),
    ("quick", "Server"): Extent(1, 10_000),
    ("rapid", "Server"): Extent(1, 6_000),
}


FIND_PEAK_BUDGET_S: dict[str, float] = {"rules": 1500.0, "quick": 120.0, "rapid": 60.0}
"""For a search for Server's peak: room for two runs that count and the short ones before."""


class Seeds(NamedTuple):
    """LoadGen's random seeds of one inference round; the submission checker rejects others."""

    qsl_rng_seed: int
    sample_index_rng_seed: int
    schedule_rng_seed: int


SEEDS: dict[str, Seeds] = {
    "v5.0": Seeds(6023615788873153749, 15036839855038426416, 9933818062894767841),
    "v5.1": Seeds(1780908523862526354, 14771362308971278857, 18209322760996052031),
    "v6.0": Seeds(2465351861681999779, 14276810075590677512, 3936089224930324775),
    "v6.1": Seeds(2085463073848966840, 2747215439041700203, 16159082839903944936),
}
"""INF tools/submission/submission_checker/constants.py and loadgen/mlperf.conf. Rounds without an entry use the wheel's."""


def extent(preset: str, scenario: str, percentile: float) -> Extent:
    """The minimum of a run; Server never asks fewer queries than early stopping needs at its percentile."""
    shortest = _EXTENTS[preset, scenario]
    if scenario == "Server":
        return Extent(max(shortest.min_query_count, early_stopping_queries(percentile)), shortest.min_duration_ms)
    return shortest


def early_stopping_queries(percentile: float, confidence: float = 0.99) -> int:
    """Fewest queries, all of them in time, that prove a tail bound (inference_rules.adoc, appendix "Early stopping").

    Args:
        percentile: Share of the queries that must be in time, as a fraction: 0.99 needs 459.
        confidence: Of the proof.
    """
    return math.ceil(math.log(1 - confidence) / math.log(percentile))
