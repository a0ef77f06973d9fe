from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from sklearn.metrics import confusion_matrix

from accuracy.mean_iou import MeanIoU, score_files
from accuracy.metric import command

IntArray = npt.NDArray[Any]
quick = settings(deadline=None, derandomize=True, max_examples=60)
labels = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 31, 32, 40, 255])


@st.composite
def sets(draw: st.DrawFn) -> list[tuple[IntArray, IntArray]]:
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    maps = hnp.arrays(np.uint8, shape, elements=labels)
    return draw(st.lists(st.tuples(maps, maps), min_size=1, max_size=4))


def by_the_rule(pairs: list[tuple[IntArray, IntArray]], classes: int) -> dict[int, tuple[int, int, int]]:
    """tp, fp and fn of every class, pixel by pixel as the mobile app's loop reads."""
    hit, accused, missed = Counter[int](), Counter[int](), Counter[int]()
    for prediction, truth in pairs:
        for p, g in zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True):
            for c in range(1, classes + 1):
                if p == c and g == c:
                    hit[c] += 1
                elif p == c:
                    accused[c] += 1 <= g <= classes
                elif g == c:
                    missed[c] += 1
    return {c: (hit[c], accused[c], missed[c]) for c in range(1, classes + 1)}


def score(pairs: list[tuple[IntArray, IntArray]], classes: int = 31) -> MeanIoU:
    metric = MeanIoU(classes)
    for prediction, truth in pairs:
        metric.update(prediction, truth)
    return metric


@quick
@given(sets(), st.sampled_from([3, 5, 31, 255]))
def test_the_counts_are_those_of_the_rules_own_loop(pairs: list[tuple[IntArray, IntArray]], classes: int) -> None:
    counts = by_the_rule(pairs, classes)
    iou = {c: tp / (tp + fp + fn) for c, (tp, fp, fn) in counts.items() if tp + fp + fn}
    present = [iou[c] for c, (tp, _, fn) in counts.items() if tp + fn]
    metric = score(pairs, classes)
    assert dict(metric.per_class()) == pytest.approx(iou)
    expected = {"miou": sum(iou.values()) / classes}
    if present:
        expected["miou_present"] = sum(present) / len(present)
    if iou:
        expected["miou_union"] = sum(iou.values()) / len(iou)
    assert metric.compute() == pytest.approx(expected)


@quick
@given(sets())
def test_the_classes_agree_with_a_confusion_matrix_of_scikit_learn(pairs: list[tuple[IntArray, IntArray]]) -> None:
    prediction = np.concatenate([p.ravel() for p, _ in pairs])
    truth = np.concatenate([g.ravel() for _, g in pairs])
    scored = (truth >= 1) & (truth <= 31)
    assume(scored.any())
    matrix = confusion_matrix(truth[scored], prediction[scored], labels=range(256))
    hits, union = np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1) - np.diag(matrix)
    expected = {c: hits[c] / union[c] for c in range(1, 32) if union[c]}
    assert dict(score(pairs).per_class()) == pytest.approx(expected)


@quick
@given(sets(), st.randoms())
def test_the_order_of_the_pictures_does_not_matter(pairs: list[tuple[IntArray, IntArray]], random: Any) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert score(pairs).compute() == score(shuffled).compute()


def test_counts_are_summed_over_pictures_before_they_are_divided() -> None:
    wrong = (np.full((1, 9), 2, np.uint8), np.full((1, 9), 1, np.uint8))
    right = (np.full((1, 1), 1, np.uint8), np.full((1, 1), 1, np.uint8))
    assert dict(score([wrong, right]).per_class())[1] == pytest.approx(1 / 10)


def test_a_perfect_map_of_two_classes_scores_two_of_thirty_one() -> None:
    truth = np.array([[1, 7], [0, 255]], np.uint8)
    assert score([(truth, truth)]).compute() == pytest.approx({"miou": 2 / 31, "miou_present": 1, "miou_union": 1})


