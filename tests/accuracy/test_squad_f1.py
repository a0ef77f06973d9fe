"""Exact match, F1, and the mobile app's F1."""

from __future__ import annotations

import itertools
import json
import re
import string
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.squad_f1 import SquadF1, exact_match, f1, f1_mobile, score, score_files
from accuracy.truth.squad import read_predictions, read_truth

quick = settings(deadline=None, derandomize=True, max_examples=300)
phrases = st.lists(
    st.sampled_from(["the", "The", "a", "An", "cat", "Cat,", "cat's", "-", "dog", "dog.", "a.", "an.cat", "", "É"]),
    max_size=6,
).map(" ".join)


def sorted_f1(left: Sequence[str], right: Sequence[str]) -> float:
    """Common words by merging sorted lists, F1 by precision and recall."""
    one, two = sorted(left), sorted(right)
    common = 0
    while one and two:
        if one[-1] == two[-1]:
            common += 1
            one.pop()
            two.pop()
        elif one[-1] > two[-1]:
            one.pop()
        else:
            two.pop()
    if not common:
        return 0.0
    precision, recall = common / len(left), common / len(right)
    return 2 * precision * recall / (precision + recall)


def plain(text: str) -> list[str]:
    """Lower case, punctuation out, articles out: by characters and whole words instead of by patterns."""
    kept = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return [word for word in re.split(r"\s+", kept) if word not in ("", "a", "an", "the")]


def mobile(text: str) -> list[str]:
    out = []
    for word in text.split(" "):
        bare = "" if word in ("a", "an", "the", "A", "An", "The") else word
        bare = "".join(character for character in bare if not (character.isascii() and character in string.punctuation))
        out.append("".join(character.lower() if character.isascii() else character for character in bare))
    return out


@quick
@given(phrases, st.lists(phrases, min_size=1, max_size=4))
def test_figures_equal_those_of_another_implementation(prediction: str, answers: list[str]) -> None:
    assert f1(prediction, answers) == pytest.approx(max(sorted_f1(plain(prediction), plain(one)) for one in answers))
    assert exact_match(prediction, answers) == any(plain(prediction) == plain(one) for one in answers)
    expected = max(sorted_f1(mobile(prediction), mobile(one)) for one in answers)
    assert f1_mobile(prediction, answers) == pytest.approx(expected)


@quick
@given(phrases, phrases)
def test_f1_is_symmetric_and_one_where_the_words_are_equal(one: str, two: str) -> None:
    assert f1(one, [two]) == pytest.approx(f1(two, [one]))
    assert f1(one, [one]) == (1.0 if plain(one) else 0.0)
    assert 0.0 <= f1_mobile(one, [two]) <= 1.0


@pytest.mark.parametrize(
    ("prediction", "answer", "official", "app"),
    [
        ("the Denver Broncos", "Denver Broncos", 1.0, 0.8),  # the article still counts as a word
        ("Denver Broncos!", "denver broncos", 1.0, 1.0),
        ("a - b", "b", 1.0, 0.5),
        ("The.", "the", 0.0, 0.0),  # nothing is left in one, "the" is left in the other
        ("an. cat", "cat", 1.0, 2 / 3),  # officially an article; to the app the word "an"
        ("1,000", "1000", 1.0, 1.0),
    ],
)
def test_the_app_differs_where_articles_and_punctuation_meet(
    prediction: str, answer: str, official: float, app: float
) -> None:
    assert f1(prediction, [answer]) == pytest.approx(official)
    assert f1_mobile(prediction, [answer]) == pytest.approx(app)


def test_a_question_without_an_answer_counts_and_scores_nothing() -> None:
    metrics = score({"a": "x"}, {"a": ["x"], "b": ["x"]})
    assert metrics == {"f1": 0.5, "exact_match": 0.5, "f1_mobile": 0.5}
    assert score({}, {"a": ["x"]})["f1"] == 0.0


def test_an_empty_answer_matches_only_an_answer_that_is_empty_too() -> None:
    assert score({"a": ""}, {"a": ["the"]})["exact_match"] == 1.0
    assert score({}, {"a": ["the"]})["exact_match"] == 0.0


def test_a_question_without_truth_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="without an accepted answer"):
        SquadF1().update("x", [])


def test_predictions_for_other_questions_are_refused() -> None:
    with pytest.raises(TruthError, match="none of the 1 predictions is for one of the truth's 1 questions"):
        score({"elsewhere": "x"}, {"here": ["x"]})


PUBLISHED = [
    ("BERT_ensemble_Google_AI_Language.json", 86.2062, 92.1956),
    ("Match_LSTM_with_Ans_Ptr_Boundary_Ensemble_Singapore_Manageme.json", 67.6348, 76.7556),
]


@pytest.mark.parametrize(("name", "em", "f1_percent"), PUBLISHED)
def test_published_predictions_score_as_published(zoo: Path, name: str, em: float, f1_percent: float) -> None:
    squad = zoo / "datasets" / "squad"
    truth = read_truth(squad / "squad_groundtruth.tfrecord").answers
    predictions = read_predictions(squad / "predictions_v1.1" / name)
    found = score(predictions, truth)
    assert round(100 * found["exact_match"], 4) == em
    assert round(100 * found["f1"], 4) == f1_percent
    # The same texts, each given to the question after its own: hardly any is right.
    shifted = dict(zip(predictions, [*itertools.islice(predictions.values(), 1, None), "x"], strict=True))
    assert score(shifted, truth)["f1"] < 0.2
    # Only the first of the accepted answers counts: too low.
    assert round(100 * score(predictions, {qas_id: one[:1] for qas_id, one in truth.items()})["f1"], 4) < f1_percent
    # One question in a hundred is left out: it still counts.
    rest = {qas_id: text for at, (qas_id, text) in enumerate(predictions.items()) if at % 100}
    assert score(rest, truth)["f1"] < found["f1"] - 0.004


def test_the_command_writes_the_metrics_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"a": "The cat", "b": "nothing"}))
    (tmp_path / "t.json").write_text(json.dumps({"a": ["cat"], "b": ["dog", "a dog"]}))
    assert (
        command.run(score_files, "", ["--predictions", str(tmp_path / "p.json"), "--truth", str(tmp_path / "t.json")])
        == 0
    )
    assert json.loads(capsys.readouterr().out) == {"f1": 0.5, "exact_match": 0.5, "f1_mobile": pytest.approx(1 / 3)}


def test_the_command_says_what_is_missing_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        command.run(score_files, "", ["--predictions", str(tmp_path / "p.json"), "--truth", str(tmp_path / "t.json")])
        == 2
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "p.json cannot be read" in captured.err
