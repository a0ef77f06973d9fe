"""Figures for other programs: each form is read by another reader, and hostile text stays text in it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.report.figure_rows import FigureRow, Told, told_of
from harness.report.for_programs.formats import FORMATS
from harness.report.for_programs.junit import JUnitCase
from harness.results.files import read_result
from harness.results.record import Reason, Result, SeriesResult, Submission
from harness.results.scores import Verdict
from harness.results.verdict.gate import missed

HOSTILE = '=cmd|"<script>alert(1)</script>`$(x)`\\\n\x1b[31m\x00,;]]>&@all'
VERSION_1 = Path(__file__).parents[2] / "results" / "version_1"


@pytest.fixture
def told(tmp_path: Path) -> Told:
    (tmp_path / "result.json").write_bytes((VERSION_1 / "middle_single_stream.json").read_bytes())
    result = read_result(tmp_path)
    assert isinstance(result, Result)
    return told_of(replace(result, labels={"build": "7"}))


@pytest.fixture
def hostile() -> Told:
    rows = (FigureRow(HOSTILE, HOSTILE, "ns", 5e6, smaller_is_better=True, low=4e6, high=6e6, note=HOSTILE),)
    return Told(HOSTILE, HOSTILE, rows, (JUnitCase(HOSTILE, HOSTILE, "failure", HOSTILE),), {HOSTILE: HOSTILE})


def test_junit_has_a_case_for_the_run(told: Told) -> None:
    suite = ElementTree.fromstring(FORMATS["junit"](told))
    (case,) = suite.iter("testcase")
    assert (case.get("name"), list(case)) == ("the run", [])


def test_a_valid_run_that_misses_what_is_required_says_so_and_only_the_requirement_has_failed(
    told: Told, tmp_path: Path
) -> None:
    result = read_result(tmp_path)
    assert isinstance(result, Result)
    verdicts = (Verdict("p99<=1us", "p99", 4e6, "<=", 1000.0, -3999e3, "ns", False, "required", ""),)
    told = told_of(replace(result, requirements=verdicts, reasons=tuple(missed(verdicts))))
    assert told.verdict == "VALID, but MISSED: p99"
    assert [(case.name, case.outcome) for case in told.cases] == [("the run", "passed"), ("p99<=1us", "failure")]
    assert told.cases[0].message == ""
    assert "- passed: " + told.cases[0].group.replace("_", r"\_") + ", the run\n" in FORMATS["markdown"](told)


def older(name: str, folder: Path) -> SeriesResult:
    (folder / "result.json").write_bytes((VERSION_1 / f"{name}.json").read_bytes())
    result = read_result(folder)
    assert isinstance(result, SeriesResult)
    return result


def run_asks(run: Result) -> float | None:
    return run.loadgen.server_target_qps if run.loadgen else None


def test_runs_that_are_no_submission_are_headed_so_and_fail_as_the_exit_status_does(tmp_path: Path) -> None:
    valid = older("last_submission", tmp_path)
    reasons = (Reason("the preset quick is shorter than the rules", "", "leave it out"),)
    for why, verdict, outcome in (
        (reasons, "VALID; not a submission: the preset quick is shorter than the rules", "failure"),
        ((), "VALID; a submission by tiny-v1.4, as far as this program can tell", "passed"),
    ):
        told = told_of(replace(valid, submission=Submission("tiny-v1.4", "comparison", why, rested=True)))
        assert told.verdict == verdict
        assert (told.cases[-1].name, told.cases[-1].outcome) == ("a submission by tiny-v1.4", outcome)
        assert all(case.outcome == "passed" for case in told.cases[:-1])
    assert [case.name for case in told_of(valid).cases] == ["the run", "the run"]


def test_a_search_that_found_its_peak_has_passed_though_loads_broke_the_bound(tmp_path: Path) -> None:
    search = older("middle_peak", tmp_path)
    assert search.search is not None
    assert search.search.peak is not None
    highest = search.search.peak.target_qps
    runs = [
        replace(run, result=replace(run.result, status="invalid" if run_asks(run.result) != highest else "valid"))
        for run in search.runs
    ]
    # One more that broke the bound.
    runs.append(replace(runs[0], result=replace(runs[0].result, status="invalid")))
    told = told_of(replace(search, runs=tuple(runs)))
    assert (told.verdict, [case.outcome for case in told.cases]) == ("VALID", ["passed"])
    assert next(row.value for row in told.rows if row.figure == "peak") == highest
    assert len({row.benchmark for row in told.rows}) == 1
    nothing = replace(search, status="invalid", reasons=(Reason("no load is within the bound", "", ""),))
    assert [(case.outcome, case.message) for case in told_of(nothing).cases] == [
        ("failure", "no load is within the bound")
    ]


def test_a_series_that_broke_off_is_an_error_though_each_of_its_runs_is_valid(tmp_path: Path) -> None:
    broken = replace(older("oldest_repeat", tmp_path), status="failed", reasons=(Reason("stopped by SIGTERM", "", ""),))
    told = told_of(broken)
    assert [case.outcome for case in told.cases] == ["passed", "passed", "error"]
    assert told.cases[-1].message == "stopped by SIGTERM"


def test_a_sweep_of_models_says_which_figure_is_whose(tmp_path: Path) -> None:
    repeat = older("oldest_repeat", tmp_path)
    first, second = repeat.runs
    model = replace(second.result.model, name="another")
    sweep = replace(repeat, runs=(first, replace(second, result=replace(second.result, model=model))))
    assert {row.note for row in told_of(sweep).rows} == {first.result.model.name, "another"}
    assert {row.note for row in told_of(repeat).rows} == {""}


def test_prometheus_has_every_figure_in_base_units_with_the_labels(told: Told) -> None:
    text = FORMATS["prometheus"](told)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r'[a-z_]+\{([a-z_]+="[^"]*",?)+\} [0-9.e+-]+', line), line
    (p90,) = [line for line in lines if 'figure="p90"' in line]
    (row,) = [row for row in told.rows if row.figure == "p90"]
    assert p90.startswith('tflite_loadgen_latency_seconds{label_build="7",')
    assert float(p90.rpartition(" ")[2]) == pytest.approx(row.value / 1e9)
    assert re.fullmatch(r"tflite_loadgen_passed\{.*\} 1", lines[-1])


def test_labels_that_are_one_name_to_prometheus_are_both_kept(told: Told) -> None:
    text = FORMATS["prometheus"](replace(told, labels={"a-b": "1", "a.b": "2", "c": "3", "a b": "4"}))
    for label in ('label_a_b="1"', 'label_a_b_2="2"', 'label_c="3"', 'label_a_b_3="4"'):
        assert label in text


def test_csv_and_both_jsons_have_the_figures_as_they_were_measured(told: Told) -> None:
    rows = list(csv.DictReader(FORMATS["csv"](told).splitlines()))
    assert [float(row["value"]) for row in rows] == [row.value for row in told.rows]
    smaller, bigger = (json.loads(FORMATS[name](told)) for name in ("github", "github-bigger"))
    assert len(smaller) + len(bigger) == len(told.rows)
    assert {row["name"].split()[-1] for row in bigger} == {"throughput"}
    assert all(set(row) <= {"name", "unit", "value", "range", "extra"} for row in smaller)
    (measures,) = json.loads(FORMATS["bencher"](told)).values()
    assert {name: each["value"] for name, each in measures.items()} == {row.figure: row.value for row in told.rows}


def test_hostile_text_stays_text_in_each_form(hostile: Told) -> None:
    texts = {name: write(hostile) for name, write in FORMATS.items()}
    ElementTree.fromstring(texts["junit"])
    assert "<script>" not in texts["junit"] + texts["markdown"]
    assert "`" not in texts["markdown"].replace("\\`", "")
    (line,) = [line for line in texts["markdown"].splitlines() if line.startswith("| =cmd")]
    assert len(re.findall(r"(?<!\\)\|", line)) == 5
    for name in ("markdown", "prometheus", "csv"):
        assert "\x1b" not in texts[name]
        assert "\x00" not in texts[name]
    assert sum(not line.startswith("#") for line in texts["prometheus"].splitlines()) == 2
    (row,) = csv.DictReader(texts["csv"].splitlines(keepends=True))
    assert row["benchmark"].startswith("'=cmd")
    for name in ("github", "bencher"):
        json.loads(texts[name])


def test_a_run_that_failed_is_an_error_and_an_invalid_one_a_failure(tmp_path: Path, call: Callable[..., Any]) -> None:
    (tmp_path / "result.json").write_bytes((VERSION_1 / "middle_single_stream.json").read_bytes())
    result = read_result(tmp_path)
    assert isinstance(result, Result)
    outcomes = [told_of(replace(result, status=status)).cases[0].outcome for status in ("failed", "invalid")]
    assert outcomes == ["error", "failure"]
    done = call("show", tmp_path, f"--format=junit={tmp_path}/run.xml", "--format=csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("benchmark,figure,value")
    ElementTree.parse(tmp_path / "run.xml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "junitt"], "did you mean 'junit'"),
        (["--format=csv", "--format=junit"], "only one thing goes to standard output"),
        (["--format", "csv="], "names no file"),
        (["--format", "csv=-"], "for standard output write csv alone, for a file of that name csv=./-"),
        (["--format", "csv=nowhere/x.csv"], "cannot be written"),
    ],
)
def test_a_format_that_cannot_be_written_is_refused_before_anything(
    words: list[str], said: str, call: Callable[..., Any], tmp_path: Path
) -> None:
    done = call("show", tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr
