from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.topk import TopK, score_files


@settings(deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), samples=st.integers(1, 60), classes=st.integers(6, 40))
def test_top_1_and_top_5_equal_scikit_learns(seed: int, samples: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.permuted(np.tile(np.arange(classes), (samples, 1)), axis=1)  # no ties: those are broken otherwise
    truth = random.integers(0, classes, samples)
    metric = TopK()
    for row, label in zip(scores, truth, strict=True):
        metric.update(np.argsort(-row)[:5].tolist(), int(label))
    for k in (1, 5):
        expected = top_k_accuracy_score(truth, scores, k=k, labels=np.arange(classes))
        assert metric.compute()[f"top{k}"] == pytest.approx(expected, abs=1e-12)


def test_a_label_beyond_the_first_five_counts_for_neither_figure() -> None:
    metric = TopK()
    metric.update([1, 2, 3, 4, 5, 6], 6)
    metric.update([1, 2, 3, 4, 5, 6], 5)
    metric.update([1, 2, 3, 4, 5, 6], 1)
    assert metric.compute() == {"top1": pytest.approx(1 / 3), "top5": pytest.approx(2 / 3)}


def test_a_log_of_one_label_a_sample_has_a_top_1_and_no_top_5() -> None:
    metric = TopK()
    metric.update([3], 3)
    assert metric.compute() == {"top1": 1.0}


def test_one_answer_of_one_label_takes_the_top_5_from_all() -> None:
    metric = TopK()
    metric.update([1, 2, 3, 4, 5], 5)
    metric.update([3], 3)
    assert metric.compute() == {"top1": 0.5}


def test_no_samples_give_no_figure() -> None:
    assert TopK().compute() == {}


def test_an_empty_prediction_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one label"):
        TopK().update([], 1)


def test_the_module_scores_two_text_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.txt").write_text("3\n4\n5\n6\n")
    (tmp_path / "t.txt").write_text("3\n4\n5\n7\n")
    assert (
        command.run(score_files, "", ["--predictions", str(tmp_path / "p.txt"), "--truth", str(tmp_path / "t.txt")])
        == 0
    )
    assert json.loads(capsys.readouterr().out) == {"top1": 0.75}


def test_the_module_gives_a_top_5_where_lines_hold_five_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.txt").write_text("3 1 2 4 5\n1 2 3 4 7\n")
    (tmp_path / "t.txt").write_text("3\n7\n")
    assert (
        command.run(score_files, "", ["--predictions", str(tmp_path / "p.txt"), "--truth", str(tmp_path / "t.txt")])
        == 0
    )
    assert json.loads(capsys.readouterr().out) == {"top1": 0.5, "top5": 1.0}


@pytest.mark.parametrize(
    ("predictions", "truth", "complaint"),
    [
        ("1\n2\n", "1\n", "has 2 lines, but"),
        ("1\nx\n", "1\n2\n", "line 2 is not a label: 'x'"),
        ("1\n\n", "1\n2\n", "line 2 is not a label"),
        ("", "1\n", "it is empty"),
        ("1\n", "1 2\n", "line 1 has 2 labels"),
        ("\xe9\n", "1\n", "line 1 is not a label: '\xe9'"),
        ("\u0661\n", "1\n", "line 1 is not a label"),
        ("1\n2147483649\n", "1\n1\n", "line 2: the label 2147483649 is beyond 2147483648"),
        ("9" * 5000, "1\n", "line 1: the label 99999999999999999999... is beyond 2147483648"),
    ],
)
def test_the_module_exits_2_on_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], predictions: str, truth: str, complaint: str
) -> None:
    (tmp_path / "p.txt").write_text(predictions, encoding="utf-8")
    (tmp_path / "t.txt").write_text(truth)
    assert (
        command.run(score_files, "", ["--predictions", str(tmp_path / "p.txt"), "--truth", str(tmp_path / "t.txt")])
        == 2
    )
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.out == ""


def test_labels_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xe9\n")
    with pytest.raises(TruthError, match=r"p\.txt is no list of labels: it is not text"):
        score_files(tmp_path / "p.txt", tmp_path / "p.txt")


def test_a_byte_order_mark_is_no_part_of_a_label(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xef\xbb\xbf3\n4\n")
    (tmp_path / "t.txt").write_text("3\n5\n")
    assert score_files(tmp_path / "p.txt", tmp_path / "t.txt") == {"top1": 0.5}


def test_the_module_exits_2_where_a_file_is_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        command.run(score_files, "", ["--predictions", str(tmp_path / "absent"), "--truth", str(tmp_path / "absent")])
        == 2
    )
    assert "no labels at" in capsys.readouterr().err
