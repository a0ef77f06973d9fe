from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from harness.cli import main
from harness.commands.finished_runs.report import REPORT_FILE
from harness.errors import ConfigError
from harness.history.collected import entries_of
from harness.html_report import charts
from harness.html_report.gathered import Gathered, gather, series_among
from harness.html_report.page import render
from harness.profiling.kept import read_profile
from harness.results.files import read_result, write_result
from harness.results.queries.query_times import QUERY_TIMES_FILE, KeptTimes
from harness.results.record import Reason, Result, SeriesResult, Submission
from tasks.outputs.exhibits import Exhibit, ExhibitBox, Exhibition

VERSION_1 = Path(__file__).parents[1] / "results/version_1"
HOSTILE = "<script>alert(1)</script>\"'&\u202e\x07"


class Page(HTMLParser):
    """Elements, text, and what a browser would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def older(name: str, folder: Path) -> Path:
    """A run's directory with nothing but a result that an earlier version wrote."""
    folder.mkdir(parents=True)
    shutil.copy(VERSION_1 / f"{name}.json", folder / "result.json")
    return folder


def test_a_series_says_first_what_its_runs_are_worth_together(tmp_path: Path) -> None:
    folder = older("last_submission", tmp_path / "s")
    top = read_result(folder)
    assert isinstance(top, SeriesResult)
    reasons = (Reason("the preset quick is shorter than the rules", "", "leave it out"),)
    write_result(folder, replace(top, submission=Submission("tiny-v1.4", "comparison", reasons, rested=True)))
    peak = older("middle_peak", tmp_path / "p")
    page = Page(render(gather([folder, peak], gallery=False), series=series_among([folder, peak])))
    worth = page.text.index(f"{folder}: VALID; not a submission")
    fix, found, first = (page.text.index(words) for words in ("Fix: leave it out", "peak  ", "Side by side"))
    assert worth < fix < found < first


def test_a_timed_run_says_its_verdict_first_then_its_latency(timed_run: Path) -> None:
    page = Page(render(gather([timed_run], gallery=True)))
    verdict, latency, machine = (page.text.index(words) for words in ("VALID", "Latency histogram", "The machine"))
    assert verdict < latency < machine
    for words in ("Distribution", "Latency over time", "Throughput", "Memory by parts", "Settings that differ"):
        assert words in page.text


def test_a_page_fetches_and_runs_nothing(timed_run: Path, scored_run: Path) -> None:
    text = render(gather([timed_run, scored_run], gallery=True))
    page = Page(text)
    assert not {"script", "iframe", "object", "embed"} & set(page.tags)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "default-src 'none'" in text.replace("&#x27;", "'")


def test_a_scored_run_shows_the_worst_samples_and_what_was_taken_for_what(scored_run: Path) -> None:
    (run,) = gather([scored_run], gallery=True)
    assert run.exhibition is not None
    assert run.exhibition.judged == 40
    assert sum(run.exhibition.confused.values()) == 8
    assert [one.quality for one in run.exhibition.exhibits[:8]] == [0.0] * 8
    page = Page(render([run]))
    assert "What was taken for what" in page.text
    assert run.exhibition.exhibits[0].name in page.text


def test_without_a_gallery_the_data_are_not_read(scored_run: Path) -> None:
    (run,) = gather([scored_run], gallery=False)
    assert run.exhibition is None
    assert run.lacking == ()


