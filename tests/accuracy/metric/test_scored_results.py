"""Plain predictions are told what is odd about them, as a run's log is."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy import auc, coco_ap, mean_iou, squad_f1, topk
from accuracy.errors import TruthError
from accuracy.metric.score import Score

Truth = dict[str, list[dict[str, Any]]]
Found = list[dict[str, Any]]


def street(classes: int = 3) -> tuple[Truth, Found]:
    dice = random.Random(5)
    objects, found = [], []
    for number in range(1, 31):
        box = [dice.uniform(0, 400), dice.uniform(0, 300), dice.uniform(20, 200), dice.uniform(20, 150)]
        what = {"image_id": number % 6, "category_id": 1 + number % classes, "bbox": box}
        objects.append({"id": number, "area": box[2] * box[3], "iscrowd": 0, **what})
        found.append({"score": dice.random(), **what})
    images = [{"id": number, "file_name": f"{number}.jpg", "width": 640, "height": 480} for number in range(6)]
    return {
        "images": images,
        "annotations": objects,
        "categories": [{"id": number, "name": f"c{number}"} for number in range(1, classes + 1)],
    }, found


def scored(folder: Path, truth: Truth, found: Found) -> Score:
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(found))
    score = coco_ap.score_files(folder / "found.json", folder / "truth.json")
    assert isinstance(score, Score)
    return score


def test_annotations_that_share_an_id_are_counted_where_cocos_tool_mixes_them_up(tmp_path: Path) -> None:
    truth, found = street()
    right = scored(tmp_path, truth, found)
    for entry in truth["annotations"][:10]:
        entry["id"] = 7
    score = scored(tmp_path, truth, found)
    assert score["coco_ap"] == right["coco_ap"] == pytest.approx(1)
    assert [note for note in score.notes if note.startswith("9 annotations have an id that another before them has")]
    doubled, found = street()
    doubled["annotations"].append(doubled["annotations"][0])
    assert not scored(tmp_path, doubled, found).notes


def test_results_without_a_detection_are_said_to_be_empty(tmp_path: Path) -> None:
    score = scored(tmp_path, street()[0], [])
    assert score["coco_ap"] == 0
    assert str(score.notes).count("found.json holds no detection") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y, w, h: [x, y, x + w, y + h], "boxes as xmin, ymin, xmax, ymax"),
        (lambda x, y, w, h: [y, x, h, w], "boxes as y, x, height, width"),
        (lambda x, y, w, h: [x + w / 2, y + h / 2, w, h], "boxes as centre x, centre y, width, height"),
        (lambda x, y, w, h: [x / 640, y / 480, w / 640, h / 480], "boxes as x, y, width, height in fractions"),
    ],
)
def test_results_whose_boxes_are_of_another_form_are_told_which(tmp_path: Path, change: Any, words: str) -> None:
    truth, found = street()
    score = scored(tmp_path, truth, [{**one, "bbox": change(*one["bbox"])} for one in found])
    assert score["coco_ap"] < 0.1
    assert f"read with {words}" in str(score.notes)


@pytest.mark.parametrize("step", [-1, 1])
def test_results_whose_classes_count_from_elsewhere_are_told_so(tmp_path: Path, step: int) -> None:
    truth, found = street(classes=10)
    score = scored(tmp_path, truth, [{**one, "category_id": one["category_id"] + step} for one in found])
    assert score["coco_ap"] < 0.1
    assert "read with classes shifted by one it would be 1" in str(score.notes)


def test_lists_of_labels_at_chance_are_told_how_they_were_meant(tmp_path: Path) -> None:
    truth, found = tmp_path / "truth.txt", tmp_path / "found.txt"
    truth.write_text("65\n970\n230\n809\n")
    found.write_text("66\n971\n231\n810\n")
    score = topk.score_files(found, truth)
    assert isinstance(score, Score)
    assert score["top1"] == 0
    assert "read with labels shifted by one it would be 1" in str(score.notes)


def test_questions_without_a_prediction_and_predictions_without_a_question_are_counted(tmp_path: Path) -> None:
    truth, found = tmp_path / "truth.json", tmp_path / "found.json"
    truth.write_text(json.dumps({"a": ["x"], "b": ["y"]}))
    found.write_text(json.dumps({"a": "x", "c": "z"}))
    score = squad_f1.score_files(found, truth)
    assert isinstance(score, Score)
    assert score["f1"] == 0.5
    assert "1 of 2 questions have no prediction and count as 0, the first is 'b'" in score.notes
    assert "1 of 2 predictions are for no question of the truth and do not count, the first is 'c'" in score.notes


def test_maps_of_which_nothing_is_scored_are_refused_and_maps_of_no_picture_are_counted(tmp_path: Path) -> None:
    for folder in ("truth", "found"):
        (tmp_path / folder).mkdir()
    for value in (0, 255, 40):
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(tmp_path / "truth" / "a.png")
        Image.fromarray(np.full((8, 8), 1, np.uint8)).save(tmp_path / "found" / "a.png")
        with pytest.raises(TruthError, match="has any of the classes 1 to 31: nothing can be scored"):
            mean_iou.score_files(tmp_path / "found", tmp_path / "truth")
    labels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((4, 4))).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "truth" / "a.png")
    Image.fromarray(labels + np.uint8(1)).save(tmp_path / "found" / "a.png")
    Image.fromarray(labels).save(tmp_path / "found" / "b.png")
    score = mean_iou.score_files(tmp_path / "found", tmp_path / "truth")
    assert isinstance(score, Score)
    assert "read with classes shifted by one it would be 1:" in str(score.notes)
    assert "1 predictions have nothing of their name" in str(score.notes)


def test_scores_of_what_is_normal_are_told_from_scores_of_anomalies(tmp_path: Path) -> None:
    scores, truth = tmp_path / "scores.csv", tmp_path / "truth.csv"
    scores.write_text("a,0.9\nb,0.1\nc,0.8\nd,0.2\n")
    truth.write_text("a,0\nb,1\nc,0\nd,1\n")
    score = auc.score_files(scores, truth)
    assert isinstance(score, Score)
    assert "read with the order of the scores reversed it would be 1" in str(score.notes)
    scores.write_text("normal_1.wav,0.1\nanomaly_1.wav,0.9\n")
    truth.write_text("normal_1.wav,1\nanomaly_1.wav,0\n")
    with pytest.raises(TruthError, match=r"calls normal_1\.wav an anomaly, its name the other"):
        auc.score_files(scores, truth)
