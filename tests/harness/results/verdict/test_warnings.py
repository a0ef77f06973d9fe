"""Settings without effect and runs too short to mean much are said in the result."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config.files import config_folder, find_benchmark, load_benchmark, read_config
from harness.machine.facts import usable_cpus
from harness.machine.placement import Placement
from harness.results.verdict.warnings import beside_the_rules, ignored_settings, not_placed, too_many_threads, too_short
from harness.spec.resolve import load_of, resolve
from harness.spec.rules_in_force import chosen_rules
from harness.spec.schema import Load

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


@pytest.mark.parametrize(
    ("scenario", "settings", "ignored"),
    [
        ("SingleStream", ["load.target_qps=5"], ["load.target_qps=5.0 has no effect in SingleStream"]),
        ("SingleStream", ["load.max_duration_ms=60000"], []),
        (
            "Offline",
            ["load.max_duration_ms=60000"],
            [
                "load.expected_latency_ns=1000 has no effect in Offline",
                "load.max_duration_ms=60000 has no effect in Offline",
            ],
        ),
        ("Offline", ["load.expected_latency_ns=null", "load.target_qps=2000000"], []),
    ],
)
def test_a_setting_that_the_scenario_does_not_heed_is_said_in_the_result(
    scenario: str,
    settings: list[str],
    ignored: list[str],
    call: Cli,
    keywords: list[str],
    tmp_path: Path,
    read_result: Read,
) -> None:
    words = [word for setting in settings for word in ("--set", setting)]
    done = call(*keywords, "--scenario", scenario, *words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    warnings = read_result(tmp_path / "run")["warnings"]
    assert [warning.partition(":")[0] for warning in warnings if "has no effect" in warning] == ignored
    for warning in warnings:
        assert f"warning: {warning}" in done.stdout
    # Of a run of 64 queries, what its figures are worth.
    assert sum("too short" in warning for warning in warnings) == 1


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"load.mode": "accuracy", "load.preset": "quick"}, ["load.preset=quick has no effect in an accuracy run"]),
        (
            {"load.mode": "accuracy", "load.query_times": False},
            ["load.query_times=false has no effect in an accuracy run"],
        ),
        ({"load.preset": "quick", "load.query_times": False}, []),
        # The performance runs beside it heed them.
        ({"load.mode": "accuracy", "load.preset": "quick", "load.too_few_samples": "refuse"}, []),
        ({"backend.instances": 2}, ["backend.instances=2 has no effect in SingleStream"]),
        (
            {"backend.instances": 2, "load.scenario": "MultiStream"},
            ["backend.instances=2 has no effect in MultiStream"],
        ),
        ({"backend.instances": 2, "load.scenario": "MultiStream", "dispatch.use": "ray"}, []),
        ({"backend.instances": 2, "load.scenario": "Offline"}, []),
        ({"load.max_duration_ms": 60000, "load.scenario": "MultiStream"}, []),
        ({"load.max_duration_ms": 60000, "load.scenario": "Server"}, []),
        ({"backend.instances": 1, "load.mode": "accuracy"}, []),
        ({"backend.allow_mismatch": True}, ["backend.allow_mismatch has no effect on the plain CPU backend"]),
        ({"backend.allow_mismatch": True, "backend.options": {"xnnpack": False}}, []),
        ({"allow_short": True}, ["allow_short has no effect"]),
        ({"allow_short": True, "require": ["p90<=5ms"]}, []),
    ],
)
def test_what_no_run_of_the_scenario_or_mode_heeds_is_said(
    fields: dict[str, Any], ignored: list[str], keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data)), *fields.items()]
    spec = resolve(read_config(find_benchmark("kws")), given, tmp_path)
    assert [said.partition(":")[0] for said in ignored_settings(spec)] == ignored


def test_more_threads_than_cpus_are_said_in_the_result(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    at = keywords.index("--threads")
    words = [*keywords[:at], *keywords[at + 2 :], "--threads", str(usable_cpus() + 1)]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert f"share {usable_cpus()} usable CPUs" in read_result(tmp_path / "run")["warnings"][0]


def test_threads_and_instances_count_together() -> None:
    assert too_many_threads(2, 2, 4) == []
    assert too_many_threads(2, 2, 3) == [
        "2 x 2 threads share 3 usable CPUs and wait for each other: fewer --threads or --instances are quicker"
    ]


def test_a_run_of_less_than_a_second_or_of_few_queries_says_what_its_figures_are_worth() -> None:
    assert too_short("Offline", 1.0, 100) == too_short("Server", 60.0, 459) == []
    assert "took 64 ms and asked 64 samples, too short for its throughput" in too_short("Offline", 0.064, 64)[0]
    assert "took 1.9 ms and asked 24,576 samples, too short" in too_short("Offline", 0.0019, 24576)[0]
    assert "--preset rules" in too_short("Offline", 0.9996, 2457)[0]
    assert "asked 64 queries, too short for its percentiles" in too_short("SingleStream", 6.0, 64)[0]
    assert "VALID or not" in too_short("Server", 0.1, 459)[0]


@pytest.mark.parametrize(("use", "says"), [("auto", True), ("mobilebert_int8", True), ("standin", False)])
def test_a_standin_that_was_asked_for_is_not_said_to_stand_for_a_missing_file(
    use: str, says: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.report.screen import Screen
    from harness.series.perform import _announce

    model = SimpleNamespace(name="mobilebert_int8", source="standin")
    load = SimpleNamespace(mode="accuracy", scenario="SingleStream")
    spec = SimpleNamespace(model=model, title="MobileBERT", load=load, benchmark="mobilebert")
    planned: Any = SimpleNamespace(spec=spec, model_asked=use)
    _announce(Screen(quiet=False), planned, Path("out"))
    said = capsys.readouterr().err
    assert "a stand-in of the same architecture runs" in said
    assert ("no official file is here" in said) is says


def test_cores_that_were_asked_for_and_not_had_are_a_warning() -> None:
    nothing = Placement(why="3 x 1 threads do not fit 2 cores")
    assert "nothing is pinned: 3 x 1 threads do not fit 2 cores" in not_placed("cores", nothing)[0]
    assert not_placed("auto", nothing) == not_placed("none", nothing) == []
    assert not_placed("cores", Placement(((1,), (0,)))) == []


def load(rules: str, **changes: Any) -> Load:
    """As the config of MobileBERT has it under a rule set."""
    fields = [("load.rules", rules), *((f"load.{name}", value) for name, value in changes.items())]
    benchmark = load_benchmark(config_folder() / "mobilebert.yaml", fields)
    return load_of(benchmark, chosen_rules(benchmark))


@pytest.mark.parametrize(
    ("rules", "changes", "says"),
    [
        ("inference-v6.1", {}, ""),
        ("inference-v6.1", {"min_duration_ms": 60_000}, "a run of 60.0 s is no run of inference-v6.1, whose runs last"),
        ("inference-v5.1", {"preset": "quick", "scenario": "Offline"}, "is no run of inference-v5.1"),
        ("inference-v6.1", {"preset": "quick", "mode": "accuracy"}, ""),
        ("mobile-v6.0", {"preset": "quick"}, ""),
        ("mobile-v6.0", {"preset": "quick", "scenario": "Server"}, ""),
        ("mobile-v6.0", {"preset": "quick", "scenario": "MultiStream"}, ""),
        ("mobile-v6.0", {"expected_latency_ns": 1_000_000}, ""),
        (
            "mobile-v6.0",
            {"expected_latency_ns": 1_000_001},
            "load.expected_latency_ns=1000001 is above the 1,000,000 ns",
        ),
        ("inference-v6.1", {"expected_latency_ns": 1_000_001}, ""),
    ],
)
def test_settings_with_which_a_run_is_none_of_its_rules_are_warned_of(
    rules: str, changes: dict[str, Any], says: str
) -> None:
    found = beside_the_rules(load(rules, **changes))
    assert len(found) == bool(says)
    assert says in "".join(found)
