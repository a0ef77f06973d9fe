"""SQuAD's ground truth from three kinds of file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accuracy.errors import TruthError
from accuracy.truth.squad import read_predictions, read_questions, read_truth

QA = {"id": "q1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}, {"text": "Ann Lee"}]}


def squad(*qas: Any, context: str = "Ann Lee\u202fsang. ") -> dict[str, Any]:
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(qas)}]}]}


def written(tmp_path: Path, value: Any) -> Path:
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_the_official_json_gives_answers_words_and_questions(tmp_path: Path) -> None:
    path = written(tmp_path, squad(QA))
    truth = read_truth(path)
    assert truth.answers == {"q1": ("Ann", "Ann Lee")}
    assert truth.words_of is not None
    assert truth.words_of("q1") == ["Ann", "Lee", "sang."]
    [question] = read_questions(path)
    assert (question.qas_id, question.text, question.context) == ("q1", "Who?", "Ann Lee\u202fsang. ")


def test_a_map_gives_answers_and_no_words(tmp_path: Path) -> None:
    truth = read_truth(written(tmp_path, {"q1": ["Ann", "Ann Lee"], "q2": "one text"}))
    assert truth.answers == {"q1": ("Ann", "Ann Lee"), "q2": ("one text",)}
    assert truth.words_of is None


def test_mlperfs_records_hold_the_published_numbers_of_questions_and_answers(zoo: Path) -> None:
    truth = read_truth(zoo / "datasets" / "squad" / "squad_groundtruth.tfrecord")
    assert len(truth.answers) == 10570
    assert sum(map(len, truth.answers.values())) == 34726
    assert truth.words_of is not None
    assert truth.words_of("56be4db0acb8001400a502ec")[:3] == ["Super", "Bowl", "50"]
    assert truth.answers == read_truth(zoo / "datasets" / "squad" / "dev_v1.1_answers_derived.json").answers


def test_windows_are_no_ground_truth(zoo: Path) -> None:
    with pytest.raises(TruthError, match=r"squad_eval_tiny\.tfrecord, record 0.*no feature 'answers'"):
        read_truth(zoo / "datasets" / "squad" / "squad_eval_tiny.tfrecord")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], r"truth\.json is a JSON list: neither SQuAD's format"),
        ({}, "holds no question"),
        ({"data": []}, "holds no question"),
        ({"q1": [1]}, r"the answers to 'q1' are \[1\]"),
        ({"q1": []}, "question 'q1' has no answer"),
        (squad({**QA, "answers": []}), "question 'q1' has no answer. Only SQuAD v1.1"),
        (squad(QA, QA), r"data\[0\].paragraphs\[0\].qas\[1\]: question 'q1' came before"),
        (squad({"id": "q1", "question": "Who?"}), r"qas\[0\] has no 'answers' that is a list"),
        (squad({**QA, "question": None}), r"qas\[0\] has no 'question' that is a str"),
        ({"data": [{"paragraphs": [7]}]}, r"data\[0\].paragraphs\[0\] has no 'context' that is a str"),
        ({"data": ["x"]}, r"data\[0\] has no 'paragraphs' that is a list"),
    ],
)
def test_a_truth_that_is_wrong_is_refused_with_the_place(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(TruthError, match=message):
        read_truth(written(tmp_path, value))


def test_questions_come_from_squads_format_only(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="it has no list 'data' at the top"):
        read_questions(written(tmp_path, {"q1": ["a"]}))
    with pytest.raises(TruthError, match="holds no question"):
        read_questions(written(tmp_path, {"data": []}))


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    path.write_text('{"q1": ')
    with pytest.raises(TruthError, match=r"truth\.json is no JSON"):
        read_truth(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TruthError, match=r"truth\.json is no JSON"):
        read_truth(path)
    path.write_text("[" * 100_000)
    with pytest.raises(TruthError, match=r"truth\.json is no JSON"):
        read_truth(path)


def test_predictions_are_texts_by_question(tmp_path: Path) -> None:
    assert read_predictions(written(tmp_path, {"q1": "Ann"})) == {"q1": "Ann"}
    with pytest.raises(TruthError, match=r"the prediction for 'q1' is \['Ann'\]"):
        read_predictions(written(tmp_path, {"q1": ["Ann"]}))
    with pytest.raises(TruthError, match="holds no predictions"):
        read_predictions(written(tmp_path, []))


def test_a_question_that_stands_twice_in_a_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text('{"q1": "Ann", "q2": "Bo", "q1": "Cy"}', encoding="ascii")
    for read in (read_truth, read_predictions):
        with pytest.raises(TruthError, match="the key 'q1' stands twice"):
            read(path)