def test_a_prediction_is_not_accused_where_the_truth_is_not_scored() -> None:
    truth = np.array([[5, 0, 32, 255]], np.uint8)
    assert score([(np.full((1, 4), 5, np.uint8), truth)]).per_class() == [(5, 1.0)]


def test_a_predicted_class_that_never_occurs_lowers_the_union_mean_only() -> None:
    means = score([(np.array([[1, 2]], np.uint8), np.array([[1, 1]], np.uint8))]).compute()
    assert means == pytest.approx({"miou": 0.5 / 31, "miou_present": 0.5, "miou_union": 0.25})


def test_a_mean_over_no_class_is_left_out_instead_of_made_up() -> None:
    nothing = np.zeros((2, 2), np.uint8)
    assert score([(nothing, nothing)]).compute() == {"miou": 0.0}


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.int16, np.uint16])
def test_every_integer_type_counts_alike(kind: type[Any]) -> None:
    random = np.random.default_rng(3)
    prediction, truth = random.integers(0, 40, (2, 16, 16))
    small = score([(prediction.astype(np.uint8), truth.astype(np.uint8))]).compute()
    assert score([(prediction.astype(kind), truth.astype(np.uint8))]).compute() == small


def test_a_negative_or_huge_class_is_no_class_rather_than_another_one() -> None:
    truth = np.array([[1, 1, 1]], np.uint8)
    assert dict(score([(np.array([[-255, 257, 1]]), truth)]).per_class()) == pytest.approx({1: 1 / 3})


def test_maps_of_different_size_or_of_floats_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) has a ground truth of shape \(3, 2\)"):
        MeanIoU().update(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))
    with pytest.raises(ValueError, match="float32 holds no class ids"):
        MeanIoU().update(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.uint8))


@pytest.mark.parametrize("classes", [0, 256])
def test_a_number_of_classes_that_no_byte_holds_is_refused(classes: int) -> None:
    with pytest.raises(ValueError, match=f"{classes} classes cannot be scored"):
        MeanIoU(classes)


def test_a_picture_leaves_less_than_a_kilobyte() -> None:
    metric, class_map = MeanIoU(), np.ones((128, 128), np.uint8)
    metric.update(class_map, class_map)
    tracemalloc.start()
    for _ in range(50):
        metric.update(class_map, class_map)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 50 * 1000


def save(folder: Path, name: str, class_map: IntArray) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(class_map.astype(np.uint8)).save(folder / f"{name}.png")


def test_the_command_scores_a_folder_against_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "predictions", "a", np.array([[1, 2]]))
    save(tmp_path / "predictions", "unused", np.array([[3, 3]]))
    save(tmp_path / "truth", "a", np.array([[1, 1]]))
    arguments = ["--predictions", str(tmp_path / "predictions"), "--truth", str(tmp_path / "truth")]
    assert command.run(score_files, "", arguments) == 0
    assert json.loads(capsys.readouterr().out) == {
        "miou": 0.5 / 31,
        "miou_present": 0.5,
        "miou_union": 0.25,
    }


def test_the_command_names_what_is_missing_or_of_another_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "predictions", "a", np.zeros((1, 2)))
    save(tmp_path / "truth", "a", np.zeros((2, 1)))
    arguments = ["--predictions", str(tmp_path / "predictions"), "--truth", str(tmp_path / "truth")]
    assert command.run(score_files, "", arguments) == 2
    assert "a: predicted at (1, 2), but its ground truth has (2, 1)" in capsys.readouterr().err
    save(tmp_path / "truth", "b", np.zeros((2, 1)))
    assert command.run(score_files, "", arguments) == 2
    assert "no file for 1 of the samples: b" in capsys.readouterr().err


def test_the_score_holds_the_iou_of_every_class_that_was_predicted_or_occurs() -> None:
    metric = MeanIoU(3)
    metric.update(np.array([[1, 1, 2]]), np.array([[1, 2, 2]]))
    assert metric.score().details == {"iou_by_class": {"1": 0.5, "2": 0.5}}
