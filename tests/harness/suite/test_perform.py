"""A suite: planned, run, interrupted, gone on with, and never mixed with other settings."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.commands.submission import suite
from harness.errors import ConfigError, HarnessError, Interrupted
from harness.report.screen import Screen
from harness.results.files import RESULT_FILE, read_result
from harness.results.own_directory import alone_in
from harness.results.record import Result, SeriesResult
from harness.run import execute as run_execute
from harness.series import execute
from harness.series.identity import identity_of
from harness.series.journal import JOURNAL_FILE, read_journal
from harness.spec.schema import Spec
from harness.suite.perform import perform_suite
from harness.suite.plan import AskedSuite, SkippedBenchmark, SuitePlan, plan_suite
from harness.suite.report import plan_lines
from tests.damages import dangling, emptied, folder, pipe, zeroed

RUNS = [
    f"kws-{scenario}/{run}"
    for run in ("1-performance-cpu", "2-accuracy-cpu")
    for scenario in ("SingleStream", "Offline")
]
ASKED = AskedSuite(
    tasks=(),
    scenarios=("SingleStream", "Offline"),
    rules=None,
    mode="submission",
    preset="rapid",
    backend="cpu",
    overrides=(("load.min_duration_ms", 0), ("load.min_query_count", 64), ("load.warm_up_s", 0)),
    budget_s=None,
    rest_s=0.0,
    retry=False,
)


@pytest.fixture(scope="module")
def plan(keyword_model: Path, keyword_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SuitePlan]:
    """Keyword spotting in two scenarios, quick."""
    folder = tmp_path_factory.mktemp("suite")
    fields = {"inherits": "kws", "model": {"use": str(keyword_model)}, "dataset": {"use": str(keyword_data)}}
    (folder / "kws.yaml").write_text(json.dumps(fields), encoding="utf-8")

    def planned(**changes: Any) -> SuitePlan:
        return plan_suite(replace(ASKED, tasks=(str(folder / "kws.yaml"),), **changes), folder / "cache")

    return planned


@pytest.fixture(scope="module")
def whole(plan: Callable[..., SuitePlan], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite, run from its beginning to its end."""
    out = tmp_path_factory.mktemp("ran") / "out"
    top, text, status = perform_suite(plan(), out, Screen(quiet=True))
    assert (top.status, status) == ("valid", 1)
    assert "not a submission: the preset rapid is shorter than the rules" in text
    return out


def test_all_performance_runs_come_before_any_accuracy_run_each_in_a_directory_of_its_own(whole: Path) -> None:
    steps = [line.run for line in read_journal(whole) if line.what == "ended"]
    assert steps == RUNS
    assert [folder.name for folder in sorted(whole.iterdir()) if folder.is_dir()] == [
        "kws-Offline",
        "kws-SingleStream",
    ]


def test_every_benchmark_has_the_result_of_a_submission_of_its_own(whole: Path) -> None:
    for group in ("kws-SingleStream", "kws-Offline"):
        top = read_result(whole / group)
        assert isinstance(top, SeriesResult)
        assert top.submission is not None
        assert [run.directory for run in top.runs] == ["1-performance-cpu", "2-accuracy-cpu"]
        assert top.submission.rules == "tiny-v1.4"
        assert top.exit_status == 1
    scenario = "kws has no Offline in its suite"
    assert scenario in objections(whole / "kws-Offline")
    assert scenario not in objections(whole / "kws-SingleStream")


def objections(folder: Path) -> list[str]:
    top = read_result(folder)
    assert isinstance(top, SeriesResult)
    assert top.submission is not None
    return [reason.what for reason in top.submission.reasons]


