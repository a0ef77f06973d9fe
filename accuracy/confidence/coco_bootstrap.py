"""The confidence interval of COCO's AP: pictures are drawn again, detections are matched once.

What a detection hits depends on its own picture alone, so one matching serves every set of pictures drawn: only the
weight of each picture in the precision and recall of each class changes. The matching is that of cocoapi
PythonAPI/pycocotools/cocoeval.py for all sizes and 100 detections a picture and class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from accuracy.answers.detections import Detections
from accuracy.confidence.interval import RESAMPLES, Interval, percentiles, resampled_weights
from accuracy.truth.boxes.coco import Bool, CocoTruth, Float64, Int64, places_by_id

Int8 = npt.NDArray[np.int8]

_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_LEAST_OVERLAP = np.minimum(_THRESHOLDS, 1 - 1e-10)
_RECALLS = np.linspace(0.0, 1.0, 101)
_MOST = 100
_MISS, _HIT, _IGNORED = 0, 1, 2

_FEWEST_RESAMPLES = 100
_WORK = 8e8
_WORK_OF_A_HIT = 25
"""One resample touches each detection once and each hit about so many times; `_WORK` such touches take some seconds."""
_CHUNK = 1 << 21


@dataclass(frozen=True, slots=True)
class _Level:
    """One class at one IoU threshold: its hits, and what is left out of account."""

    hits: Int64
    """[H] ranks of the detections that hit an object, ascending."""
    ignored: Int64
    """[G] ranks of those that fell on a crowd region, ascending."""
    ignored_before: Int64
    """[H] how many of `ignored` come before each hit."""


@dataclass(frozen=True, slots=True)
class _Class:
    """The detections and objects of one class."""

    image: Int64
    """[D] picture of each detection, by rank: the surest first."""
    levels: tuple[_Level, ...]
    """By IoU threshold."""
    object_image: Int64
    """[B] picture of each object that is asked for."""


def coco_ap_interval(truth: CocoTruth, detections: Detections, thresholds: int = len(_THRESHOLDS)) -> Interval | None:
    """The bootstrap over pictures of `coco_ap`, with 1 of the thresholds of `coco_ap50`, centred on it.

    See `accuracy.confidence.interval.percentiles`.

    1,000 sets of pictures are drawn; fewer, but at least 100, where there are very many detections: how many depends
    on the data alone, so that scoring twice gives the same interval.

    Args:
        truth: Of the pictures.
        detections: In them.
        thresholds: So many of COCO's ten count, the lowest first.

    Returns:
        None for fewer than 2 pictures, or where most sets of pictures have no object.
    """
    if len(truth.images) < 2:
        return None
    classes = [replace(one, levels=one.levels[:thresholds]) for one in _classes(truth, detections)]
    work = len(detections.image) + _WORK_OF_A_HIT * sum(len(level.hits) for one in classes for level in one.levels)
    resamples = int(min(RESAMPLES, max(_FEWEST_RESAMPLES, _WORK // max(work, 1))))
    drawn = resampled_weights(len(truth.images), resamples)
    scores = np.concatenate([average_precision(classes, weights) for weights in drawn])
    value = average_precision(classes, np.ones((1, len(truth.images))))[0]
    return percentiles(scores, centre=float(value))


def average_precision(classes: list[_Class], weights: Float64) -> Float64:
    """The AP of sets of pictures.

    Args:
        classes: Every class with an object.
        weights: [sets, pictures] how often each picture is in each set.

    Returns:
        [sets] the mean over the thresholds and over the classes that have an object in the set; NaN where none has.
    """
    total, count = np.zeros(len(weights)), np.zeros(len(weights))
    for one in classes:
        objects = weights[:, one.object_image].sum(axis=1)
        count += objects > 0
        step = max(1, _CHUNK // max(len(one.image), 1))
        for start in range(0, len(weights), step):
            rows = slice(start, start + step)
            total[rows] += _class_precision(one, weights[rows], objects[rows])
    means: Float64 = np.divide(total, count, out=np.full(len(weights), np.nan), where=count > 0)
    return means


def _class_precision(one: _Class, weights: Float64, objects: Float64) -> Float64:
    """[sets] the AP of one class, the mean over the thresholds; 0 where there is no object."""
    of_rank = weights[:, one.image]
    up_to = np.cumsum(of_rank, axis=1)
    total = np.zeros(len(weights))
    for level in one.levels:
        if not len(level.hits):
            continue
        hits = np.cumsum(of_rank[:, level.hits], axis=1)
        counted = up_to[:, level.hits]
        if len(level.ignored):
            ignored = np.cumsum(of_rank[:, level.ignored], axis=1)
            ignored = np.concatenate([np.zeros((len(weights), 1)), ignored], axis=1)
            counted = counted - ignored[:, level.ignored_before]
        precision = np.divide(hits, counted, out=np.zeros_like(hits), where=counted > 0)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = np.divide(hits, objects[:, None], out=np.zeros_like(hits), where=objects[:, None] > 0)
        # Only a hit raises the recall: how many of the 101 recalls are reached at each hit for the first time.
        reached = np.searchsorted(_RECALLS, recall.ravel(), side="right").reshape(recall.shape)
        first = np.diff(reached, axis=1, prepend=0)
        total += np.where(objects > 0, (best * first).sum(axis=1), 0.0)
    return total / (len(_RECALLS) * len(one.levels))


def _classes(truth: CocoTruth, detections: Detections) -> list[_Class]:
    """Matches every class that has an object which is asked for; COCO's mean goes over these."""
    classes = []
    # The official ids, since detections of equal score are ranked by their picture's id.
    place_by_id = places_by_id(truth.images)
    found_by, objects_by = _by_category(detections.category), _by_category(truth.category)
    for category, objects in objects_by.items():
        asked = objects[~truth.crowd[objects]]
        if not len(asked):
            continue
        found = found_by.get(category, np.zeros(0, np.int64))
        ranked, in_picture = _ranked(detections, found, place_by_id)
        kept = ranked[in_picture < _MOST]
        marks = np.zeros((len(_THRESHOLDS), len(kept)), np.int8)
        for rows, columns in _shared_pictures(detections.image[kept], truth.image[objects]):
            there = objects[columns]
            marks[:, rows] = _match(detections.box[kept[rows]], truth.box[there], truth.crowd[there])
        levels = tuple(_level(row) for row in marks)
        classes.append(_Class(detections.image[kept], levels, truth.image[asked]))
    return classes


