from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.detections import Detections, read_results
from accuracy.coco_ap import METRICS, coco_ap
from accuracy.errors import TruthError
from accuracy.metric.detection_score import explain, score_detections
from accuracy.tflite_map import tflite_map
from accuracy.truth.boxes.coco import CocoImage, CocoTruth
from accuracy.truth.boxes.instances import read_instances
from accuracy.voc_map import voc_map

quick = settings(deadline=None, derandomize=True, max_examples=80)
Sample = tuple[CocoTruth, Detections]


def truth_of(objects: list[tuple[int, int, list[float], bool]], ids: list[int]) -> CocoTruth:
    """From (image, category, box, crowd); the area is a little less than the box's, as a mask's is."""
    box = np.array([box for _, _, box, _ in objects], np.float64).reshape(-1, 4)
    return CocoTruth(
        images=tuple(CocoImage(f"{number}.jpg", number, 200, 100) for number in ids),
        categories=(1, 2, 3, 4),
        image=np.array([image for image, _, _, _ in objects], np.int64),
        category=np.array([category for _, category, _, _ in objects], np.int64),
        box=box,
        area=box[:, 2] * box[:, 3] * 0.9,
        crowd=np.array([crowd for _, _, _, crowd in objects], np.bool_),
        ignore=np.zeros(len(objects), np.bool_),
    )


