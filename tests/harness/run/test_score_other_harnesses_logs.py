"""Logs that pass between this harness, MLCommons' reference scripts and the mobile app (RULES: encoding of answers)."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.log import Answer, read_rows, write_rows

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def keyword_run(cli: Cli, keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Path:
    done = cli(
        *("--task", "kws", "--model", keyword_model, "--dataset", keyword_data),
        *("--mode", "accuracy", "--scenario", "Offline", "--out", tmp_path / "run"),
    )
    assert done.returncode == 0, done.stderr
    return tmp_path / "run"


def score_log(cli: Cli, log: Path, data: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return cli("score", "--log", log, "--task", "kws", "--dataset", data, *more)


def imagenet_script(log: Path, labels: list[int], dtype: str) -> float:
    """What accuracy-imagenet.py does: the first row of a sample counts, its label is the first number of the data."""
    seen: set[int] = set()
    good = 0
    for row in json.loads(log.read_text()):
        index = row["qsl_idx"]
        if index in seen:
            continue
        seen.add(index)
        data = np.frombuffer(bytes.fromhex(row["data"]), dtype)
        good += int(labels[index]) == int(data[0])
    return good / len(seen)


def file_labels(data: Path, column: int) -> list[int]:
    with next(data.glob("*labels.csv")).open() as file:
        rows = [row for row in csv.reader(file) if row[0] != "file"]
    return [int(row[column]) for row in sorted(rows)]


def test_our_log_is_read_by_the_imagenet_script_and_gives_the_score_of_the_run(
    cli: Cli, picture_model: Path, picture_data: Path, tmp_path: Path
) -> None:
    done = cli(
        *("--task", "mobilenet_edgetpu", "--model", picture_model, "--dataset", picture_data, "--json"),
        *("--mode", "accuracy", "--out", tmp_path / "run"),
    )
    assert done.returncode == 0, done.stderr
    top1 = json.loads(done.stdout)["accuracy"]["top1"]["value"]
    log, labels = tmp_path / "run" / "mlperf_log_accuracy.json", file_labels(picture_data, 1)
    assert top1 == 0.75
    assert imagenet_script(log, labels, "float32") == top1
    assert imagenet_script(log, [*labels[1:], labels[0]], "float32") != top1


def test_the_score_of_a_log_is_that_of_the_run_that_wrote_it(cli: Cli, keyword_run: Path, keyword_data: Path) -> None:
    run = json.loads((keyword_run / "result.json").read_text())["accuracy"]["top1"]["value"]
    done = score_log(cli, keyword_run / "mlperf_log_accuracy.json", keyword_data, "--json")
    assert run == 0.8
    assert json.loads(done.stdout)["top1"] == run


def test_a_log_converted_to_the_mobile_layout_holds_int32_labels_and_scores_the_same(
    cli: Cli, keyword_run: Path, keyword_data: Path, tmp_path: Path
) -> None:
    ours, mobile = keyword_run / "mlperf_log_accuracy.json", tmp_path / "mobile.json"
    done = score_log(cli, ours, keyword_data, "--convert-to", "mobile", "--out", mobile)
    assert done.returncode == 0, done.stderr
    assert imagenet_script(mobile, file_labels(keyword_data, 2), "int32") == 0.8
    scored = score_log(cli, mobile, keyword_data, "--layout", "mobile", "--json")
    assert json.loads(scored.stdout)["top1"] == 0.8
    back = tmp_path / "back.json"
    score_log(cli, mobile, keyword_data, "--layout", "mobile", "--convert-to", "reference", "--out", back)
    assert dict(read_rows(back)) == dict(read_rows(ours))


def test_a_log_read_in_another_layout_than_it_was_written_in_is_refused(
    cli: Cli, keyword_run: Path, keyword_data: Path
) -> None:
    done = score_log(cli, keyword_run / "mlperf_log_accuracy.json", keyword_data, "--layout", "mobile")
    assert done.returncode == 2
    assert "Was it logged in another type than int32?" in done.stderr


def test_a_log_cut_in_the_middle_is_refused_with_the_row(
    cli: Cli, keyword_run: Path, keyword_data: Path, tmp_path: Path
) -> None:
    text = (keyword_run / "mlperf_log_accuracy.json").read_text()
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    done = score_log(cli, tmp_path / "cut.json", keyword_data)
    assert done.returncode == 2
    assert "is cut in the middle, after row" in done.stderr


def test_a_log_that_answers_a_sample_twice_and_otherwise_is_said_to(
    cli: Cli, keyword_run: Path, keyword_data: Path, tmp_path: Path
) -> None:
    text = (keyword_run / "mlperf_log_accuracy.json").read_text()
    rows = json.loads(text)
    for data, said in ((rows[0]["data"], False), (f"{(int(rows[0]['data'] == '00000000')):08d}", True)):
        log = tmp_path / f"{said}.json"
        log.write_text(json.dumps([*rows, {**rows[0], "data": data}]))
        found = score_log(cli, log, keyword_data)
        assert found.returncode == 0
        assert ("1 samples are answered more than once and not alike" in found.stdout) == said


def test_a_run_whose_log_was_edited_says_what_it_came_to_when_it_ended(cli: Cli, keyword_run: Path) -> None:
    log = keyword_run / "mlperf_log_accuracy.json"
    rows = json.loads(log.read_text())
    assert "when the run ended" not in cli("score", keyword_run).stdout
    log.write_text(json.dumps([{**row, "data": "00003041"} for row in rows]))
    edited = cli("score", keyword_run)
    assert edited.returncode == 0
    assert "top1 was " in edited.stdout
    assert "when the run ended, and " in edited.stdout
    assert "mlperf_log_accuracy.json or result.json was changed since" in edited.stdout


def test_a_log_that_lacks_a_sample_is_refused_with_the_sample(
    cli: Cli, keyword_run: Path, keyword_data: Path, tmp_path: Path
) -> None:
    rows = [row for row in json.loads((keyword_run / "mlperf_log_accuracy.json").read_text()) if row["qsl_idx"] != 7]
    (tmp_path / "short.json").write_text(json.dumps(rows))
    done = score_log(cli, tmp_path / "short.json", keyword_data)
    assert done.returncode == 2
    assert "answers 39 of 40 samples (sample 7 is the first without an answer)" in done.stderr


def test_a_conversion_never_overwrites_a_file(cli: Cli, keyword_run: Path, keyword_data: Path) -> None:
    log = keyword_run / "mlperf_log_accuracy.json"
    before = log.read_bytes()
    done = score_log(cli, log, keyword_data, "--convert-to", "mobile", "--out", log)
    assert done.returncode == 2
    assert "File exists" in done.stderr
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give one of"),
        (["--log", "x.json"], "--log needs --task"),
        (["--log", "x.json", "--task", "kws", "--layout", "mobil"], "unknown layout 'mobil'; did you mean 'mobile'?"),
        (["--metric", "squad"], "unknown metric 'squad'; did you mean 'squad_f1'?"),
        (["--metric", "top1"], "--metric top1 needs --predictions and --truth"),
        (["run", "--metric", "top1"], "give one of"),
        (["run", "--convert-to", "mobile"], "--convert-to rewrites the log that --log names"),
    ],
)
def test_score_says_what_it_lacks(cli: Cli, words: list[str], message: str) -> None:
    done = cli("score", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@settings(derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**31), st.binary(max_size=40))))
def test_rows_written_are_the_rows_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "mlperf_log_accuracy.json"
    answers = [Answer(index, data) for index, data in rows]
    write_rows(path, answers)
    assert list(read_rows(path)) == answers
    listed: list[Any] = json.loads(path.read_text())
    assert [row["seq_id"] for row in listed] == list(range(len(rows)))


def test_a_log_of_a_model_of_ones_own_is_held_against_no_benchmarks_target(
    cli: Cli, picture_model: Path, picture_data: Path, tmp_path: Path
) -> None:
    words = ("--model", picture_model, "--dataset", picture_data)
    run = tmp_path / "run"
    assert cli("--task", "classification", *words, "--mode", "accuracy", "--out", run).returncode == 0
    log = run / "mlperf_log_accuracy.json"
    own = cli("score", "--log", log, "--task", "classification", *words).stdout
    assert "75.00 %" in own
    assert "target" not in own
    assert "target" in cli("score", "--log", log, "--task", "mobilenet_edgetpu", *words).stdout
