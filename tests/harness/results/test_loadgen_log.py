"""LoadGen's detail log: read whole or refused, and its verdict."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import config_folder, load_benchmark
from harness.config.official.rules import Seeds
from harness.errors import RunFailed
from harness.results.loadgen_log import clock_was_set, invalid_reasons, performance, read_detail, wrong_seeds
from harness.results.record import Reason, Result
from harness.spec.resolve import load_of
from harness.spec.rules_in_force import chosen_rules


@pytest.fixture(scope="module")
def detail(
    keyword_model: Path,
    keyword_data: Path,
    short: list[str],
    command: list[str],
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """LoadGen's detail log of a performance and of an accuracy run, as text."""
    found = {}
    for mode in ("performance", "accuracy"):
        out = tmp_path_factory.mktemp("detail") / mode
        words = ["--task", "kws", "--model", keyword_model, "--dataset", keyword_data, *short, "--mode", mode]
        subprocess.run(
            [*command, *map(str, words), "--out", str(out)],
            env=environment,
            check=True,
            capture_output=True,
            timeout=600,
        )
        found[mode] = (out / "mlperf_log_detail.txt").read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_a_detail_log_cut_anywhere_before_its_last_words_is_a_failed_run(
    mode: str, detail: dict[str, str], tmp_path: Path
) -> None:
    whole, accuracy = detail[mode], mode == "accuracy"
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_text(whole, encoding="utf-8")
    entries = read_detail(tmp_path, accuracy=accuracy)
    last = whole.index('"key": "power_end"' if accuracy else '"key": "num_errors"')
    ends = [0, 5, last, *range(0, last, max(1, last // 60)), *(end for end in range(last) if whole[end] == "\n")]
    for end in ends:
        path.write_text(whole[:end], encoding="utf-8")
        with pytest.raises(RunFailed, match=r"mlperf_log_detail.txt is cut.*bytes are free there"):
            read_detail(tmp_path, accuracy=accuracy)
    path.write_text(f"a line of somebody else's\n{whole}", encoding="utf-8")
    assert read_detail(tmp_path, accuracy=accuracy) == entries


def test_a_detail_log_that_is_missing_or_garbled_is_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"mlperf_log_detail.txt cannot be read: No such file"):
        read_detail(tmp_path, accuracy=False)
    for line in (":::MLLOG nonsense", ":::MLLOG []", ":::MLLOG {}", ':::MLLOG {"key": "a", "value": 1, "metadata": 3}'):
        (tmp_path / "mlperf_log_detail.txt").write_text(line + "\n", encoding="utf-8")
        with pytest.raises(RunFailed, match="is cut or corrupt"):
            read_detail(tmp_path, accuracy=False)


def test_loadgens_errors_are_kept(detail: dict[str, str], tmp_path: Path) -> None:
    entry = {"key": "error_invalid_config", "value": "Multiple conf files", "metadata": {"is_error": True}}
    text = f":::MLLOG {json.dumps(entry)}\n{detail['performance']}"
    (tmp_path / "mlperf_log_detail.txt").write_text(text, encoding="utf-8")
    assert read_detail(tmp_path, accuracy=False)[":errors"] == ["Multiple conf files"]


def test_an_invalid_run_without_a_known_reason_says_what_loadgen_said(run_result: Result) -> None:
    detail = {"result_validity": "INVALID", "result_invalid_reason": " the moon is full "}
    assert run_result.performance is not None
    assert run_result.loadgen is not None
    figures, in_force = run_result.performance, run_result.loadgen
    (reason,) = invalid_reasons(detail, figures, in_force)
    assert reason == Reason("LoadGen says INVALID", "the moon is full", "")
    assert invalid_reasons(detail | {"result_validity": "VALID"}, figures, in_force) == []


@pytest.mark.parametrize(
    ("said", "figures", "figure", "fix"),
    [
        (
            {"result_min_duration_met": False},
            {"duration_s": 5.0, "mean": 9000.0},
            "5.0 s of 60.0 s",
            "--set load.expected_latency_ns=4500",
        ),
        (
            {"result_min_duration_met": False, "effective_max_duration_ms": 5000},
            {"duration_s": 5.0},
            "5.0 s of 60.0 s",
            "raise or remove load.max_duration_ms",
        ),
        ({"result_min_queries_met": False}, {"query_count": 70}, "70 of 1,024", "load.max_duration_ms"),
        (
            {"result_perf_constraints_met": False},
            {"query_count": 1000, "overlatency_query_count": 31, "target_percentile": 0.99},
            "31 of 1,000 queries, 10 may",
            "--set load.target_qps=160",
        ),
        (
            {
                "early_stopping_met": False,
                "early_stopping_result": " * Only processed 50 queries.\n * Need to process at least 64 queries.",
            },
            {"query_count": 50},
            "Need to process at least 64 queries",
            "--set load.min_query_count=64",
        ),
        (
            {"early_stopping_met": False, "early_stopping_result": "Would need to run at least 46 more queries"},
            {"query_count": 50},
            "46 more",
            "--set load.min_query_count=96",
        ),
    ],
)
def test_each_condition_of_loadgens_has_its_figure_what_it_needs_and_the_option_that_mends_it(
    said: dict[str, Any], figures: dict[str, Any], figure: str, fix: str, run_result: Result
) -> None:
    assert run_result.performance is not None
    assert run_result.loadgen is not None
    mean = figures.pop("mean", 1.0)
    found = replace(run_result.performance, latency_ns=replace(run_result.performance.latency_ns, mean=mean), **figures)
    in_force = replace(
        run_result.loadgen,
        scenario="SingleStream",
        min_duration_ms=60_000,
        min_query_count=1024,
        server_target_qps=200.0,
        server_target_latency_ns=10**7,
    )
    (reason,) = invalid_reasons({"result_validity": "INVALID", **said}, found, in_force)
    assert figure in reason.figure
    assert fix in reason.fix


@pytest.mark.parametrize(
    ("begin", "end", "scenario", "is_said"),
    [
        ("11-29-2026 10:00:00.000", "11-29-2026 10:01:01.000", "SingleStream", False),
        ("11-29-2026 10:00:00.000", "11-29-2026 11:01:00.000", "SingleStream", True),
        ("11-29-2026 10:00:00.000", "11-29-2026 10:00:05.000", "SingleStream", True),
        ("11-29-2026 10:00:00.000", "11-29-2026 09:59:58.000", "MultiStream", True),
        ("11-29-2026 10:00:00.000", "11-29-2026 10:01:00.000", "MultiStream", False),
    ],
)
def test_a_clock_that_was_set_while_the_run_lasted_is_told_by_loadgens_stamps(
    begin: str, end: str, scenario: str, is_said: bool
) -> None:
    detail = {"power_begin": begin, "power_end": end}
    assert bool(clock_was_set(detail, scenario, duration_s=60.0, span_s=62.0)) == is_said


def test_seeds_in_the_log_that_are_not_those_of_the_rules_are_a_reason(detail: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mlperf_log_detail.txt").write_text(detail["performance"], encoding="utf-8")
    found = read_detail(tmp_path, accuracy=False)
    in_force = Seeds(*(found[f"effective_{name}"] for name in Seeds._fields))
    benchmark = load_benchmark(config_folder() / "mobilebert.yaml")
    rules = load_of(benchmark, chosen_rules(benchmark))
    assert wrong_seeds(found, rules.model_copy(update={"seeds": in_force})) == []
    assert wrong_seeds(found, rules.model_copy(update={"seeds": None})) == []
    (reason,) = wrong_seeds(found, rules)
    assert reason.what == "LoadGen's seeds are not those of mobile-v6.0"
    assert f"qsl_rng_seed {in_force.qsl_rng_seed}, not 2465351861681999779" in reason.figure


def test_a_duration_of_nothing_or_less_is_never_reported(detail: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mlperf_log_detail.txt").write_text(detail["performance"], encoding="utf-8")
    entries = read_detail(tmp_path, accuracy=False)
    benchmark = load_benchmark(config_folder() / "kws.yaml")
    load = load_of(benchmark, chosen_rules(benchmark))
    assert performance(entries, load).duration_s > 0
    rate = "result_qps_with_loadgen_overhead"
    for name, value in ((rate, -15_749.0), (rate, 0.0), ("result_min_latency_ns", -5)):
        with pytest.raises(RunFailed, match="LoadGen's figures are none"):
            performance({**entries, name: value}, load)
    for lost in ("result_query_count", "result_mean_latency_ns", "generated_samples_per_query"):
        with pytest.raises(RunFailed, match=r"mlperf_log_detail\.txt cannot be read: KeyError"):
            performance({name: value for name, value in entries.items() if name != lost}, load)


def test_a_run_of_one_query_lasts_as_long_as_that(
    call: Callable[..., subprocess.CompletedProcess[str]],
    keywords: list[str],
    tmp_path: Path,
    read_result: Callable[[Path], dict[str, Any]],
) -> None:
    """LoadGen's rate of a stream is of the queries after the first: here 0."""
    done = call(*keywords, "--set", "load.min_query_count=1", "--out", tmp_path / "run")
    assert done.returncode == 1, done.stderr
    result = read_result(tmp_path / "run")
    assert [reason["what"] for reason in result["reasons"]] == ["too few queries for early stopping to prove the tail"]
    figures = result["performance"]
    assert figures["query_count"] == 1
    # LoadGen writes six digits of the rate.
    assert figures["duration_s"] == pytest.approx(figures["latency_ns"]["mean"] / 1e9, rel=1e-4)