def detections_of(rows: list[tuple[int, int, list[float], float]]) -> Detections:
    """From (image, category, box, score)."""
    return Detections(
        image=np.array([image for image, _, _, _ in rows], np.int64),
        category=np.array([category for _, category, _, _ in rows], np.int64),
        box=np.array([box for _, _, box, _ in rows], np.float64).reshape(-1, 4),
        score=np.array([score for _, _, _, score in rows], np.float64),
    )


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Few pictures, few classes, and coarse boxes and scores, so that overlaps and equal scores abound."""
    count = draw(st.integers(1, 4))
    ids = draw(st.lists(st.integers(1, 99), min_size=count, max_size=count, unique=True))
    image, category = st.integers(0, count - 1), st.sampled_from([1, 1, 1, 2, 3])
    width, height = st.sampled_from([10.0, 13.0, 20.0, 0.0]), st.sampled_from([20.0, 100.0, 20.0, 0.0])
    box = st.builds(lambda x, y, w, h: [x, y, w, h], st.sampled_from([0.0, 2.0, 40.0]), st.just(3.0), width, height)
    crowd = st.sampled_from([False, False, True])
    fewest = draw(st.sampled_from([0, 8]))
    objects = draw(st.lists(st.tuples(image, category, box, crowd), min_size=fewest, max_size=12))
    score = st.sampled_from([0.1, 0.25, 0.5, 0.9])
    rows = draw(st.lists(st.tuples(image, category, box, score), min_size=fewest, max_size=20))
    # The order of a log: by picture.
    return truth_of(objects, ids), detections_of(sorted(rows, key=lambda row: row[0]))


# --- COCO ----------------------------------------------------------------------------------------------------------


def by_pycocotools(truth: CocoTruth, detections: Detections) -> dict[str, float]:
    """The documented way, through loadRes."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    expected = COCO()
    expected.dataset = {
        "images": [{"id": image.id} for image in truth.images],
        "categories": [{"id": number} for number in truth.categories],
        "annotations": [
            {
                "id": row + 1,
                "image_id": truth.images[truth.image[row]].id,
                "category_id": int(truth.category[row]),
                "bbox": truth.box[row].tolist(),
                "area": float(truth.area[row]),
                "iscrowd": int(truth.crowd[row]),
            }
            for row in range(len(truth.box))
        ],
    }
    results = [
        {
            "image_id": truth.images[detections.image[row]].id,
            "category_id": int(detections.category[row]),
            "bbox": detections.box[row].tolist(),
            "score": float(detections.score[row]),
        }
        for row in range(len(detections.box))
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        expected.createIndex()
        evaluator = COCOeval(expected, expected.loadRes(results), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return {name: value for name, value in zip(METRICS, evaluator.stats.tolist(), strict=True) if value != -1}


@pytest.mark.parametrize("library", ["faster_coco_eval", "pycocotools"])
@quick
@given(sample=samples())
def test_all_twelve_figures_are_those_of_pycocotools(library: str, sample: Sample) -> None:
    truth, detections = sample
    if not len(detections.box):  # pycocotools' own loader fails on an empty list
        return
    assert coco_ap(truth, detections, library) == pytest.approx(by_pycocotools(truth, detections), abs=5e-7)


@pytest.mark.parametrize("library", ["faster_coco_eval", "pycocotools"])
def test_no_detection_at_all_scores_nothing(library: str) -> None:
    truth = truth_of([(0, 1, [0, 0, 10, 10], False)], [7])
    figures = coco_ap(truth, detections_of([]), library)
    assert figures["coco_ap"] == figures["coco_ar100"] == 0.0
    assert "coco_ap_large" not in figures


def test_a_figure_without_objects_to_ask_for_is_left_out() -> None:
    truth = truth_of([(0, 1, [0, 0, 100, 100], True)], [7])
    assert coco_ap(truth, detections_of([(0, 1, [0, 0, 100, 100], 0.5)])) == {}
    assert coco_ap(truth_of([], [7]), detections_of([(0, 1, [0, 0, 100, 100], 0.5)])) == {}


def test_pictures_without_detections_count_and_pictures_that_were_not_sent_do_not() -> None:
    objects: list[tuple[int, int, list[float], bool]] = [(n, 1, [0, 0, 50, 50], False) for n in range(2)]
    truth, found = truth_of(objects, [1, 2]), detections_of([(0, 1, [0, 0, 50, 50], 0.9)])
    assert coco_ap(truth, found)["coco_ar100"] == pytest.approx(0.5)
    assert coco_ap(truth.select([0]), found)["coco_ar100"] == pytest.approx(1.0)


def test_a_detection_on_a_crowd_region_is_not_held_against_the_model() -> None:
    objects: list[tuple[int, int, list[float], bool]] = [(0, 1, [0, 0, 50, 50], False), (0, 1, [60, 0, 90, 90], True)]
    found = detections_of([(0, 1, [62, 2, 30, 30], 0.95), (0, 1, [0, 0, 50, 50], 0.9)])
    assert coco_ap(truth_of(objects, [1]), found)["coco_ap"] == pytest.approx(1.0)
    uncrowded = [(*entry[:3], False) for entry in objects]
    assert coco_ap(truth_of(uncrowded, [1]), found)["coco_ap"] < 0.6


def test_figures_by_size_are_left_out_where_the_sizes_are_not_known() -> None:
    truth = truth_of([(0, 1, [0, 0, 0.5, 0.5], False)], [1])
    unknown = dataclasses.replace(truth, area=np.full(1, np.nan))
    figures = coco_ap(unknown, detections_of([(0, 1, [0, 0, 0.5, 0.5], 0.9)]))
    assert figures["coco_ap"] == pytest.approx(1.0)
    assert not [name for name in figures if name.endswith(("small", "medium", "large"))]


def test_the_libraries_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    truth = truth_of([(0, 1, [0, 0, 50, 50], False)], [1])
    for library in ("faster_coco_eval", "pycocotools"):
        coco_ap(truth, detections_of([(0, 1, [0, 0, 50, 50], 0.9)]), library)
    assert capfd.readouterr() == ("", "")


def test_without_either_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("faster_coco_eval", "pycocotools", "pycocotools.coco"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(TruthError, match="need faster-coco-eval or pycocotools"):
        coco_ap(truth_of([(0, 1, [0, 0, 50, 50], False)], [1]), detections_of([]))


# --- the mobile app's ----------------------------------------------------------------------------------------------


def overlap(a: list[float], b: list[float], kind: Any) -> Any:
    """Intersection over union of two boxes of left, top, right, bottom, in one number type."""
    a, b = [kind(value) for value in a], [kind(value) for value in b]
    shared = max(kind(0), min(a[2], b[2]) - max(a[0], b[0])) * max(kind(0), min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else kind(0)


def fractions(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [x / 200, y / 100, (x + w) / 200, (y + h) / 100]


def stage_average_precision(
    objects: list[tuple[int, list[float]]], found: list[tuple[int, list[float], float]], threshold: Any
) -> float:
    """One class at one threshold, as the stage's text reads: a list of free objects, then levels 100 down to 0."""
    free = list(objects)
    curve: list[tuple[Any, Any]] = []
    correct = 0
    for number, (image, box, _) in enumerate(sorted(found, key=lambda row: -row[2]), 1):
        candidates = [
            (overlap(fractions(box), fractions(other), np.float32), other) for at, other in free if at == image
        ]
        best: tuple[Any, list[float]] = max(candidates, key=lambda pair: pair[0], default=(np.float32(-1), []))
        if best[0] >= threshold:
            free.remove((image, best[1]))
            correct += 1
        curve.append((np.float32(correct) / np.float32(number), np.float32(correct) / np.float32(len(objects))))
    levels = [
        max((precision for precision, recall in curve if recall * np.float32(100) >= np.float32(level)), default=0)
        for level in range(101)
    ]
    return float(sum(map(float, levels))) / 101


def by_the_stage(truth: CocoTruth, detections: Detections) -> dict[str, float]:
    classes = sorted(set(truth.category.tolist()) | set(detections.category.tolist()))
    values = []
    for number in classes:
        objects = [
            (int(truth.image[row]), truth.box[row].tolist())
            for row in range(len(truth.box))
            if truth.category[row] == number
        ]
        found = [
            (int(detections.image[row]), detections.box[row].tolist(), float(detections.score[row]))
            for row in range(len(detections.box))
            if detections.category[row] == number
        ]
        for step in range(10):
            threshold = np.float32(0.5 + step * 0.05)
            values.append(stage_average_precision(objects, found, threshold) if objects else 0.0)
    return {"tflite_map": sum(values) / len(values)} if values else {}


@quick
@given(samples())
def test_the_apps_figure_is_that_of_the_stage_read_aloud(sample: Sample) -> None:
    assert tflite_map(*sample) == pytest.approx(by_the_stage(*sample), abs=1e-6)


def test_a_class_that_is_only_predicted_adds_a_zero() -> None:
    truth = truth_of([(0, 1, [0, 0, 50, 50], False)], [1])
    hit = (0, 1, [0.0, 0.0, 50.0, 50.0], 0.9)
    assert tflite_map(truth, detections_of([hit]))["tflite_map"] == pytest.approx(1.0)
    assert tflite_map(truth, detections_of([hit, (0, 2, [0, 0, 9, 9], 0.1)]))["tflite_map"] == pytest.approx(0.5)


def test_crowd_regions_are_objects_to_the_app() -> None:
    objects: list[tuple[int, int, list[float], bool]] = [(0, 1, [0, 0, 50, 50], False), (0, 1, [60, 0, 90, 90], True)]
    found = detections_of([(0, 1, [0, 0, 50, 50], 0.9)])
    assert tflite_map(truth_of(objects, [1]), found)["tflite_map"] == pytest.approx(51 / 101)


def test_an_object_is_found_once_and_the_next_detection_takes_the_next_best() -> None:
    boxes = [[0.0, 0.0, 100.0, 100.0], [0.0, 0.0, 100.0, 78.0]]
    truth = truth_of([(0, 1, box, False) for box in boxes], [1])
    found = detections_of([(0, 1, boxes[0], 0.9), (0, 1, boxes[0], 0.8)])
    # The second finds the other object, of an IoU of 0.78, at the thresholds 0.5 to 0.75.
    assert tflite_map(truth, found)["tflite_map"] == pytest.approx((6 + 4 * 51 / 101) / 10)
    assert voc_map(truth, found)["voc_map50"] == pytest.approx(0.5)


@pytest.mark.parametrize(("found", "of", "points"), [(52, 100, 53), (53, 100, 53), (54, 100, 55)])
def test_a_recall_is_rounded_as_in_float32(found: int, of: int, points: int) -> None:
    """The stage multiplies a float32 recall by 100, which here ends just below the whole number it stands for."""
    objects: list[tuple[int, int, list[float], bool]] = [(0, 1, [2.0 * n, 0, 1, 50], False) for n in range(of)]
    rows: list[tuple[int, int, list[float], float]] = [(0, 1, box, 0.9) for _, _, box, _ in objects[:found]]
    truth, detections = truth_of(objects, [1]), detections_of(rows)
    assert tflite_map(truth, detections)["tflite_map"] == pytest.approx(points / 101)
    assert by_the_stage(truth, detections)["tflite_map"] == pytest.approx(points / 101)


def test_the_highest_threshold_is_the_stages_sum_of_floats_an_ulp_above_the_nearest_to_0_95() -> None:
    truth = truth_of([(0, 1, [0, 0, 200, 100], False)], [1])
    for side, hits in ((95, 9), (95.00001, 10)):
        found = detections_of([(0, 1, [0, 0, 200, side], 0.9)])
        assert tflite_map(truth, found)["tflite_map"] == pytest.approx(hits / 10)


@pytest.mark.parametrize("metric", [tflite_map, voc_map, coco_ap])
def test_an_overlap_of_just_one_half_is_enough(metric: Any) -> None:
    truth = truth_of([(0, 1, [0, 0, 50, 50], False)], [1])
    half, less = detections_of([(0, 1, [0, 0, 50, 25], 0.9)]), detections_of([(0, 1, [0, 0, 50, 24.5], 0.9)])
    assert max(metric(truth, half).values()) > 0
    assert max(metric(truth, less).values()) == 0


# --- PASCAL VOC ----------------------------------------------------------------------------------------------------


def by_the_devkit(truth: CocoTruth, detections: Detections) -> dict[str, float]:
    """Detection by detection, then the area under the curve as a sum over every recall step."""
    values = []
    for number in sorted(set(truth.category[~truth.crowd].tolist())):
        objects = [row for row in range(len(truth.box)) if truth.category[row] == number]
        wanted = sum(not truth.crowd[row] for row in objects)
        taken: set[int] = set()
        hits: list[bool] = []
        rows = [row for row in range(len(detections.box)) if detections.category[row] == number]
        for row in sorted(rows, key=lambda row: -detections.score[row]):
            best, best_overlap = -1, 0.0
            for other in objects:
                if truth.image[other] == detections.image[row]:
                    x, y, w, h = detections.box[row].tolist()
                    u, v, s, t = truth.box[other].tolist()
                    share = overlap([x, y, x + w, y + h], [u, v, u + s, v + t], np.float64)
                    if share > best_overlap:
                        best, best_overlap = other, share
            if best_overlap >= 0.5 and truth.crowd[best]:
                continue
            hits.append(best_overlap >= 0.5 and best not in taken)
            taken |= {best} if hits[-1] else set()
        points = [(sum(hits[:n]) / wanted, sum(hits[:n]) / n) for n in range(1, len(hits) + 1)]
        area, last = 0.0, 0.0
        for recall in sorted({recall for recall, _ in points}):
            area += (recall - last) * max(precision for at, precision in points if at >= recall)
            last = recall
        values.append(area)
    return {"voc_map50": sum(values) / len(values)} if values else {}


@quick
@given(samples())
def test_the_voc_figure_is_that_of_the_devkit_read_aloud(sample: Sample) -> None:
    assert voc_map(*sample) == pytest.approx(by_the_devkit(*sample), abs=1e-9)


def test_ignored_objects_are_difficult_to_voc_and_ordinary_to_the_others() -> None:
    truth = truth_of([(0, 1, [0, 0, 50, 50], False), (0, 1, [60, 0, 90, 90], False)], [1])
    truth = dataclasses.replace(truth, ignore=np.array([False, True]))
    found = detections_of([(0, 1, [60, 0, 90, 90], 0.95), (0, 1, [0, 0, 50, 50], 0.9)])
    assert voc_map(truth, found)["voc_map50"] == pytest.approx(1.0)
    only = detections_of([(0, 1, [0, 0, 50, 50], 0.9)])
    assert voc_map(truth, only)["voc_map50"] == pytest.approx(1.0)
    assert coco_ap(truth, only)["coco_ar100"] == pytest.approx(0.5)


# --- together ------------------------------------------------------------------------------------------------------


def test_the_explanation_counts_classes_crowds_and_pictures() -> None:
    truth = truth_of([(0, 1, [0, 0, 50, 50], False), (1, 2, [0, 0, 50, 50], True)], [1, 2, 3])
    text = explain(truth, detections_of([(0, 3, [0, 0, 9, 9], 0.1), (0, 4, [0, 0, 9, 9], 0.1)]))
    assert "these 3 pictures" in text
    assert "the 1 classes with an object" in text
    assert "the 4 that occur, of which 2 are only predicted" in text
    assert "1 crowd regions" in text


def test_the_figures_of_cocos_own_example_are_exact(zoo: Path) -> None:
    folder = zoo / "datasets/eval_checks/coco_map"
    truth = read_instances(folder / "instances_val2014_100.json")
    found = read_results(folder / "instances_val2014_fakebbox100_results.json", truth)
    expected = (
        "0.504581 0.696973 0.572982 0.585626 0.519400 0.501398 0.386813 0.593680 0.595353 0.639811 0.566421 0.564291"
    )
    for library in ("faster_coco_eval", "pycocotools"):
        assert [f"{value:.6f}" for value in coco_ap(truth, found, library).values()] == expected.split()
    # The twins: a box moved by ten pixels, crowd regions taken for objects, equal scores ranked by another picture order.
    for wrong_truth, wrong in (
        (truth, dataclasses.replace(found, box=found.box + np.array([10, 0, 0, 0]))),
        (dataclasses.replace(truth, crowd=np.zeros_like(truth.crowd)), found),
        (dataclasses.replace(truth, images=tuple(i._replace(id=-int(i.id)) for i in truth.images)), found),
    ):
        assert f"{coco_ap(wrong_truth, wrong)['coco_ap']:.6f}" != "0.504581"


def test_the_kept_detections_of_a_real_model_score_their_reference(zoo: Path) -> None:
    folder = zoo / "datasets/coco_val50"
    truth = read_instances(folder / "annotations/instances_val2017.json")
    found = read_results(folder / "ref_detections_ssd_val2017.json", truth)
    figures = score_detections(truth, found)
    assert figures["coco_ap"] == pytest.approx(0.192395, abs=5e-7)
    assert figures["coco_ap50"] == pytest.approx(0.326281, abs=5e-7)
    shifted = dataclasses.replace(found, category=found.category - 1)
    assert score_detections(truth, shifted)["coco_ap"] < 0.01


@pytest.mark.parametrize("module", ["coco_ap", "tflite_map", "voc_map"])
def test_each_metric_runs_from_the_command_line(tmp_path: Path, module: str) -> None:
    truth = {
        "images": [{"id": 4, "file_name": "a.jpg", "width": 100, "height": 100}],
        "categories": [{"id": 1}],
        "annotations": [{"id": 1, "image_id": 4, "category_id": 1, "bbox": [0, 0, 40, 40], "area": 1600}],
    }
    results = [{"image_id": 4, "category_id": 1, "bbox": [0, 0, 40, 40], "score": 0.5}]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps(results))
    command = [sys.executable, "-m", f"accuracy.{module}", "--predictions", str(tmp_path / "results.json")]
    done = subprocess.run(
        [*command, "--truth", str(tmp_path / "truth.json")], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout)
    assert done.stderr == ""
    assert figures[{"voc_map": "voc_map50"}.get(module, module)] == pytest.approx(1.0)
