"""Results as records: whole through the file and back, those of version 1 in today's form, damaged ones refused by name."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.json_records import NotThisRecord, to_json
from harness.report.run import render_run
from harness.report.series import render_series
from harness.results.files import read_result, result_of, write_result
from harness.results.page import page, paths
from harness.results.record import Result, SeriesResult, status_of
from harness.results.upgrade import upgrade

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "version_1").glob("*.json"))
Written = Callable[[str], Path]


def text_of(result: Result | SeriesResult) -> str:
    return render_series(result) if isinstance(result, SeriesResult) else render_run(result)


@pytest.mark.parametrize("name", NAMES)
def test_a_result_of_version_1_shows_and_is_the_same_after_it_is_written_anew(
    name: str, version_1: Written, tmp_path: Path
) -> None:
    result = read_result(version_1(name))
    assert result.schema_version == 2
    write_result(tmp_path, result)
    assert read_result(tmp_path) == result
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == to_json(result)
    assert text_of(result)


@pytest.mark.parametrize("name", NAMES)
def test_an_upgrade_changes_nothing_that_version_1_said(name: str, plain: Callable[[str], dict[str, Any]]) -> None:
    def check(before: Any, after: Any, where: str) -> None:
        if isinstance(before, dict):
            for key, value in before.items():
                check(value, after[key], f"{where}.{key}")
        elif isinstance(before, list):
            for old, new in zip(before, after, strict=True):
                check(old, new, f"{where}[]")
        elif not where.endswith("schema_version"):
            assert before == after, where

    old = plain(name)
    check(old, to_json(result_of(upgrade(old), drop_unknown=True)), "")


def test_what_the_oldest_results_do_not_say_is_not_known(version_1: Written) -> None:
    result = read_result(version_1("oldest_server"))
    assert isinstance(result, Result)
    assert result.machine is None
    assert result.backend.answering is not None
    assert result.backend.answering.native is None
    assert result.performance is not None
    assert result.performance.server is None
    series = read_result(version_1("oldest_repeat"))
    assert isinstance(series, SeriesResult)
    assert {(run.backend_asked, run.model_asked) for run in series.runs} == {("cpu", "keywords")}
    assert (series.sweep, status_of(series)) == (None, 0)
    assert "median p90" in text_of(series)


def test_the_bound_of_the_first_calibrations_is_known_by_its_later_name(plain: Callable[[str], dict[str, Any]]) -> None:
    old = plain("oldest_server")
    del old["calibration"]["server_bound_from"]
    old["calibration"]["bound_by_config"] = True
    assert upgrade(old)["calibration"]["server_bound_from"] == "config"
    assert result_of(upgrade(old), drop_unknown=True).schema_version == 2


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        ("performance.query_count", "many", "performance.query_count is 'many', not a whole number"),
        ("performance.query_count", True, "performance.query_count is True, not a whole number"),
        ("performance.latency_ns.p99.9", None, "performance.latency_ns.p99.9 is None, not a number"),
        ("status", "splendid", "status is 'splendid', not one of 'started', 'valid'"),
        ("machine.before.cpu_mhz", 3, "machine.before.cpu_mhz is 3, not a list"),
        ("backend.threads", None, "backend.threads is None, not a whole number"),
        ("backend.nodes", ..., "backend.nodes is missing"),
        ("loadgen", {}, "loadgen is missing"),
        ("performance", None, "performance is missing"),
        ("accuracy", 3, "accuracy is 3, not an object"),
    ],
)
def test_a_damaged_field_is_named_with_its_value(
    where: str, value: Any, says: str, run_result: Result, tmp_path: Path
) -> None:
    damaged = to_json(run_result)
    names = where.replace("p99.9", "p99_9").split(".")
    inner = damaged
    for name in names[:-1]:
        inner = inner[name]
    last = names[-1].replace("p99_9", "p99.9")
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    (tmp_path / "result.json").write_text(json.dumps(damaged), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"is not whole, or was changed by hand") as caught:
        read_result(tmp_path)
    assert says in str(caught.value)


def test_a_field_of_a_newer_harness_is_named_and_refused(run_result: Result, tmp_path: Path) -> None:
    newer = to_json(run_result)
    newer["performance"]["joy"] = 3
    (tmp_path / "result.json").write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"has a field that this harness does not know: performance.joy = 3"):
        read_result(tmp_path)


PLAIN = json.loads((HERE / "version_1" / "last_submission.json").read_text(encoding="utf-8"))


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*here, name))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("version", [1, 2])
@settings(deadline=None, derandomize=True)
@given(place=st.sampled_from(list(places(PLAIN))[1:]), value=JSON)
def test_whatever_stands_in_a_field_is_read_back_as_written_or_refused(
    version: int, place: tuple[Any, ...], value: Any
) -> None:
    damaged = copy.deepcopy(PLAIN if version == 1 else to_json(result_of(upgrade(PLAIN))))
    inner = damaged
    try:
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
    except (KeyError, IndexError, TypeError):
        return
    try:
        result = result_of(upgrade(damaged) if version == 1 else damaged, drop_unknown=version == 1)
    except NotThisRecord:
        return
    assert result_of(to_json(result)) == result


def test_the_page_of_the_results_fields_is_made_of_the_records() -> None:
    written = (HERE.parents[2] / "docs" / "result.md").read_text(encoding="utf-8")
    assert written == page(), "python -m harness.results.page > docs/result.md"


def test_the_page_has_a_line_for_every_field_that_a_result_has(run_result: Result) -> None:
    known = {path for path, _ in paths(Result)}

    def check(value: Any, where: str) -> None:
        for name, inner in value.items() if isinstance(value, dict) else ():
            path = f"{where}{name}"
            assert {path, f"{where}*", f"{where}NAME"} & known or where.removesuffix(".") in known, path
            check(inner, f"{path}.")

    check(to_json(run_result), "")
