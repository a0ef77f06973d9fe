"""TEST01 and TEST04 on LoadGen's own logs, and on logs that were changed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.official.compliance_tests import NEEDED_BY, ComplianceTest
from harness.json_records import from_json
from harness.results.files import read_result
from harness.results.record import Compliance, Result
from harness.submission.compliance.judge import judged

Edit = Callable[..., None]
Judge = Callable[[ComplianceTest], Result]


@pytest.fixture
def runs(logs: Path, tmp_path: Path) -> Path:
    """Folders of SingleStream's runs, to change: performance, accuracy, TEST01, TEST04."""
    for kind in ("performance", "accuracy", "TEST01", "TEST04"):
        shutil.copytree(logs / f"SingleStream-{kind}", tmp_path / kind)
    return tmp_path


@pytest.fixture
def judge(runs: Path, series: Path) -> Judge:
    """Judges a test's run: judge("TEST01") -> its result."""
    result = read_result(series / "performance")
    assert isinstance(result, Result)

    def run(test: ComplianceTest) -> Result:
        under_test = replace(result, compliance=Compliance(test, None, (), NEEDED_BY))
        return judged(under_test, runs / test, runs / "performance", runs / "accuracy", 4096)

    return run


def _why(result: Result) -> str:
    assert result.compliance is not None
    assert result.compliance.passed is False
    assert result.status == "invalid"
    assert len(result.reasons) == len(result.compliance.why) == 1
    return result.compliance.why[0]


@pytest.mark.parametrize("test", ["TEST01", "TEST04"])
def test_a_good_run_passes_and_leaves_the_official_texts(test: ComplianceTest, judge: Judge, runs: Path) -> None:
    result = judge(test)
    assert result.compliance == Compliance(test, True, (), NEEDED_BY)
    assert result.status == "valid"
    said = (runs / test / "verify_performance.txt").read_text(encoding="utf-8")
    word = "Reference" if test == "TEST01" else "reference"
    assert re.fullmatch(rf"Verifying performance\.\n{word} score = [\d.]+\n[Tt]est score = [\d.]+\nTEST PASS\n", said)
    answers = runs / test / "verify_accuracy.txt"
    if test == "TEST01":
        assert "num_acc_log_entries = 50000\n" in answers.read_text(encoding="utf-8")
        assert answers.read_text(encoding="utf-8").endswith("num_missing_qsl_idxs = 0\nTEST PASS\n\n")
    else:
        assert not answers.exists()


@pytest.mark.parametrize("byte", [0, 1, 4, 7])
def test_one_changed_byte_fails_wherever_in_the_answer_it_is(byte: int, judge: Judge, runs: Path) -> None:
    log = runs / "TEST01/mlperf_log_accuracy.json"
    lines = log.read_text(encoding="ascii").splitlines()
    row = re.search(r'"data" : "([0-9A-F]+)"', lines[40])
    assert row
    data = bytearray.fromhex(row[1])
    data[byte] ^= 1
    lines[40] = lines[40].replace(row[1], data.hex().upper())
    log.write_text("\n".join(lines) + "\n", encoding="ascii")
    assert _why(judge("TEST01")).startswith("1 of ")
    assert (runs / "TEST01/verify_accuracy.txt").read_text(encoding="utf-8").endswith("TEST FAIL\n\n")


def test_an_answer_cut_short_or_of_another_sample_fails(judge: Judge, runs: Path) -> None:
    log = runs / "TEST01/mlperf_log_accuracy.json"
    text = log.read_text(encoding="ascii")
    log.write_text(re.sub(r'"data" : "([0-9A-F]{8})[0-9A-F]+"', r'"data" : "\1"', text, count=1), encoding="ascii")
    assert "answers differ" in _why(judge("TEST01"))
    log.write_text(re.sub(r'"qsl_idx" : \d+', '"qsl_idx" : 50001', text, count=1), encoding="ascii")
    assert "that the accuracy run did not answer" in _why(judge("TEST01"))


def test_logs_are_read_to_their_end(judge: Judge, runs: Path) -> None:
    for folder in ("TEST01", "accuracy"):
        log = runs / folder / "mlperf_log_accuracy.json"
        whole = log.read_bytes()
        log.write_bytes(whole[: len(whole) - 40])
        assert "is cut in the middle" in _why(judge("TEST01"))
        log.write_bytes(whole[:4096] + b"\n\n...\n\n" + whole[-4096:])
        assert "was truncated for a submission" in _why(judge("TEST01"))
        log.write_bytes(whole)


@pytest.mark.parametrize("test", ["TEST01", "TEST04"])
def test_a_performance_log_is_no_test(test: ComplianceTest, judge: Judge, runs: Path) -> None:
    shutil.copy(runs / "performance/mlperf_log_detail.txt", runs / test / "mlperf_log_detail.txt")
    assert _why(judge(test)).startswith("the test was not in force (")


def test_too_few_answers_fail(judge: Judge, runs: Path) -> None:
    log = runs / "TEST01/mlperf_log_accuracy.json"
    lines = log.read_text(encoding="ascii").splitlines()
    log.write_text("\n".join([*lines[:30], lines[30].rstrip(","), "]"]) + "\n", encoding="ascii")
    assert "30 answers were logged, at least" in _why(judge("TEST01"))
    log.write_text("[\n]\n", encoding="ascii")
    assert "0 answers were logged, at least" in _why(judge("TEST01"))


@pytest.mark.parametrize(
    ("test", "share", "passes"), [("TEST01", 1.15, True), ("TEST01", 1.25, False), ("TEST01", 0.75, False)]
)
def test_test01_must_be_as_quick_as_the_performance_run(
    test: ComplianceTest, share: float, passes: bool, judge: Judge, runs: Path, edit_log: Edit
) -> None:
    # Below 200 us the two may lie 20 % apart.
    edit_log(runs / "performance", early_stopping_latency_ss=100_000)
    edit_log(runs / test, early_stopping_latency_ss=int(100_000 * share))
    compliance = judge(test).compliance
    assert compliance is not None
    assert compliance.passed is passes


@pytest.mark.parametrize(
    ("latency_ns", "share", "passes"), [(5_000_000, 1.3, True), (5_000_000, 0.86, True), (5_000_000, 0.8, False)]
)
def test_test04_may_be_slower_and_not_much_quicker(
    latency_ns: int, share: float, passes: bool, judge: Judge, runs: Path, edit_log: Edit
) -> None:
    edit_log(runs / "performance", early_stopping_latency_ss=latency_ns)
    edit_log(runs / "TEST04", early_stopping_latency_ss=int(latency_ns * share))
    compliance = judge("TEST04").compliance
    assert compliance is not None
    assert compliance.passed is passes


def test_an_invalid_run_vouches_for_nothing(judge: Judge, runs: Path, edit_log: Edit) -> None:
    edit_log(runs / "performance", result_validity="INVALID")
    assert _why(judge("TEST04")) == "Invalid results in the performance run"


def test_the_verdict_is_part_of_a_result(judge: Judge) -> None:
    from harness.json_records import to_json

    value: dict[str, Any] = json.loads(json.dumps(to_json(judge("TEST04"))))
    assert value["compliance"]["passed"] is True
    assert from_json(Result, value).compliance == Compliance("TEST04", True, (), NEEDED_BY)
