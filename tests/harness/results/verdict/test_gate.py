"""Requirements and the user's own targets, held against figures."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from harness.config.official.accuracy_targets import Target
from harness.errors import ConfigError
from harness.results.figures import Memory, Peak, Queueing
from harness.results.record import Result, status_of
from harness.results.verdict.figure_names import figures, number_at
from harness.results.verdict.gate import (
    check_measured,
    check_scored,
    check_targets,
    judge_metrics,
    judge_run,
    judge_search,
    missed,
    own_targets,
    requirements,
)
from tasks.base import MetricKind

METRICS = ("top1", "psnr_db")


@pytest.fixture
def valid(run_result: Result) -> Result:
    """A performance run that LoadGen finds VALID, and that was long enough for its figures."""
    assert run_result.performance is not None
    figures = replace(run_result.performance, duration_s=60.0, query_count=1024)
    return replace(run_result, status="valid", reasons=(), performance=figures)


def verdict_of(result: Result, text: str) -> Result:
    return judge_run(result, requirements([text], METRICS))


def test_the_verdict_says_the_figure_the_limit_and_the_margin_and_a_miss_decides(valid: Result) -> None:
    assert valid.performance is not None
    p90 = valid.performance.latency_ns.p90
    for limit_ns, passed in ((p90, True), (p90 - 1, False)):
        result = verdict_of(valid, f"p90<={limit_ns:.0f}ns")
        (verdict,) = result.requirements
        assert (verdict.value, verdict.limit, verdict.margin) == (p90, limit_ns, limit_ns - p90)
        assert (verdict.figure, verdict.unit, verdict.passed) == ("p90", "ns", passed)
        assert status_of(result) == (0 if passed else 1)
        assert [reason.what for reason in result.reasons] == (
            [] if passed else [f"p90<={limit_ns:.0f}ns is missed (required)"]
        )


def test_at_the_limit_a_strict_comparison_misses(valid: Result) -> None:
    assert valid.performance is not None
    count = valid.performance.query_count
    assert verdict_of(valid, f"query_count>={count}").requirements[0].passed is True
    assert verdict_of(valid, f"query_count>{count}").requirements[0].passed is False


def test_a_figure_that_the_machine_cannot_measure_counts_as_missed(valid: Result) -> None:
    result = verdict_of(replace(valid, memory=Memory()), "peak_rss_bytes<=1TB")
    (verdict,) = result.requirements
    assert (verdict.value, verdict.margin, verdict.passed) == (None, None, False)
    assert status_of(result) == 1


def test_a_metric_is_not_asked_of_a_performance_run_that_a_config_serves_too(valid: Result) -> None:
    result = verdict_of(valid, "top1>=0.75")
    (verdict,) = result.requirements
    assert verdict.passed is None
    assert verdict.why == "top1 is not measured by --mode performance, but by --mode accuracy or submission"
    assert status_of(result) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topp1>=0.75", "unknown figure 'topp1'; did you mean 'top1'"),
        ("p90_ms<=5ms", "unknown figure 'p90_ms'; did you mean 'p90'"),
        ("nonsense_of_mine<=5", "names all"),
        ("p90<=5", "the limit of p90 must be a time such as 5ms"),
        ("p90<=5MB", "the limit of p90 must be a time such as 5ms"),
        ("peak_rss_bytes<=5ms", "must be a size such as 512MB"),
        ("top1>=75", "top1 is a fraction of 1, so 75 can't be its limit: write 0.75 or 75%"),
    ],
)
def test_a_requirement_that_cannot_be_judged_is_a_mistake(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        requirements([text], METRICS)
    assert said in str(caught.value)
    assert f"--require {text}" in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        requirements(["topp1>=0.75", "p90<=5ms", "p99<=5"], METRICS)
    assert len(str(caught.value).splitlines()) == 2


def test_a_figure_goes_by_its_whole_path_too(valid: Result) -> None:
    short, whole = requirements(["p99.9<=1s", "performance.latency_ns.p99.9<=1s"], ())
    assert number_at(valid, short.figure.path) == number_at(valid, whole.figure.path)
    assert number_at(valid, short.figure.path) is not None


def test_every_figure_by_name_has_its_place_in_the_records(valid: Result) -> None:
    known = figures()
    assert valid.performance is not None
    assert number_at(valid, known["samples_per_second"].path) == valid.performance.samples_per_second
    assert known["performance.duration_s"].unit == "s"
    assert known["server.waiting_ns.p99"].unit == "ns"
    peak = {figure.path[0] for figure in known.values() if figure.modes == {"find-peak"}}
    assert peak <= {field.name for field in fields(Peak)}


def test_what_a_command_asks_must_be_measured_by_one_of_its_runs() -> None:
    check_measured(
        requirements(["top1>=0.75", "p90<=5ms", "peak_rss_bytes<=1GB"], METRICS), ("performance", "accuracy")
    )
    with pytest.raises(ConfigError, match=r"top1 is not measured by --mode performance, but by --mode accuracy"):
        check_measured(requirements(["top1>=0.75"], METRICS), ("performance",))
    with pytest.raises(
        ConfigError, match=r"target_qps is not measured by --mode performance, but by --mode find-peak$"
    ):
        check_measured(requirements(["target_qps>=5"], METRICS), ("performance",))


def test_a_score_answers_metrics_alone() -> None:
    check_scored(requirements(["top1>=0.75"], METRICS))
    with pytest.raises(ConfigError, match="score computes metrics, and peak_rss_bytes is a figure of the run"):
        check_scored(requirements(["peak_rss_bytes<=1GB"], METRICS))
    (verdict,) = judge_metrics({"top1": 0.57}, requirements(["top1>=57%"], METRICS))
    assert verdict.passed is True
    (verdict,) = judge_metrics({}, requirements(["psnr_db>=33"], METRICS))
    assert verdict.passed is False


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("topp1", "targets: unknown metric 'topp1'; did you mean 'top1'"),
        ("p90_ms", "unknown metric 'p90_ms'; did you mean 'p90'"),
        ("p90", r"p90 is a figure, no metric: write require: \['p90<=...'\]"),
    ],
)
def test_a_target_of_no_metric_is_a_mistake(metric: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_targets([Target(metric=metric, value=0.75)], METRICS)


def test_a_target_of_the_users_own_is_a_requirement_where_it_speaks_of_the_run() -> None:
    targets = [
        Target(metric="top1", value=0.75),
        Target(metric="top1", value=0.8, count=100),
        Target(metric="top1", value=0.9, rounds=["v3.0"]),
        Target(metric="top1", value=0.9, models=["other"]),
        Target(metric="top1", value=0.99, floor=False),
    ]
    verdicts = judge_metrics({"top1": 0.7}, own_targets(targets, "v6.0", "mine", 40))
    assert [verdict.passed for verdict in verdicts] == [False, None, None, None]
    assert [verdict.why for verdict in verdicts[1:]] == [
        "it speaks of the first 100 samples, these are 40",
        "it holds in v3.0, this run's round is v6.0",
        "it speaks of other, this is mine",
    ]
    (reason,) = missed(verdicts)
    assert reason.what == "top1>=0.75 is missed (target: your config)"
    assert reason.figure == "top1 is 0.7, off by 0.05"


def test_a_search_is_judged_by_its_peak_and_the_run_that_has_it(valid: Result) -> None:
    peak = Peak(
        target_qps=12.0,
        samples_per_second=12.0,
        bound_ns=1e6,
        bound_from="config",
        percentile=0.99,
        highest_valid_qps=12.0,
        lowest_broken_qps=None,
        gap=None,
        tolerance=0.025,
        lowest_tried_qps=6.0,
        queueing=Queueing(1, 1.0, 20.0),
        time_s=1.0,
        budget_s=2.0,
    )
    asked = requirements(["target_qps>=12", "target_qps>=13queries/s", "p99<=60min", "top1>=0.5"], METRICS)
    verdicts = judge_search(valid, peak, asked)
    assert [verdict.passed for verdict in verdicts] == [True, False, True, None]
    assert [verdict.passed for verdict in judge_search(None, None, asked)] == [False, False, False, None]


def test_times_and_rates_of_a_short_run_count_only_where_that_is_meant(valid: Result) -> None:
    assert valid.performance is not None
    short = replace(valid, performance=replace(valid.performance, duration_s=0.5))
    asked = requirements(["p90<=60min", "samples_per_second>=0", "query_count>=1", "peak_rss_bytes<=1TB"], METRICS)
    assert [one.passed for one in judge_run(short, asked).requirements] == [False, False, True, True]
    assert [one.passed for one in judge_run(short, asked, allow_short=True).requirements] == [True] * 4
    assert [one.passed for one in judge_run(valid, asked).requirements] == [True] * 4


ERRORS = (MetricKind("max_error", "count", lower_is_better=True, by_output=True), MetricKind("snr_db", "dB"))


def test_an_error_is_met_below_its_limit_and_of_each_output_by_the_outputs_name() -> None:
    name = "max_error.StatefulPartitionedCall:0"
    asked = requirements([f"{name}<=2.5", "max_error:max=300", "snr_db>=40dB"], ERRORS)
    verdicts = judge_metrics({name: 2.0, "max_error": 301.0, "snr_db": 41.0}, asked)
    assert [(verdict.passed, verdict.unit) for verdict in verdicts] == [(True, "count"), (False, "count"), (True, "dB")]
    with pytest.raises(ConfigError, match=r"unknown figure 'snr_db\.scores'"):
        requirements(["snr_db.scores>=40"], ERRORS)


def test_a_target_of_an_error_is_the_most_that_it_may_be() -> None:
    targets = [Target(metric="max_error.scores", value=0.5), Target(metric="snr_db", value=40)]
    check_targets(targets, ERRORS)
    asked = own_targets(targets, None, None, None, ERRORS)
    assert [one.text for one in asked] == ["max_error.scores<=0.5", "snr_db>=40"]
    verdicts = judge_metrics({"max_error.scores": 0.6, "snr_db": 41.0}, asked)
    assert [verdict.passed for verdict in verdicts] == [False, True]
