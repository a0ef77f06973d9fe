"""MLPerf's rule sets: what the files say, which of them counts, and what LoadGen is told."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from harness.config.files import benchmark_names, config_folder, load_benchmark, read_config
from harness.config.official.rule_sets import (
    Follows,
    RuleSet,
    figures_of,
    least_queries,
    newest,
    rounds_with,
    rule_set,
    rule_set_names,
)
from harness.config.official.rules import Preset, Scenario, Seeds, early_stopping_queries, rounds_of
from harness.errors import ConfigError
from harness.series.plan import plan_series
from harness.spec.resolve import resolve
from harness.spec.rules_in_force import chosen_rules, in_force

SEEDS = {
    "mobile-v0.7": (12786827339337101903, 12640797754436136668, 3135815929913719677),
    "mobile-v1.0": (7322528924094909334, 1570999273408051088, 3507442325620259414),
    "mobile-v1.1": (1624344308455410291, 517984244576520566, 10051496985653635065),
    "mobile-v2.0": (6655344265603136530, 15863379492028895792, 12662793979680847247),
    "mobile-v2.1": (14284205019438841327, 4163916728725999944, 299063814864929621),
    "mobile-v3.0": (10003631887983097364, 17183018601990103738, 12134888396634371638),
    "mobile-v3.1": (148687905518835231, 520418551913322573, 811580660758947900),
    "mobile-v4.0": (13281865557512327830, 198141574272810017, 7575108116881280410),
    "mobile-v4.1": (3066443479025735752, 10688027786191513374, 14962580496156340209),
    "mobile-v5.0": (3066443479025735752, 10688027786191513374, 14962580496156340209),
    "mobile-v6.0": (2465351861681999779, 14276810075590677512, 3936089224930324775),
    "inference-v5.0": (6023615788873153749, 15036839855038426416, 9933818062894767841),
    "inference-v5.1": (1780908523862526354, 14771362308971278857, 18209322760996052031),
    "inference-v6.0": (2465351861681999779, 14276810075590677512, 3936089224930324775),
    "inference-v6.1": (2085463073848966840, 2747215439041700203, 16159082839903944936),
}
"""As the logs of the results and the submission checker have them: written down a second time on purpose."""


# --- the files ---------------------------------------------------------------------------------------------------


def test_there_is_a_rule_set_of_every_round() -> None:
    assert [name for name in rule_set_names() if not name.startswith("tiny")] == list(SEEDS)
    assert rounds_of("tiny") == ["v1.0", "v1.1", "v1.2", "v1.3", "v1.4"]


@pytest.mark.parametrize("name", rule_set_names())
def test_a_rule_set_is_called_as_its_file_and_has_its_seeds(name: str) -> None:
    found = rule_set(name)
    assert found.name == name
    assert found.seeds.known == (Seeds(*SEEDS[name]) if name in SEEDS else None)
    assert found.seeds.assumed == (name == "mobile-v0.7")
    for scenario in get_args(Scenario):
        figures = found.scenarios[scenario]
        if isinstance(figures, Follows):
            assert not isinstance(rule_set(figures.follows).scenarios[scenario], Follows)


@pytest.mark.parametrize("name", rule_set_names())
def test_every_preset_has_every_scenario(name: str) -> None:
    for preset in get_args(Preset):
        for scenario in get_args(Scenario):
            assert figures_of(rule_set(name), scenario).extent(preset).min_query_count >= 1


def test_a_round_has_its_benchmarks_and_no_others() -> None:
    benchmarks = {one: set(rule_set(f"mobile-{one}").benchmarks) for one in rounds_of("mobile")}
    assert benchmarks["v0.7"] == {"mobilenet_edgetpu", "ssd_mobilenet_v2", "deeplabv3", "mobilebert"}
    assert benchmarks["v1.0"] == benchmarks["v1.1"] == {"mobilenet_edgetpu", "mobiledet", "deeplabv3", "mobilebert"}
    assert benchmarks["v2.0"] == benchmarks["v1.1"] | {"mosaic"}
    assert benchmarks["v2.1"] == benchmarks["v2.0"] - {"deeplabv3"}
    assert benchmarks["v3.0"] == benchmarks["v3.1"] == benchmarks["v2.1"] | {"edsr"}
    assert benchmarks["v4.0"] == benchmarks["v3.1"] - {"mobilenet_edgetpu"} | {"mobilenet_v4"}
    assert benchmarks["v4.0"] == benchmarks["v4.1"] == benchmarks["v5.0"] == benchmarks["v6.0"]
    assert "retinanet" in rule_set("inference-v5.1").benchmarks
    assert set(rule_set("inference-v6.0").benchmarks) == {"resnet", "bert-99", "bert-99.9", "yolo-95", "yolo-99"}
    assert rounds_with("tiny", "sww") == ["v1.3", "v1.4"]
    assert rounds_with("tiny", "ic2") == ["v1.4"]


def test_the_figures_of_inference_are_those_of_its_checker() -> None:
    found = {
        name: (
            one.performance_sample_count.value,
            one.dataset_size.value,
            one.scenarios["Offline"].min_query_count,
            one.targets[0].value,
            one.compliance_tests.value,
            one.names.loadgen,
            "MultiStream" in one.scenarios,
        )
        for name, one in (rule_set("inference-v6.1").benchmarks | rule_set("inference-v5.0").benchmarks).items()
    }
    assert found == {
        "resnet": (1024, 50_000, 24_576, 0.756954, ["TEST01", "TEST04"], "resnet50", True),
        "bert-99": (10_833, 10_833, 10_833, 0.8996526, ["TEST01"], "bert", False),
        "bert-99.9": (10_833, 10_833, 10_833, 0.90783126, ["TEST01"], "bert", False),
        "yolo-95": (64, 1525, 1525, 0.5073, ["TEST01"], "yolo", True),
        "yolo-99": (64, 1525, 1525, 0.52866, ["TEST01"], "yolo", True),
        "retinanet": (64, 24_781, 24_576, 0.371745, ["TEST01"], "retinanet", True),
    }


@pytest.mark.parametrize("broken", ["source", "seeds", "unknown"])
def test_a_figure_without_a_source_half_known_seeds_and_unknown_fields_are_refused(broken: str) -> None:
    fields = rule_set("mobile-v6.0").model_dump()
    if broken == "source":
        del fields["cooldown"]["source"]
    elif broken == "seeds":
        fields["seeds"]["schedule_rng_seed"] = None
    else:
        fields["cooldwon"] = 1
    with pytest.raises(ValidationError):
        RuleSet.model_validate(fields)


IN_A_SUITE = [name for name in benchmark_names() if name not in ("face_landmark", "tensors", "yolo_person")]
"""Any model is in none, and what MLPerf does not ask."""


@pytest.mark.parametrize("name", IN_A_SUITE)
def test_every_benchmark_of_a_suite_is_in_a_round_of_it(name: str) -> None:
    member = load_benchmark(config_folder() / f"{name}.yaml").mlperf
    assert member is not None
    assert rounds_with(member.suite, member.benchmark)


# --- presets and early stopping ----------------------------------------------------------------------------------


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
    found = load("mobilebert", preset=preset, scenario=scenario)
    assert (found.min_query_count, found.min_duration_ms) == (queries, duration_ms)


@pytest.mark.parametrize(("percentile", "queries"), [(0.99, 459), (0.90, 44), (0.95, 90), (0.97, 152), (0.999, 4603)])
def test_early_stopping_needs_so_many_queries_in_time(percentile: float, queries: int) -> None:
    assert early_stopping_queries(percentile) == queries
    # By exact arithmetic: that many in time leave at most 1 % doubt, one fewer leaves more.
    share = Fraction(str(percentile))
    assert share**queries <= Fraction(1, 100) < share ** (queries - 1)


def test_a_server_run_at_a_higher_percentile_asks_more_queries() -> None:
    figures = figures_of(newest("inference"), "Server")
    assert least_queries(figures, "Server", "rapid", 0.999) == 4603
    assert least_queries(figures, "Server", "rules", 0.9) == 662


# --- which rules count -------------------------------------------------------------------------------------------


def load(benchmark: str, **overrides: Any) -> Any:
    """What LoadGen is told, by the rules alone: no model, no data."""
    fields = [(f"load.{name}", value) for name, value in overrides.items()]
    found = load_benchmark(config_folder() / f"{benchmark}.yaml", fields)
    return in_force(found, chosen_rules(found))


def test_the_newest_mobile_round_that_has_the_benchmark_counts_then_the_newest_tiny_one() -> None:
    names = {name: load(name).name for name in benchmark_names()}
    assert names == {
        "ad": "tiny-v1.4",
        "ic": "tiny-v1.4",
        "sww": "tiny-v1.4",
        "vww": "tiny-v1.4",
        "mobilebert": "mobile-v6.0",
        "mobiledet": "mobile-v6.0",
        "mosaic": "mobile-v6.0",
        "edsr": "mobile-v6.0",
        "mobilenet_v4": "mobile-v6.0",
        "mobilenet_edgetpu": "mobile-v3.1",
        "deeplabv3": "mobile-v2.0",
        "ssd_mobilenet_v2": "mobile-v0.7",
        "kws": "tiny-v1.4",
        "tensors": "none",
        "face_landmark": "none",
        "yolo_person": "none",
    }
    assert load("mobilebert").seeds == SEEDS["mobile-v6.0"]
    assert load("mobilebert").notes == ()
    assert load("kws").seeds is None
    assert "tiny-v1.4 has no seeds: LoadGen's own are used" in load("kws").notes


@pytest.mark.parametrize("one", [name for name in SEEDS if name.startswith("mobile-")])
def test_a_mobile_round_has_its_own_seeds_and_not_those_of_inference_or_of_the_wheel(one: str) -> None:
    benchmark = "mobilebert"
    assert load(benchmark, round=one.removeprefix("mobile-")).seeds == SEEDS[one]
    assert load(benchmark, rules=one) == load(benchmark, round=one.removeprefix("mobile-"))


@pytest.mark.parametrize("benchmark", IN_A_SUITE)
@pytest.mark.parametrize("one", [name for name in SEEDS if name.startswith("inference-")])
def test_every_benchmark_runs_by_the_rules_of_inference(one: str, benchmark: str) -> None:
    found = load(benchmark, rules=one)
    assert (found.name, found.seeds, found.min_duration_ms) == (one, SEEDS[one], 600_000)
    assert load(benchmark, rules=one, preset="quick").min_duration_ms == 10_000


@pytest.mark.parametrize(
    ("benchmark", "rules", "samples", "full"),
    [
        ("mobilenet_edgetpu", "inference-v6.1", 24_576, 50_000),
        ("mobilebert", "inference-v6.1", 10_833, 10_833),
        ("mobiledet", "inference-v6.1", 1525, 1525),
        ("mobiledet", "inference-v5.1", 24_576, 24_781),
        ("mosaic", "inference-v6.1", 24_576, 2000),
    ],
)
def test_a_mobile_model_counts_as_inferences_benchmark_of_its_kind(
    benchmark: str, rules: str, samples: int, full: int
) -> None:
    assert load(benchmark, rules=rules, scenario="Offline").min_query_count == samples
    found = chosen_rules(load_benchmark(config_folder() / f"{benchmark}.yaml", [("load.rules", rules)]))
    # The closed division's targets are those of its own models.
    assert (found.full_count, found.targets, found.round) == (full, [], None)


@pytest.mark.parametrize("scenario", ["Server", "MultiStream"])
def test_server_and_multi_stream_follow_inference_and_say_so(scenario: str) -> None:
    found = load("mobilebert", rules="mobile-v5.0", scenario=scenario)
    assert (found.name, found.seeds) == ("inference-v6.1", SEEDS["inference-v6.1"])
    assert found.notes == (f"mobile-v5.0 has no {scenario}: figures and seeds are those of inference-v6.1",)
    assert load("kws", scenario=scenario).name == "inference-v6.1"


def test_a_benchmark_of_no_suite_has_inferences_figures_and_is_said_to_have_no_rules(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("title: Mine\ntask: classification\n", encoding="utf-8")
    benchmark = load_benchmark(config)
    found = in_force(benchmark, chosen_rules(benchmark))
    assert (found.name, found.seeds, found.min_duration_ms) == ("none", SEEDS["inference-v6.1"], 600_000)
    assert found.notes == ("Mine is in no suite of MLPerf: figures and seeds are those of inference-v6.1",)


@pytest.mark.parametrize(
    ("benchmark", "fields", "says"),
    [
        ("kws", {"round": "v1.0"}, r"is in no MLPerf mobile round: leave out --round v1\.0"),
        ("kws", {"rules": "mobile-v6.0"}, r"is in no MLPerf mobile round: leave out --rules mobile-v6\.0"),
        ("mobilebert", {"rules": "tiny-v1.4"}, r"is in no MLPerf tiny round: leave out --rules tiny-v1\.4"),
        ("mobilebert", {"round": "v5.1"}, r"v5\.1 is no round of the mobile suite: use --rules inference-v5\.1"),
        ("mobilebert", {"round": "v9.9"}, r"unknown round 'v9\.9'"),
        ("mobilebert", {"rules": "mobile-v5.1"}, "unknown rule set 'mobile-v5.1'; did you mean 'mobile-v"),
        ("mobilebert", {"rules": "../kws"}, "unknown rule set '../kws'"),
        ("mobilenet_v4", {"round": "v3.1"}, r"round v3\.1 has no MobileNetV4.*; it is in v4\.0, v4\.1, v5\.0, v6\.0"),
        ("mobilebert", {"round": "v5.0", "rules": "mobile-v4.1"}, r"--round v5\.0 is short for --rules mobile-v5\.0"),
    ],
)
def test_rules_that_do_not_fit_are_refused(benchmark: str, fields: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(benchmark, **fields)


def test_assumed_seeds_are_said_and_in_a_submission_refused(tmp_path: Path) -> None:
    assert "assumed" in load("mobilebert", round="v0.7").notes[0]
    overrides = [("load.round", "v0.7"), ("load.mode", "submission")]
    with pytest.raises(ConfigError, match=r"the seeds of mobile-v0\.7 are not known"):
        plan_series(
            config_folder() / "mobilebert.yaml", overrides, models=[], backends=[], repeat=1, cache_dir=tmp_path
        )


def test_a_bound_that_was_taken_from_another_round_is_said_where_it_counts() -> None:
    server = {"rules": "inference-v6.1", "scenario": "Server"}
    (said,) = load("mobilenet_edgetpu", **server).notes
    assert said.startswith("the bound of Server in inference-v6.1, 15.000 ms, is assumed: SC constants.py of v6.0")
    assert load("mobilenet_edgetpu", **{**server, "rules": "inference-v6.0"}).notes == ()
    assert load("mobilenet_edgetpu", rules="inference-v6.1").notes == ()


# --- what becomes of them ----------------------------------------------------------------------------------------


def resolved(model: Path, data: Path, **overrides: Any) -> Any:
    given = [("model.use", str(model)), ("dataset.use", str(data))]
    given += [(f"load.{name}", value) for name, value in overrides.items()]
    return resolve(read_config(config_folder() / "kws.yaml"), given, Path("/nowhere"))


def test_what_is_asked_for_wins_over_the_preset(keyword_model: Path, keyword_data: Path) -> None:
    plain = resolved(keyword_model, keyword_data)
    assert plain.load.preset == "rules"
    assert (plain.load.scenario, plain.load.min_query_count, plain.load.min_duration_ms) == (
        "SingleStream",
        1024,
        60_000,
    )
    assert (plain.load.performance_sample_count, plain.full_count) == (1000, 1000)
    assert {(target.metric, target.value) for target in plain.targets if target.floor} == {("top1", 0.9)}
    more = {"min_query_count": 7, "min_duration_ms": 0, "preset": "quick", "rules": "inference-v5.1"}
    asked = resolved(keyword_model, keyword_data, **more).load
    assert (asked.min_query_count, asked.min_duration_ms, asked.rules, asked.round) == (7, 0, "inference-v5.1", None)
    assert asked.seeds == SEEDS["inference-v5.1"]


def test_a_server_percentile_of_the_config_decides_how_many_queries(keyword_model: Path, keyword_data: Path) -> None:
    fields = {"preset": "quick", "server_target_percentile": 0.999}
    found = resolved(keyword_model, keyword_data, scenario="Server", **fields).load
    assert (found.target_percentile, found.min_query_count) == (0.999, 4603)
    streams = resolved(keyword_model, keyword_data, scenario="MultiStream", **fields).load
    assert (streams.target_percentile, streams.samples_per_query) == (0.99, 8)


@pytest.mark.parametrize("name", rule_set_names())
def test_sources_that_a_result_shows_are_written_out(name: str) -> None:
    """The files' comments explain short names (SC, INF, ...), which nobody sees who reads a result."""
    rules = rule_set(name)
    shown = [target.source for benchmark in rules.benchmarks.values() for target in benchmark.targets]
    if rules.seeds.assumed or rules.seeds.qsl_rng_seed is None:
        shown.append(rules.seeds.source)
    for source in shown:
        assert not {"SC", "INF", "TI", "MO", "MA", "IP"} & set(re.findall(r"\w+", source)), source
