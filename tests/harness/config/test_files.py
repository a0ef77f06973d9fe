"""Config files: found, read, inherited and overridden."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.fields import parse_assignment, parse_value
from harness.config.files import benchmark_names, config_folder, find_benchmark, load_benchmark
from harness.config.plain_yaml import load_yaml
from harness.errors import ConfigError, UnknownName


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_benchmark_is_found_by_its_name_by_an_alias_and_by_a_path(tmp_path: Path) -> None:
    assert find_benchmark("kws") == config_folder() / "kws.yaml"
    assert find_benchmark("keyword_spotting") == config_folder() / "kws.yaml"
    own = write(tmp_path, "own.yaml", "inherits: kws\n")
    assert find_benchmark(str(own)) == own


def test_a_name_that_is_no_benchmark_is_held_against_all_that_could_be_meant() -> None:
    with pytest.raises(UnknownName, match=r"unknown task 'kvs'; did you mean 'kws'\?"):
        find_benchmark("kvs")
    with pytest.raises(UnknownName, match=r"did you mean 'a_collection'\?"):
        find_benchmark("a_colection", ["a_collection"])
    with pytest.raises(ConfigError, match=r"no config file at nowhere/kws\.yaml"):
        find_benchmark("nowhere/kws.yaml")


@pytest.mark.parametrize("name", benchmark_names())
def test_every_benchmark_that_ships_is_without_mistakes(name: str) -> None:
    assert load_benchmark(find_benchmark(name)).title


def test_a_config_is_laid_over_the_one_it_inherits_from_field_by_field(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", "inherits: kws\nload: {min_query_count: 7, min_duration_ms: 9}\n")
    own = write(tmp_path, "own.yaml", "inherits: ./base.yaml\nload: {min_query_count: 8}\n")
    load, base = load_benchmark(own).load, load_benchmark(find_benchmark("kws"))
    assert (load.min_query_count, load.min_duration_ms) == (8, 9)
    assert load.performance_sample_count == base.load.performance_sample_count
    assert load_benchmark(own).models == base.models


def test_a_config_that_inherits_from_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "one.yaml", "inherits: ./other.yaml\n")
    other = write(tmp_path, "other.yaml", "inherits: ./one.yaml\n")
    with pytest.raises(ConfigError, match="inherits from this file in turn"):
        load_benchmark(other)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("inherits: [kws]\n", r"inherits: must be a benchmark's name or a path, not \['kws'\]"),
        ("inherits: kvs\n", r"unknown task 'kvs'; did you mean 'kws'\?"),
        ("inherits: kws\ndatasets_from: imagenett\n", "datasets_from: unknown file of data sets 'imagenett'"),
        ("- a list\n", "holds no mapping of fields"),
        ("load: {a: 1, a: 2}\n", "the key 'a' stands twice"),
    ],
)
def test_a_config_that_cannot_be_read_says_what_is_wrong(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        load_benchmark(write(tmp_path, "own.yaml", text))


def test_of_overrides_the_last_wins_and_one_may_make_the_section_it_writes_to() -> None:
    found = load_benchmark(
        find_benchmark("kws"), [("load.scenario", "Server"), ("load.scenario", "Offline"), ("backend.threads", 3)]
    )
    assert found.load.scenario == "Offline"
    assert found.backend.threads == 3


def test_a_value_is_no_section() -> None:
    with pytest.raises(ConfigError, match=r"title\.x cannot be set: title is the value 'Keyword spotting"):
        load_benchmark(find_benchmark("kws"), [("title.x", 1)])


def test_a_mistake_is_blamed_on_the_options_on_the_file_or_on_both(tmp_path: Path) -> None:
    own = write(tmp_path, "own.yaml", "inherits: kws\nlaod: {}\n")
    with pytest.raises(ConfigError, match=rf"a mistake in {own}: laod: unknown field 'laod'; did you mean 'load'"):
        load_benchmark(own)
    with pytest.raises(ConfigError, match=r"a mistake in the options given: load\.scenario"):
        load_benchmark(find_benchmark("kws"), [("load.scenario", "Sever")])
    with pytest.raises(ConfigError, match=rf"2 mistakes in the options given and {own}:"):
        load_benchmark(own, [("load.scenario", "Sever")])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("load.target_qps=10", ("load.target_qps", 10)),
        ("a.b=c=d", ("a.b", "c=d")),
        ("a=null", ("a", None)),
        ("a=", ("a", None)),
        ("a=[1, x]", ("a", [1, "x"])),
    ],
)
def test_an_assignments_value_is_read_as_yaml(text: str, found: object) -> None:
    assert parse_assignment(text) == found


@pytest.mark.parametrize("text", ["load.target_qps", "=10", ""])
def test_what_is_no_assignment_is_shown_how_to_write_one(text: str) -> None:
    with pytest.raises(ConfigError, match=rf"--set {text}: write it as FIELD=VALUE"):
        parse_assignment(text)


def test_a_value_that_is_no_yaml_is_named_with_its_field() -> None:
    with pytest.raises(ConfigError, match=r"--threads: '\[1' is no value: "):
        parse_value("--threads", "[1")


def test_yaml_holds_plain_values_only() -> None:
    assert load_yaml("{a: [1, 2.5, yes, null]}") == {"a": [1, 2.5, True, None]}
    with pytest.raises(Exception, match="is no plain value"):
        load_yaml("!!python/object/apply:os.getcwd []")