def cut_after(whole: Path, out: Path, kept: int) -> Path:
    """The same suite as if it had been killed in the run after these."""
    shutil.copytree(whole, out)
    lines = (out / JOURNAL_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    began = lines[len(RUNS) + 2 * kept]
    assert '"began"' in began
    (out / JOURNAL_FILE).write_text("".join(lines[: len(RUNS) + 2 * kept]) + began + '{"wh', encoding="utf-8")
    for run in RUNS[kept + 1 :]:
        shutil.rmtree(out / run)
    (out / RUNS[kept] / RESULT_FILE).unlink()
    return out


def test_killed_in_the_middle_and_gone_on_with_it_ends_the_same(
    whole: Path, plan: Callable[..., SuitePlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = cut_after(whole, tmp_path / "out", 3)
    before = {run: (out / run / RESULT_FILE).read_bytes() for run in RUNS[:3]}
    ran: list[str] = []

    def counted(spec: Spec, folder: Path, screen: Screen) -> Result:
        ran.append(folder.relative_to(out).as_posix())
        return execute_run(spec, folder, screen)

    execute_run = run_execute.execute
    monkeypatch.setattr(execute, "execute", counted)
    top, _, status = perform_suite(plan(), out, Screen(quiet=True))
    assert ran == RUNS[3:]
    assert {run: (out / run / RESULT_FILE).read_bytes() for run in RUNS[:3]} == before
    assert ([run.directory for run in top.runs], status) == (RUNS, 1)
    assert objections(out) == objections(whole)
    assert (out / f"{RUNS[3]}-cut-1").is_dir()
    # Once more there is nothing left to do.
    ran.clear()
    perform_suite(plan(), out, Screen(quiet=True))
    assert ran == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"preset": "quick"}, "begun with other settings: of kws-SingleStream/1-performance-cpu"),
        ({"backend": "cpu:xnnpack=false"}, "begun with other settings"),
        ({"scenarios": ("SingleStream",)}, "begun with other runs: kws-Offline/1-performance-cpu was planned then"),
        ({"mode": "performance"}, "begun with other runs"),
    ],
)
def test_a_changed_setting_is_never_mixed_in(
    changes: dict[str, Any], complaint: str, whole: Path, plan: Callable[..., SuitePlan], tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "out")
    journal = (tmp_path / "out" / JOURNAL_FILE).read_bytes()
    with pytest.raises(ConfigError, match=complaint):
        perform_suite(plan(**changes), tmp_path / "out", Screen(quiet=True))
    assert (tmp_path / "out" / JOURNAL_FILE).read_bytes() == journal


