"""Options that verbs share, as fields of the config."""

from __future__ import annotations

import argparse

import pytest

from harness.commands.options import FIELDS, advice_seconds, overrides_of, repeats
from harness.config.files import find_benchmark, load_benchmark
from harness.errors import ConfigError


def given(**options: object) -> argparse.Namespace:
    """What the parser makes of a command line."""
    nothing = dict.fromkeys((name.replace("-", "_") for name in FIELDS), None)
    more: dict[str, object] = {"set": [], "input_shape": []}
    return argparse.Namespace(**{**nothing, **more, **options})


def test_a_command_line_without_options_sets_nothing() -> None:
    assert overrides_of(given()) == []


def test_every_option_writes_a_field_that_the_config_has() -> None:
    values = {"scenario": "Offline", "mode": "accuracy", "preset": "quick", "round": "v5.0", "max-sample-memory": "1GB"}
    values |= {"state": "keep", "cooldown": "5m", "dispatch": "ray://10.0.0.1:6379"}
    for name, option in FIELDS.items():
        text = True if option.value is None else values.get(name, "1" if option.number else "mobile")
        [(written, value)] = overrides_of(given(**{name.replace("-", "_"): text}))
        assert written == option.field
        assert load_benchmark(find_benchmark("kws"), [(written, value)]) is not None


def test_a_field_that_set_gives_two_values_is_refused_since_either_may_be_meant() -> None:
    with pytest.raises(ConfigError, match=r"--set load\.min_duration_ms is given twice, as 5 and 6"):
        overrides_of(given(set=["load.min_duration_ms=5", "load.min_duration_ms=6"]))
    assert overrides_of(given(set=["backend.threads=2"] * 2))[-1] == ("backend.threads", 2)


def test_an_option_takes_a_value_none_or_either() -> None:
    parser = argparse.ArgumentParser()
    for name, option in FIELDS.items():
        option.add_to(parser, name)
    nothing = parser.parse_args([])
    assert {getattr(nothing, name.replace("-", "_")) for name in FIELDS} == {None}
    found = parser.parse_args(["--threads", "2", "--allow-mismatch", "--require-full"])
    assert (found.threads, found.allow_mismatch, found.require_full) == ("2", True, "1.0")
    assert parser.parse_args(["--require-full", "0.5"]).require_full == "0.5"


def test_counts_are_numbers_and_names_stay_texts() -> None:
    assert overrides_of(given(threads="2", count="10")) == [("backend.threads", 2), ("dataset.count", 10)]
    assert overrides_of(given(threads="auto", dataset="7")) == [("dataset.use", "7"), ("backend.threads", "auto")]


def test_an_option_wins_over_set_since_it_comes_last() -> None:
    found = overrides_of(given(set=["backend.threads=1"], threads="2"))
    assert found == [("backend.threads", 1), ("backend.threads", 2)]
    assert load_benchmark(find_benchmark("kws"), found).backend.threads == 2


def test_what_a_backend_may_leave_to_the_cpu_and_how_far_it_may_differ_are_fields_too() -> None:
    assert overrides_of(given(require_full="0.9", allow_mismatch=True)) == [
        ("backend.require_full", 0.9),
        ("backend.allow_mismatch", True),
    ]


def test_shapes_are_lists_by_the_name_of_their_input() -> None:
    texts = ["serving_default_x:0=1,224, 224,3", "a=b=1,7", "4,4"]
    shapes = {"serving_default_x:0": [1, 224, 224, 3], "a=b": [1, 7], "": [4, 4]}
    assert overrides_of(given(input_shape=texts)) == [("model.input_shapes", shapes)]
    assert load_benchmark(find_benchmark("kws"), [("model.input_shapes", shapes)]).model.input_shapes["a=b"] == (1, 7)


@pytest.mark.parametrize("text", ["x=", "x=1,,2", "x=0,2", "x=1,-1", "x=1x2", "x=\N{ARABIC-INDIC DIGIT THREE}", ""])
def test_what_is_no_shape_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"write it as NAME=SIZES, for example picture=1,224,224,3|a size is 1 or more, not"
    ):
        overrides_of(given(input_shape=[text]))


def test_one_input_is_named_once() -> None:
    with pytest.raises(ConfigError, match="names x twice"):
        overrides_of(given(input_shape=["x=1,2", "x=1,3"]))


def test_a_number_of_repeats_is_a_whole_one() -> None:
    assert repeats("3") == 3
    for text in ("0", "-1", "1.5", "", "three", "\N{ARABIC-INDIC DIGIT THREE}"):
        with pytest.raises(ConfigError, match=f"--repeat must be a whole number of at least 1, not '{text}'"):
            repeats(text)


def test_the_span_of_advice_is_written_as_every_span_of_time() -> None:
    taken = [advice_seconds(argparse.Namespace(advice=text)) for text in (None, "20", "90s", "1m")]
    assert taken == [None, 20, 90, 60]
    for text in ("0", "-1", "soon"):
        with pytest.raises(ConfigError, match="--advice takes a span of time above 0"):
            advice_seconds(argparse.Namespace(advice=text))
