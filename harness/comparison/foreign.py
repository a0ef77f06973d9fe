"""Results that other programs wrote: the mobile app's result.json, and LoadGen's own logs. Figures alone, no spread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.config.files import find_benchmark, load_benchmark
from harness.config.official.rule_sets import rounds_with, rule_set
from harness.errors import ConfigError, HarnessError
from harness.results.files import RESULT_FILE
from harness.results.loadgen_log import DETAIL_LOG, read_detail
from harness.results.record import Result
from harness.submission.tree.documents import Broken, read_json_object


def read_foreign(path: Path, like: Result) -> Mapping[str, float] | None:
    """Figures by name, in ns, samples per second and fractions of 1; None where it is a result of our own, or nothing known.

    Args:
        path: A file or a folder.
        like: What they are held against: its benchmark and scenario count.

    Raises:
        ConfigError: It is one that cannot be read, or has nothing of this benchmark.
    """
    if path.is_dir() and not (path / RESULT_FILE).exists() and (path / DETAIL_LOG).exists():
        return _of_log(path, like)
    file = path / RESULT_FILE if path.is_dir() else path
    if not file.is_file():
        return None
    value = read_json_object(file)
    if isinstance(value, Broken):
        if path.is_dir():
            return None
        raise ConfigError(f"{file} {value.what}")
    if "schema_version" in value or not isinstance(value.get("results"), list):
        return None
    return _of_app(file, value, like)


def _of_log(folder: Path, like: Result) -> Mapping[str, float]:
    """Of LoadGen's log, whoever ran it."""
    try:
        detail = read_detail(folder, accuracy=False)
    except HarnessError as error:
        raise ConfigError(str(error)) from None
    if (scenario := detail.get("effective_scenario")) != like.scenario:
        raise ConfigError(f"{folder} is of {scenario}, the other of {like.scenario}: nothing of them can be compared")
    keys = {
        "p50": "result_50.00_percentile_latency_ns",
        "p90": "result_90.00_percentile_latency_ns",
        "p99": "result_99.00_percentile_latency_ns",
    }
    if like.scenario == "MultiStream":
        keys = {name: key.replace("latency_ns", "per_query_latency_ns") for name, key in keys.items()}
    found = {} if like.scenario == "Offline" else {name: detail.get(key) for name, key in keys.items()}
    rates = ("result_samples_per_second", "result_completed_samples_per_sec", "result_qps_with_loadgen_overhead")
    found["throughput"] = next((detail[key] for key in rates if key in detail), None)
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float) and value > 0}


def _of_app(file: Path, value: Mapping[str, Any], like: Result) -> Mapping[str, float]:
    """Of the mobile app's file: by the benchmark's name of the newest round, else by the config's own words."""
    wanted = _app_names(like)
    rows = [row for row in value["results"] if isinstance(row, dict)]
    same = [row for row in rows if str(row.get("benchmark_id")) in wanted]
    same = [row for row in same if _scenario(row) in ("", like.scenario.lower())]
    if not same:
        there = ", ".join(sorted({str(row.get("benchmark_id"))[:60] for row in rows})) or "nothing"
        raise ConfigError(
            f"{file} has no {like.scenario} of {' or '.join(sorted(wanted)) or like.task}; there is: {there}"
        )
    row, found = same[0], dict[str, float]()
    timed, scored = (row.get(f"{kind}_run") for kind in ("performance", "accuracy"))
    if isinstance(timed, dict):
        loadgen, rate = timed.get("loadgen"), timed.get("throughput")
        if isinstance(loadgen, dict) and like.scenario == "SingleStream":
            _take(found, "p90", loadgen.get("latency90"), 1e9)
        if isinstance(rate, dict) and like.scenario == "Offline":
            _take(found, "throughput", rate.get("value"), 1)
    if isinstance(scored, dict) and isinstance(scored.get("accuracy"), dict) and like.accuracy_card is not None:
        in_db = like.accuracy_card.metric.endswith("_db")
        _take(found, like.accuracy_card.metric, scored["accuracy"].get("normalized"), 100 if in_db else 1)
    if not found:
        raise ConfigError(f"{file} has no figure of {row.get('benchmark_id')} that these runs have too")
    return found


def _app_names(like: Result) -> set[str]:
    """What the app calls this benchmark in the rounds that are known."""
    try:
        suite = load_benchmark(find_benchmark(like.task)).mlperf
    except ConfigError:
        return {like.task}
    if suite is None:
        return {like.task}
    rounds = [
        rule_set(f"{suite.suite}-{name}").benchmarks.get(suite.benchmark)
        for name in rounds_with(suite.suite, suite.benchmark)
    ]
    names = {each.names.app.get(like.scenario) for each in rounds if each is not None}
    return {like.task, suite.benchmark, *(name for name in names if name)}


def _scenario(row: Mapping[str, Any]) -> str:
    return str(row.get("loadgen_scenario") or "").replace("_", "").lower()


def _take(found: dict[str, float], name: str, value: object, factor: float) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
        found[name] = value * factor
