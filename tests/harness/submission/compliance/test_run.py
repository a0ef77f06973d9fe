"""Runs under a compliance test, by the command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.results.files import read_result
from harness.results.record import SeriesResult
from harness.submission.check.tree import check_tree
from harness.submission.forms.submit import TreeRequest, submit


@pytest.fixture(scope="session")
def compliant(
    classify: list[str],
    command: list[str],
    environment: dict[str, str],
    made_once: Callable[[str, Callable[[Path], None]], Path],
) -> Path:
    """A series with both tests, of a model that is asked as often as it takes for all answers to be logged."""
    words = [word.replace("min_query_count=64", "min_query_count=400") for word in classify]
    tests = ["--compliance", "TEST01", "--compliance", "TEST04"]

    def fill(folder: Path) -> None:
        # How quick the runs are beside each other is for the machine to say, and so the exit status.
        subprocess.run(
            [*command, *words, *tests, "--out", str(folder)], env=environment, capture_output=True, check=False
        )

    return made_once("compliant", fill)


@pytest.fixture(scope="session")
def calibrated(
    classify: list[str],
    command: list[str],
    environment: dict[str, str],
    made_once: Callable[[str, Callable[[Path], None]], Path],
) -> Path:
    """A series whose expected latency the calibration finds."""
    place = next(number for number, word in enumerate(classify) if word.startswith("load.expected_latency_ns="))
    words = [*classify[: place - 1], *classify[place + 1 :], "--compliance", "TEST04"]

    def fill(folder: Path) -> None:
        done = subprocess.run(
            [*command, *words, "--out", str(folder)], env=environment, capture_output=True, check=False
        )
        (folder / "said.txt").write_bytes(done.stderr)

    return made_once("calibrated", fill)


def test_the_tests_run_between_the_performance_and_the_accuracy_run(compliant: Path) -> None:
    top = read_result(compliant)
    assert isinstance(top, SeriesResult)
    # They are no repeats of the performance run.
    assert top.spread is None
    assert [run.directory for run in top.runs] == [
        "1-performance-cpu",
        "2-TEST01-cpu",
        "3-TEST04-cpu",
        "4-accuracy-cpu",
    ]
    for run in top.runs[1:3]:
        assert run.result.compliance is not None
        assert run.result.compliance.passed is not None
        assert "of any other model it is a test of one's own" in run.result.compliance.needed
        # How quick two runs of milliseconds are beside each other is for the machine to say.
        assert not [why for why in run.result.compliance.why if "score invalid" not in why]


def test_a_test_is_told_what_its_performance_run_was_told(calibrated: Path) -> None:
    told = [
        (calibrated / folder / "user.conf").read_text(encoding="utf-8")
        for folder in ("1-performance-cpu", "2-TEST04-cpu")
    ]
    assert "target_latency = " in told[0]
    assert told[0] == told[1]
    assert "Warning" not in (calibrated / "said.txt").read_text(encoding="utf-8")


def test_loadgen_is_handed_the_test_by_path_and_says_that_it_was_in_force(
    compliant: Path, read_detail: Callable[[Path], dict[str, Any]]
) -> None:
    for folder, key, value in (
        ("2-TEST01-cpu", "effective_accuracy_log_sampling_target", 4096),
        ("3-TEST04-cpu", "effective_performance_issue_same", True),
        ("1-performance-cpu", "effective_accuracy_log_sampling_target", 0),
    ):
        assert read_detail(compliant / folder)[key] == value
        assert not (compliant / folder / "audit.config").exists()


def test_every_answer_of_test01_is_the_accuracy_runs(compliant: Path) -> None:
    said = (compliant / "2-TEST01-cpu/verify_accuracy.txt").read_text(encoding="utf-8")
    assert "num_acc_log_entries = 24\n" in said
    assert "num_perf_log_data_mismatch = 0\n" in said
    assert said.endswith("TEST PASS\n\n")


def test_submit_takes_the_tests_into_the_tree(compliant: Path, tmp_path: Path) -> None:
    asked = TreeRequest(
        "inference", "v5.1", "open", "Acme", "board", {}, {}, infer=False, rehearsal=True, kept=tmp_path / "kept"
    )
    submit([compliant], tmp_path / "tree", asked)
    found = {str(one.relative_to(tmp_path / "tree")) for one in (tmp_path / "tree/open/Acme/compliance").rglob("*.txt")}
    below = "open/Acme/compliance/board/adds/SingleStream"
    assert {f"{below}/TEST01/verify_accuracy.txt", f"{below}/TEST01/accuracy/accuracy.txt"} <= found
    assert f"{below}/TEST04/performance/run_1/mlperf_log_detail.txt" in found
    assert "compliance-in-force" not in {one.rule for one in check_tree(tmp_path / "tree").findings}


def test_what_compliance_cannot_be_is_refused(classify: list[str], call: Callable[..., Any]) -> None:
    for words in (
        ["TEST05"],
        ["TEST01", "--mode", "accuracy"],
        ["TEST01", "--repeat", "2"],
        ["TEST04", "--compliance=test04"],
    ):
        done = call(*classify, "--compliance", *words)
        assert done.returncode == 2, words
        assert "compliance" in done.stderr