def test_data_that_changed_since_are_not_shown_and_that_is_said(scored_run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "run"
    shutil.copytree(scored_run, moved)
    spec = (moved / "spec.yaml").read_text()
    data = tmp_path / "data"
    was = re.search(r"dataset:\n(?:  .*\n)*?  path: (.*)", spec)
    assert was is not None
    shutil.copytree(was[1], data)
    (moved / "spec.yaml").write_text(spec.replace(was[1], str(data)))
    (run,) = gather([moved], gallery=True)
    assert run.exhibition is None
    assert "samples beside what is right" in run.lacking[0]


@pytest.mark.parametrize("name", sorted(path.stem for path in VERSION_1.glob("*.json")))
def test_results_of_earlier_versions_are_shown_as_far_as_they_go(name: str, tmp_path: Path) -> None:
    runs = gather([older(name, tmp_path / "run")], gallery=True)
    page = Page(render(runs))
    assert "Not shown" in page.text
    assert runs[0].result.title in page.text


def test_the_runs_of_a_suite_are_found_in_the_folders_of_their_benchmarks(timed_run: Path, tmp_path: Path) -> None:
    folder = older("last_submission", tmp_path / "suite")
    suite = read_result(folder)
    assert isinstance(suite, SeriesResult)
    run = replace(suite.runs[0], directory="kws-SingleStream/1-performance-cpu")
    write_result(folder, replace(suite, runs=(run,)))
    shutil.copytree(timed_run, folder / run.directory)
    (shown,) = gather([folder], gallery=False)
    assert shown.lacking == ()
    assert shown.times is not None
    (entry,) = entries_of(folder, read_result(folder), 0.0)
    assert entry.path == str(folder / run.directory)


@pytest.mark.parametrize("damage", ["cut", "not json", "gone"])
def test_a_damaged_result_is_refused_with_its_name(timed_run: Path, tmp_path: Path, damage: str) -> None:
    moved = tmp_path / "run"
    shutil.copytree(timed_run, moved)
    path = moved / "result.json"
    text = path.read_text()
    path.unlink() if damage == "gone" else path.write_text(text[: len(text) // 2] if damage == "cut" else "\x00")
    with pytest.raises(ConfigError, match=r"result\.json"):
        gather([moved], gallery=True)


@pytest.mark.parametrize("name", [QUERY_TIMES_FILE, "spec.yaml"])
def test_another_damaged_file_is_left_out_and_said(timed_run: Path, tmp_path: Path, name: str) -> None:
    moved = tmp_path / "run"
    shutil.copytree(timed_run, moved)
    (moved / name).write_bytes(b"\xff\x00nothing")
    (run,) = gather([moved], gallery=True)
    assert name in run.lacking[0]
    assert name in Page(render([run])).text


def test_hostile_names_stay_text_everywhere(timed_run: Path) -> None:
    (run,) = gather([timed_run], gallery=True)
    result = replace(
        run.result,
        title=HOSTILE,
        warnings=(HOSTILE,),
        model=replace(run.result.model, name=HOSTILE),
        dataset=replace(run.result.dataset, name=HOSTILE),
        system=replace(run.result.system, argv=("x", HOSTILE)),
    )
    box = ExhibitBox(0.1, 0.1, 0.5, 0.5, HOSTILE, 0.5, right=False)
    shown = Exhibit(HOSTILE, 0.0, HOSTILE, HOSTILE, np.zeros((8, 8, 3), np.uint8), said_boxes=(box,), true_boxes=(box,))
    shown = replace(shown, said_points=((0.5, 0.25),), true_points=((0.25, 0.5),))
    exhibition = Exhibition((shown,), 1, {(HOSTILE, HOSTILE): 1})
    page = Page(render([Gathered(HOSTILE, result, run.spec, run.times, run.tail, exhibition, (HOSTILE,))]))
    assert "script" not in page.tags
    assert page.tags.count("path") >= 2
    assert page.text.count("<script>alert(1)</script>") > 8
    assert "\u202e" not in page.text
    assert "\x07" not in page.text


def test_without_the_extra_charts_are_tables_and_the_page_says_how_to_get_it(
    timed_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "can_draw", lambda: False)
    monkeypatch.setattr("harness.html_report.page.can_draw", lambda: False)
    page = Page(render(gather([timed_run], gallery=True)))
    assert "./run.sh install report" in page.text
    assert "svg" not in page.tags
    assert "Latency histogram, as a table" in page.text


def test_a_run_that_failed_or_had_no_queries_has_a_page(tmp_path: Path) -> None:
    result = read_result(older("middle_single_stream", tmp_path / "run"))
    assert isinstance(result, Result)
    empty = KeptTimes(np.empty(0, np.int64), np.empty(0, np.int64), 0)
    failed = replace(result, status="failed", performance=None, machine=None, loadgen=None)
    for one in (result, failed):
        page = Page(render([Gathered("run", one, None, empty, None, None, ())]))
        assert result.title in page.text


def test_a_large_run_makes_a_small_file(timed_run: Path) -> None:
    (run,) = gather([timed_run], gallery=True)
    latency = np.random.default_rng(2).lognormal(11, 1, 25_000).astype(np.int64)
    text = render([replace(run, times=KeptTimes(latency, np.cumsum(latency), len(latency)))])
    assert len(text.encode()) < 3_000_000


def test_the_command_writes_the_file_into_the_run(timed_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.html"
    assert main(["report", str(timed_run), "-o", str(out), "--json"]) == 0
    assert out.read_text().startswith("<!doctype html>")
    assert main(["report", str(timed_run)]) == 0
    assert (timed_run / REPORT_FILE).is_file()
    assert main(["report", str(timed_run), str(timed_run)]) == 2
    assert main(["report", str(timed_run), str(timed_run), "-o", str(out)]) == 0
    assert "The first against the others" in out.read_text()
    assert main(["report", str(tmp_path / "nothing")]) == 2


def test_a_profile_is_drawn_op_by_op(
    timed_run: Path, keyword_model: Path, run_command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = run_command("profile", keyword_model, "--num_runs", "2", "--no-peak", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "profile.json"
    path.write_text(done.stdout)
    page = Page(render(gather([timed_run], gallery=False), [read_profile(path)]))
    assert "Time by op" in page.text
    assert "FULLY_CONNECTED" in page.text


def test_a_file_that_is_no_profile_is_refused(timed_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text("{}")
    assert main(["report", str(timed_run), "-o", str(tmp_path / "r.html"), "--profile", str(path)]) == 2
    assert not (tmp_path / "r.html").exists()
