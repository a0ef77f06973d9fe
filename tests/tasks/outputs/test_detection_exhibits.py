from __future__ import annotations

import numpy as np

from accuracy.answers.detections import Detections
from accuracy.truth.boxes.coco import CocoImage, CocoTruth
from tasks.outputs.detection_exhibits import exhibit_detections


def truth_of(*boxes: tuple[int, int, tuple[float, float, float, float]], crowd: bool = False) -> CocoTruth:
    count = len(boxes)
    return CocoTruth(
        images=(CocoImage("a.jpg", 1, 100, 50), CocoImage("b.jpg", 2, 100, 50)),
        categories=(1, 2),
        image=np.array([image for image, _, _ in boxes], np.int64),
        category=np.array([category for _, category, _ in boxes], np.int64),
        box=np.array([box for _, _, box in boxes], np.float64).reshape(-1, 4),
        area=np.ones(count),
        crowd=np.full(count, crowd),
        ignore=np.zeros(count, bool),
        names={1: "cat"},
    )


def found_of(*boxes: tuple[int, int, tuple[float, float, float, float], float]) -> Detections:
    return Detections(
        np.array([image for image, _, _, _ in boxes], np.int64),
        np.array([category for _, category, _, _ in boxes], np.int64),
        np.array([box for _, _, box, _ in boxes], np.float64).reshape(-1, 4),
        np.array([score for _, _, _, score in boxes], np.float64),
    )


def test_a_box_that_overlaps_is_right_and_a_second_one_of_it_is_not() -> None:
    truth = truth_of((0, 1, (10, 10, 20, 20)), (1, 2, (0, 0, 10, 10)))
    found = found_of(
        (0, 1, (11, 10, 20, 20), 0.9),
        (0, 1, (10, 11, 20, 20), 0.8),
        (0, 1, (90, 0, 5, 5), 0.1),
        (1, 2, (0, 0, 10, 10), 0.7),
    )
    exhibition = exhibit_detections(truth, found, 5, lambda index: None)
    worst, best = exhibition.exhibits
    assert (worst.name, best.name) == ("a.jpg", "b.jpg")
    assert [box.right for box in worst.said_boxes] == [True, False]
    assert worst.said_boxes[0].label == "cat"
    assert best.quality == 1.0
    assert best.said_boxes[0].label == "category 2"
    assert (worst.true_boxes[0].x, worst.true_boxes[0].y) == (0.1, 0.2)


def test_what_is_missed_and_another_class_are_wrong() -> None:
    truth = truth_of((0, 1, (10, 10, 20, 20)))
    exhibition = exhibit_detections(truth, found_of((0, 2, (10, 10, 20, 20), 0.9)), 1, lambda index: None)
    (worst,) = exhibition.exhibits
    assert worst.quality == 0.0
    assert not worst.true_boxes[0].right
    assert not worst.said_boxes[0].right


def test_pictures_without_anything_are_right_and_crowds_are_not_asked_for() -> None:
    exhibition = exhibit_detections(truth_of((0, 1, (1, 1, 2, 2)), crowd=True), found_of(), 5, lambda index: None)
    assert [one.quality for one in exhibition.exhibits] == [1.0, 1.0]
    assert exhibition.exhibits[0].true_boxes == ()