def _level(marks: Int8) -> _Level:
    hits, ignored = np.flatnonzero(marks == _HIT), np.flatnonzero(marks == _IGNORED)
    return _Level(hits, ignored, np.searchsorted(ignored, hits))


def _by_category(category: Int64) -> dict[int, Int64]:
    """Category -> its rows, in their order."""
    order = np.argsort(category, kind="stable")
    values, starts = np.unique(category[order], return_index=True)
    return dict(zip(values.tolist(), np.split(order, starts[1:]), strict=True)) if len(values) else {}


def _ranked(detections: Detections, found: Int64, place_by_id: Int64) -> tuple[Int64, Int64]:
    """The detections of one class, the surest first, and for each how many surer ones its picture has."""
    image, score = detections.image[found], detections.score[found]
    order = np.lexsort((-score, place_by_id[image]))
    places = place_by_id[image[order]]
    _, starts, sizes = np.unique(places, return_index=True, return_counts=True)
    in_picture = np.arange(len(order)) - np.repeat(starts, sizes)
    by_score = np.argsort(-score[order], kind="stable")
    return found[order[by_score]], in_picture[by_score]


def _shared_pictures(found: Int64, objects: Int64) -> Iterator[tuple[Int64, Int64]]:
    """For each picture with both: the rows of its detections and of its objects, in their order."""
    by_picture, of_objects = _by_category(found), _by_category(objects)
    for picture, columns in of_objects.items():
        if (rows := by_picture.get(picture)) is not None:
            yield rows, columns


def _match(boxes: Float64, objects: Float64, crowd: Bool) -> Int8:
    """What each detection of a picture and class falls on: [10, D], the surest first takes first."""
    marks = np.zeros((len(_THRESHOLDS), len(boxes)), np.int8)
    order = np.argsort(crowd, kind="stable")
    asked = int(np.count_nonzero(~crowd))
    overlaps = _overlaps(boxes, objects[order], asked)
    free = np.ones((len(_THRESHOLDS), asked), np.bool_)
    levels = np.arange(len(_THRESHOLDS))
    crowds = overlaps[:, asked:].max(axis=1, initial=0.0)
    for row in np.flatnonzero(overlaps.max(axis=1) >= _LEAST_OVERLAP[0]):
        hit = np.zeros(len(_THRESHOLDS), np.bool_)
        if asked:
            candidates = np.where(free, overlaps[row, :asked], -1.0)
            best = asked - 1 - candidates[:, ::-1].argmax(axis=1)  # of equal overlaps the last object
            hit = candidates[levels, best] >= _LEAST_OVERLAP
            free[levels[hit], best[hit]] = False
        marks[:, row] = np.where(hit, _HIT, np.where(crowds[row] >= _LEAST_OVERLAP, _IGNORED, _MISS))
    return marks


def _overlaps(boxes: Float64, objects: Float64, asked: int) -> Float64:
    """[D, B] intersection over union; over the detection's own area for the crowds, which come after `asked` objects."""
    ends, object_ends = boxes[:, :2] + boxes[:, 2:], objects[:, :2] + objects[:, 2:]
    low = np.maximum(boxes[:, None, :2], objects[None, :, :2])
    high = np.minimum(ends[:, None], object_ends[None])
    shared = np.maximum(high - low, 0).prod(axis=2)
    area, object_area = boxes[:, 2:].prod(axis=1)[:, None], objects[:, 2:].prod(axis=1)[None]
    union = np.where(np.arange(len(objects)) < asked, area + object_area - shared, area)
    overlaps: Float64 = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlaps
