"""Results of known figures held against each other: what is told apart, what is refused, what the exit status is."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.commands.finished_runs.compare import allowed_of
from harness.comparison.asked import ComparisonRequest
from harness.comparison.compare import compare
from harness.comparison.limits import parse_limits
from harness.comparison.record import ComparedFigure, ComparisonResult
from harness.comparison.report import render
from harness.errors import ConfigError
from harness.json_records import to_json
from harness.results.files import read_result, write_result
from harness.results.read_data import SAMPLES_FILE, ReadData, ReadItem
from harness.results.record import Reason, Result
from harness.run.score import rescore
from harness.whole_file import write_json

Cli = Callable[..., subprocess.CompletedProcess[str]]
Series = Callable[..., Path]
QUIET = [10.0, 10.1, 9.95, 10.02, 10.05]


def asked(limits: str = "", allowed: str = "") -> ComparisonRequest:
    return ComparisonRequest(parse_limits([limits] if limits else []), allowed_of([allowed] if allowed else []))


def figure(found: ComparisonResult, name: str) -> ComparedFigure:
    (one,) = [each for each in found.pairs[0].figures if each.name == name]
    return one


def slower(factor: float) -> list[float]:
    return [factor * each for each in reversed(QUIET)]


def test_a_result_held_against_itself_is_said_to_be_so(series: Series) -> None:
    base, new = series("base", QUIET), series("new", QUIET)
    assert "the same directory" in render(compare(base, [base / ".." / "base"], asked()))
    assert "the same directory" not in render(compare(base, [new], asked()))


def test_a_regression_beyond_its_limit_is_one_and_within_it_is_none(series: Series) -> None:
    base, bad, small = series("base", QUIET), series("bad", slower(1.1)), series("small", slower(1.02))
    found = compare(base, [bad, small], asked("p90=3%"))
    assert found.exit_status == 1
    assert [pair.regressed for pair in found.pairs] == [("p90",), ()]
    p90 = figure(found, "p90")
    assert (p90.standing, p90.unit) == ("worse", "ns")
    assert p90.low is not None
    assert p90.high is not None
    assert 0.03 < p90.low < 0.1 < p90.high
    assert p90.effect is not None
    assert p90.effect > 5
    assert "REGRESSED: p90" in render(found)
    assert max(map(len, render(found).splitlines()[3:10])) <= 80


def test_more_throughput_is_better_and_less_of_it_a_regression(series: Series) -> None:
    base, bad = series("base", QUIET), series("bad", slower(1.1))
    assert figure(compare(base, [bad], asked("throughput=3%")), "throughput").regressed is True
    better = compare(bad, [base], asked("throughput=3%"))
    assert (figure(better, "throughput").standing, better.exit_status) == ("better", 0)


def test_one_run_of_each_is_never_told_apart_and_its_interval_says_it_is_of_blocks(series: Series) -> None:
    found = compare(series("base", [10.0]), [series("new", [13.0])], asked("p90=3%"))
    p90 = figure(found, "p90")
    assert (p90.standing, p90.regressed, found.exit_status) == ("not told apart", False, 0)
    assert "blocks of one run" in p90.method
    assert p90.low is not None
    assert p90.low < 0.3 < (p90.high or 0)
    assert any("--repeat 5" in note for note in found.pairs[0].notes)
    assert "not told apart" in render(found).splitlines()[-1]


def test_runs_that_differ_among_themselves_by_more_than_the_sides_are_not_told_apart(series: Series) -> None:
    found = compare(series("base", [10, 19, 11]), [series("new", [12, 21, 10])], asked("p90=3%"))
    assert (figure(found, "p90").standing, found.exit_status) == ("not told apart", 0)


def test_a_change_that_is_not_that_of_the_figures_beside_it_says_of_what_it_is(series: Series) -> None:
    found = compare(series("base", [10, 10, 80]), [series("new", [10, 10, 10])], asked())
    assert (figure(found, "p90").base, figure(found, "p90").new) == (10e6, 10e6)
    assert figure(found, "p90").change == pytest.approx(-0.5)
    assert "base and new are medians, the change is of geometric means" in render(found)


def test_runs_that_were_unstable_are_named_so_that_base_and_new_are_told_from_each_other(series: Series) -> None:
    unstable = (Reason("other work used the CPUs", "68%", "stop it"),)
    base, new = series("base", QUIET, unstable=unstable), series("new", QUIET, unstable=unstable)
    (note,) = (each for each in compare(base, [new], asked()).pairs[0].notes if each.startswith("unstable"))
    assert f"{base / '1-performance-cpu'}, " in note
    assert f"{new / '1-performance-cpu'}, " in note


@pytest.mark.parametrize(("truth", "wrong"), [(1.0, "worse"), (1.05, "better")])
def test_stored_runs_of_a_noisy_machine_are_not_told_apart_rather_than_judged_wrongly(
    series: Series, truth: float, wrong: str
) -> None:
    """What compare --live tells apart on such a machine (benchmarks/planted.py): builds that are the same, and 5 % more."""
    random, standings, regressed, pairs = np.random.default_rng(8), [], 0, 25
    for number in range(pairs):
        base, new = (10 * random.lognormal(0, 0.12, 5) for _ in range(2))
        found = compare(series(f"base{number}", base), [series(f"new{number}", truth * new)], asked("p90=2%"))
        standings.append(figure(found, "p90").standing)
        regressed += found.exit_status
    assert standings.count("not told apart") >= 0.8 * pairs
    # Each happens in one comparison of a hundred: two of 25 in one test of thirty, and these are always the same 25.
    assert sum(standing in (wrong, "the same") for standing in standings) <= 1
    assert regressed <= 1


def test_damaged_query_times_are_said_and_the_rest_is_compared(series: Series) -> None:
    base, new = series("base", [10.0]), series("new", [10.0])
    (new / "query_times.bin").write_bytes(b"\x00")
    found = compare(base, [new], asked())
    assert figure(found, "p90").low is None
    assert any("query_times.bin" in note for note in found.pairs[0].notes)


@pytest.mark.parametrize("subject", ["model", "data", "rules", "harness"])
def test_what_differs_is_refused_by_name_unless_it_is_allowed_which_the_verdict_repeats(
    subject: str, series: Series, single_stream: Result
) -> None:
    changes: dict[str, Any] = {
        "model": {"model": replace(single_stream.model, sha256="0" * 64)},
        "data": {"dataset": replace(single_stream.dataset, count=7)},
        "rules": {"preset": "quick", "rules": "mobile-v5.0"},
        "harness": {"system": replace(single_stream.system, versions={"ai-edge-litert": "9"})},
    }
    base, new = series("base", QUIET), series("new", QUIET, **changes[subject])
    with pytest.raises(ConfigError, match=rf"\({subject}: .*--allow-difference {subject}$"):
        compare(base, [new], asked("p90=3%"))
    found = compare(base, [new], asked("p90=3%", subject))
    assert f"(allowed to differ: {subject})" in render(found).splitlines()[-1]


def test_files_of_one_name_in_two_folders_of_a_set_are_not_taken_for_one_that_changed(
    series: Series, single_stream: Result
) -> None:
    sides = []
    for name, read in (("base", ["yes/0.wav", "no/0.wav"]), ("new", ["yes/0.wav"])):
        data = replace(single_stream.dataset, samples_file_sha256=name, count=len(read))
        sides.append(series(name, [10.0], dataset=data))
        items = tuple(ReadItem(each, 1, each * 8) for each in read)
        write_json(sides[-1] / SAMPLES_FILE, to_json(ReadData(1, items, ())))
    (difference,) = compare(sides[0], sides[1:], asked("", "data")).pairs[0].differences
    assert (difference.subject, difference.what) == ("data", "samples")
    changed = ReadData(1, (ReadItem("yes/0.wav", 1, "other"),), ())
    write_json(sides[1] / SAMPLES_FILE, to_json(changed))
    with pytest.raises(ConfigError, match=r"1 of its files, yes/0\.wav for one"):
        compare(sides[0], sides[1:], asked())


def test_another_task_has_nothing_to_compare_whatever_is_allowed(series: Series) -> None:
    with pytest.raises(ConfigError, match="nothing of them can be compared"):
        compare(series("base", QUIET), [series("new", QUIET, task="mobilebert")], asked("", "model,data,rules,harness"))


def test_another_machine_is_said_and_compared_all_the_same(series: Series, single_stream: Result) -> None:
    new = series("new", QUIET, system=replace(single_stream.system, cpu="another\x1b[31m"))
    found = compare(series("base", QUIET), [new], asked())
    assert [each.subject for each in found.pairs[0].differences] == ["machine"]


@pytest.mark.parametrize("damage", ["missing", "cut", "failed", "run missing"])
def test_a_directory_that_is_damaged_is_refused_with_its_name(damage: str, series: Series) -> None:
    base, new = series("base", QUIET), series("new", QUIET)
    file = new / "result.json"
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:500])
    elif damage == "failed":
        new = series("failed", [10.0], status="failed")
    else:
        shutil.rmtree(new / "2-performance-cpu")
    with pytest.raises(ConfigError, match=new.name):
        compare(base, [new], asked())


@pytest.mark.parametrize("text", ["p90", "p90=3", "p90=3pt", "top1=3%", "=3%", "p90=-3%", "p90=3%,p90=4%", ""])
def test_a_limit_that_is_none_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ConfigError, match="--max-regression"):
        parse_limits([text])


def test_a_limit_on_what_the_runs_do_not_have_is_refused_with_what_they_have(series: Series) -> None:
    with pytest.raises(ConfigError, match=r"unknown figure of these runs 'top1'.*p90"):
        compare(series("base", QUIET), [series("new", QUIET)], asked("top1=1pt"))


@pytest.mark.parametrize(("ms", "said"), [(8.0, "below the published figure: p90"), (12.0, "not below")])
def test_a_published_result_of_the_mobile_app_is_a_base_and_never_a_regression(
    ms: float, said: str, series: Series, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    row = {"benchmark_id": "image_classification_v2", "loadgen_scenario": "SingleStream"}
    timed = {"throughput": {"value": 1000 / ms}, "loadgen": {"latency90": ms / 1000}}
    file.write_text(json.dumps({"results": [{"benchmark_id": "x"}, row | {"performance_run": timed}]}))
    found = compare(file, [series("new", QUIET, task="mobilenet_v4")], asked("p90=3%"))
    assert (found.exit_status, figure(found, "p90").regressed) == (0, None)
    assert render(found).splitlines()[-1].startswith(said)
    with pytest.raises(ConfigError, match="there is: image_classification_v2, x"):
        compare(file, [series("kws", QUIET)], asked())


@pytest.fixture(scope="module")
def scored(run_command: Any, keyword_model: Path, keyword_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real accuracy run."""
    out: Path = tmp_path_factory.mktemp("scored") / "base"
    words = ("--task", "kws", "--mode", "accuracy", "--model", keyword_model, "--dataset", keyword_data)
    done = run_command(*words, "--out", out, cwd=out.parent)
    assert done.returncode == 0, done.stderr
    return out


def spoilt(run: Path, new: Path, count: int) -> Path:
    """The same run with so many of its right answers made wrong."""
    shutil.copytree(run, new)
    log = new / "mlperf_log_accuracy.json"
    rows = json.loads(log.read_text())
    for row in [row for row in rows if len(row["data"]) == 8][:count]:
        row["data"] = _other(row["data"])
    log.write_text(json.dumps(rows))
    result = read_result(new)
    assert isinstance(result, Result)
    write_result(new, replace(result, accuracy=rescore(new).accuracy))
    return new


def _other(data: str) -> str:
    return "00000040" if data != "00000040" else "0000803F"


def test_accuracy_is_paired_by_sample_and_the_samples_that_changed_are_named(scored: Path, tmp_path: Path) -> None:
    new = spoilt(scored, tmp_path / "new", 12)
    found = compare(scored, [new], asked("top1=0.5pt"))
    top1, samples = figure(found, "top1"), found.pairs[0].samples
    assert samples is not None
    lost, won = len(samples.worse), len(samples.better)
    assert top1.change == pytest.approx((won - lost) / 40)
    assert (top1.standing, top1.regressed, found.exit_status) == ("worse", True, 1)
    assert f"{won} won, {lost} lost (McNemar, exact; interval by Newcombe)" in top1.method
    assert top1.effect is not None
    assert top1.effect < 0.01
    assert all(name.endswith(".bin") for name in samples.worse), samples.worse
    few = compare(scored, [spoilt(scored, tmp_path / "few", 1)], asked("top1=0.5pt"))
    assert (figure(few, "top1").standing, few.exit_status) == ("not told apart", 0)


def test_a_run_held_against_itself_is_the_same_and_the_command_says_so(scored: Path, call: Cli) -> None:
    done = call("compare", scored, scored, "--max-regression", "size=1%")
    assert done.returncode == 0, done.stderr
    assert "paired by sample: 0 won, 0 lost" in done.stdout
    assert done.stdout.splitlines()[-1] == "within the limits: size"


def test_accuracy_whose_log_is_gone_is_compared_unpaired_and_says_so(scored: Path, tmp_path: Path) -> None:
    new = spoilt(scored, tmp_path / "new", 12)
    (new / "mlperf_log_accuracy.json").unlink()
    found = compare(scored, [new], asked("top1=0.5pt"))
    assert (figure(found, "top1").regressed, found.exit_status) == (False, 0)
    assert any("not paired by sample" in note for note in found.pairs[0].notes)