@pytest.mark.parametrize("words", [["--cooldown", "0s"], ["--retry"]])
def test_what_accuracy_runs_do_not_heed_is_refused(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    suite.add_arguments(parser)
    with pytest.raises(ConfigError, match=f"{words[0]} changes nothing in accuracy runs"):
        suite.main(parser.parse_args(["--mode", "accuracy", *words]))


def test_an_edited_result_is_named_and_nothing_runs(
    whole: Path, plan: Callable[..., SuitePlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path / "out")
    path = tmp_path / "out" / RUNS[2] / RESULT_FILE
    path.write_text(path.read_text(encoding="utf-8").replace('"valid"', '"valid" ', 1), encoding="utf-8")
    monkeypatch.setattr(execute, "execute", lambda *_: pytest.fail("a run began"))
    with pytest.raises(ConfigError, match="is not what the run has written"):
        perform_suite(plan(), tmp_path / "out", Screen(quiet=True))


def test_a_directory_that_holds_something_else_is_refused(plan: Callable[..., SuitePlan], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not empty"):
        perform_suite(plan(), tmp_path, Screen(quiet=True))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_interruption_says_how_to_go_on(
    plan: Callable[..., SuitePlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> Result:
        raise Interrupted(15)

    monkeypatch.setattr(execute, "execute", interrupted)
    with pytest.raises(Interrupted):
        perform_suite(plan(), tmp_path / "out", Screen())
    assert f"the same command with --out {tmp_path / 'out'} goes on" in capsys.readouterr().err
    top = read_result(tmp_path / "out")
    assert top.status == "failed"


def test_the_plan_says_what_runs_how_long_and_what_will_be_objected_to(plan: Callable[..., SuitePlan]) -> None:
    lines = plan_lines(plan(preset="rules", budget_s=90.0, rest_s=None, overrides=()))
    assert lines[0].startswith("4 runs, about ")
    assert "too short to be official" in lines[0]
    assert [line.split()[0] for line in lines[1:5]] == RUNS
    # Offline's samples take a second here, SingleStream's minute does not fit.
    assert [line.split()[0] for line in lines if "official length" in line] == ["kws-Offline/1-performance-cpu"]
    assert "this will be no submission:" in lines


def test_what_cannot_run_here_is_left_out_and_said_and_a_task_that_is_named_must_run(
    plan: Callable[..., SuitePlan], tmp_path: Path
) -> None:
    left_out = (SkippedBenchmark("mosaic-SingleStream", "2 mistakes:\n  there is no model\n  there are no data"),)
    lines = plan_lines(replace(plan(), left_out=left_out))
    assert "  left out: mosaic-SingleStream: there is no model; there are no data" in lines
    with pytest.raises(ConfigError, match="mosaic-SingleStream: "):
        plan_suite(replace(ASKED, tasks=("mosaic",), scenarios=()), tmp_path)


@pytest.fixture(scope="module")
def planned(plan: Callable[..., SuitePlan]) -> SuitePlan:
    """The plan of that suite, made once."""
    return plan()


@pytest.fixture(scope="module")
def once() -> Callable[[Spec], str]:
    """`identity_of`, asked once of each run."""
    known: dict[str, str] = {}
    return lambda spec: (
        known.get(key := f"{spec.load.scenario} {spec.load.mode}") or known.setdefault(key, identity_of(spec))
    )


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def later(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    text = json.dumps(json.loads(lines[0]) | {"version": "9"}) if path.name == JOURNAL_FILE else '{"schema_version": 9}'
    path.write_text("\n".join([text, *lines[1:]]) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (JOURNAL_FILE, emptied),
        (JOURNAL_FILE, folder),
        (JOURNAL_FILE, later),
        (RESULT_FILE, halved),
        (RESULT_FILE, folder),
        (RESULT_FILE, pipe),
        (f"{RUNS[0]}/{RESULT_FILE}", zeroed),
        (f"{RUNS[0]}/{RESULT_FILE}", folder),
        (f"{RUNS[0]}/spec.yaml", emptied),
        ("kws-Offline/result.json", folder),
        ("kws-Offline/result.json", dangling),
    ],
)
def test_a_suite_whose_state_was_damaged_goes_on_or_names_the_file_and_loses_nothing(
    name: str,
    damage: Callable[[Path], None],
    whole: Path,
    planned: SuitePlan,
    once: Callable[[Spec], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = cut_after(whole, tmp_path / "out", 2)
    damage(out / name)
    ended = {run: (whole / run / RESULT_FILE).read_bytes() for run in RUNS[:2] if f"{run}/{RESULT_FILE}" != name}

    def copied(spec: Spec, folder: Path, screen: Screen) -> Result:
        shutil.copytree(whole / folder.relative_to(out), folder)
        result = read_result(folder)
        assert isinstance(result, Result)
        return result

    monkeypatch.setattr(execute, "execute", copied)
    # What tells one run from another takes a second of a core, and is another test's.
    monkeypatch.setattr(execute, "identity_of", once)
    refused: HarnessError | None = None
    try:
        top, _, _ = perform_suite(planned, out, Screen())
    except HarnessError as error:
        refused = error
    else:
        assert [run.directory for run in top.runs] == RUNS
        assert read_result(out) == top
        said = capsys.readouterr().err
        assert all(str(path) in said for path in out.rglob("*-cut-*"))
    if refused:
        assert str(out / name) in str(refused)
        assert re.search(r"another --out|take .* away", str(refused))
    for run, before in ended.items():
        assert before in {path.read_bytes() for path in out.glob(f"{run}*/{RESULT_FILE}") if path.is_file()}


@pytest.mark.parametrize("kept", [0, 2])
def test_a_suite_at_which_another_command_is_at_work_is_left_alone(
    kept: int,
    whole: Path,
    planned: SuitePlan,
    once: Callable[[Spec], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execute, "identity_of", once)
    out = cut_after(whole, tmp_path / "out", 2) if kept else tmp_path / "out"
    with alone_in(out):
        before = sorted((str(path), path.stat().st_mtime_ns) for path in out.rglob("*"))
        with pytest.raises(ConfigError, match=f"another command is at work in {out}: wait until it has ended"):
            perform_suite(planned, out, Screen(quiet=True))
        assert sorted((str(path), path.stat().st_mtime_ns) for path in out.rglob("*")) == before


def test_a_suite_killed_before_its_first_run_goes_on_in_the_same_directory(
    planned: SuitePlan, once: Callable[[Spec], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it had written by then: the journal comes first."""
    (tmp_path / JOURNAL_FILE).write_text('{"what": "planned", "run": "kws-Offline/1-perf', encoding="utf-8")
    (tmp_path / ".result.json.reserve").write_bytes(bytes(99))
    began: list[Path] = []

    def interrupted(spec: Spec, folder: Path, screen: Screen) -> Result:
        began.append(folder)
        raise Interrupted(15)

    monkeypatch.setattr(execute, "execute", interrupted)
    monkeypatch.setattr(execute, "identity_of", once)
    with pytest.raises(Interrupted):
        perform_suite(planned, tmp_path, Screen(quiet=True))
    assert began == [tmp_path / RUNS[0]]
    assert [line.run for line in read_journal(tmp_path)] == [*RUNS, RUNS[0]]
