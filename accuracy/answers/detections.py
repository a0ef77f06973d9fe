"""What a detector answered, as arrays, and COCO's results format (https://cocodataset.org/#format-results)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.answers import wire
from accuracy.answers.log import Answer, LogError, Sample
from accuracy.metric.tally import Tally
from accuracy.outside.border import reads
from accuracy.outside.text_files import read_text
from accuracy.truth.boxes.coco import (
    CocoTruth,
    Float64,
    Id,
    Int64,
    Remarks,
    as_id,
    id_fault,
    id_of,
    id_order,
    is_int,
    is_number,
)

Rows = npt.NDArray[np.float32]
"""[k, 7] as `accuracy.answers.wire` has them."""

_COLUMNS = ("sample index", "ymin", "xmin", "ymax", "xmax", "score", "class")
_COCO_LABELS = 90
"""TFLite's stage refuses classes from 91 on (LRT .../coco_object_detection, num_classes)."""

_ROWS = f"A row is of seven float32: {', '.join(_COLUMNS)}. Was it logged in another order or type?"
_MOST_SAMPLES = 1 << 24

_FAR = 1.5
"""From the middle of a picture, in its sides: beyond it no box of a working model lies, or hardly one."""
_NEGATIVE = "detections have a box of negative width or height: they hit nothing, as in pycocotools"
_UNLISTED = (
    "detections are of a category that the ground truth does not list: coco_ap and voc_map50 pass over them as pycocotools "
    "does, tflite_map counts each such class as 0"
)


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections over all pictures of a `CocoTruth`, one row each, D in all."""

    image: Int64
    """[D] index into the ground truth's `images`."""
    category: Int64
    """[D] category id; one that the ground truth does not list may occur."""
    box: Float64
    """[D, 4] x, y, width, height in pixels."""
    score: Float64
    """[D] the higher, the surer. Of two equal scores the first row counts as the surer."""
    remarks: tuple[str, ...] = ()
    """As `CocoTruth.remarks`."""

    def of_categories(self, wanted: Sequence[int]) -> Detections:
        """Those of some categories alone."""
        kept = np.isin(self.category, np.asarray(wanted, np.int64))
        return Detections(self.image[kept], self.category[kept], self.box[kept], self.score[kept], self.remarks)


def from_answers(answers: Iterable[Answer], truth: CocoTruth, label_map: Mapping[int, int] | None = None) -> Detections:
    """The detections of a log, in the order of the pictures, whatever the order in which the run asked for them.

    Boxes become pixels in float32, as INF vision/.../accuracy-coco.py computes them.

    Args:
        answers: One for each image of the ground truth, by its index.
        truth: The ground truth of the samples, in the samples' order.
        label_map: Logged class -> category id; None where they are the same.

    Raises:
        LogError: A sample without an answer or with two, an answer that belongs to another sample, a score or box that
            is not finite, or a class that cannot be; the message names the picture. Boxes most of which lie far outside
            their pictures.
    """
    return of_tally(tally_of(answers, truth, label_map), truth, label_map)


def tally_of(answers: Iterable[Answer], truth: CocoTruth, label_map: Mapping[int, int] | None = None) -> Tally:
    """The rows of some answers: `image`, int64 [answers]; `count` of rows, likewise; `rows`, float32 [rows, 7].

    Arguments and errors as those of `from_answers`, but that some samples may have no answer here.
    """
    highest = max((_COCO_LABELS, *truth.categories))
    names = [image.name for image in truth.images]
    seen: dict[int, Rows] = {}
    for answer in answers:
        if answer.index >= len(names):
            raise LogError(f"sample {answer.index} is answered, but there are {len(names)} samples")
        if answer.index in seen:
            raise LogError(f"sample {answer.index} ({names[answer.index]}) is answered twice")
        with Sample(answer.index, names):
            rows = wire.unpack_detections(answer.data)
            if fault := _row_fault(rows, answer.index, highest if label_map is None else label_map):
                raise LogError(fault)
        seen[answer.index] = rows
    return {
        "image": np.array(list(seen), np.int64),
        "count": np.array([len(rows) for rows in seen.values()], np.int64),
        "rows": np.concatenate([*seen.values(), np.zeros((0, wire.DETECTION_FLOATS), np.float32)]),
    }


def of_tally(tally: Tally, truth: CocoTruth, label_map: Mapping[int, int] | None = None) -> Detections:
    """The detections of a whole log: see `from_answers`."""
    names = [image.name for image in truth.images]
    times = np.bincount(tally["image"], minlength=len(names)).tolist()
    for index, count in enumerate(times):
        if count > 1:
            raise LogError(f"sample {index} ({names[index]}) is answered twice")
    if missing := [index for index, count in enumerate(times) if not count]:
        raise LogError(f"{len(missing)} samples have no answer, the first is sample {missing[0]} ({names[missing[0]]})")
    by_answer = np.repeat(tally["image"], tally["count"])
    # As they stand within a picture, whatever the order in which the pictures were answered.
    order = np.argsort(by_answer, kind="stable")
    image = by_answer[order]
    rows: Rows = tally["rows"][order]
    far = (np.abs(rows[:, 1:5] - 0.5) > _FAR).any(axis=1)
    if 2 * np.count_nonzero(far) > len(far):
        first = int(far.argmax())
        raise LogError(
            f"{np.count_nonzero(far):,} of {len(far):,} boxes lie far outside their pictures, for example "
            f"{rows[first, 1:5].tolist()} in {names[image[first]]}: boxes are ymin, xmin, ymax, xmax in fractions of the "
            "picture's sides, 0 to 1. Were these logged in pixels?"
        )
    sides = np.array([(picture.height, picture.width) * 2 for picture in truth.images], np.float32).reshape(-1, 4)
    top, left, bottom, right = (rows[:, 1:5] * sides[image]).T
    labels = rows[:, 6].astype(np.int64)
    return Detections(
        image=image,
        category=labels if label_map is None else np.array([label_map[label] for label in labels.tolist()], np.int64),
        box=np.stack([left, top, np.maximum(right - left, 0), np.maximum(bottom - top, 0)], axis=1).astype(np.float64),
        score=rows[:, 5].astype(np.float64),
    )


def _row_fault(rows: Rows, index: int, labels: int | Mapping[int, int]) -> str | None:
    """What is wrong with a sample's rows; `labels` is the highest class, or the classes that there are."""
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        return f"detection {row} has the {_COLUMNS[column]} {rows[row, column]}: the model's output is broken"
    if (rows[:, 0] != index).any():
        marked = rows[rows[:, 0] != index][0, 0]
        mixed = "the log is mixed up" if marked in range(_MOST_SAMPLES) else f"no sample is called so. {_ROWS}"
        return f"its detections are marked as sample {marked:g}'s: {mixed}"
    for label in np.unique(rows[:, 6]).tolist():
        allowed = 0 <= label <= labels if isinstance(labels, int) else label in labels
        if label != int(label):
            return f"class {label:g} cannot be: a class is a whole number. {_ROWS}"
        if not allowed:
            top = labels if isinstance(labels, int) else max(labels)
            advice = "Is class_offset right for this model?"
            if not isinstance(labels, int):
                advice = (
                    f"With inverse_map they count the ground truth's {top} categories: does it list all of the model's?"
                )
            return f"class {label:g} cannot be: classes go from 0 to {top}. {advice}"
    return None


@reads(LogError)
def read_results(path: Path, truth: CocoTruth) -> Detections:
    """Reads COCO's results format: a list of {"image_id", "category_id", "bbox": [x, y, width, height], "score"}.

    Raises:
        LogError: Not such a file, or an entry with an unknown image, or a number that is not finite.
    """
    try:
        entries = json.loads(read_text(path))
    except OSError as error:
        raise LogError(f"the predictions {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise LogError(f"{path} is not JSON: {error}") from None
    if not isinstance(entries, list):
        raise LogError(f"{path} is not a list of detections, as COCO's results are, but a {type(entries).__name__}")
    index_of = {image.id: index for index, image in enumerate(truth.images)}
    number_of = truth.number_of
    remarks = Remarks()
    for number, entry in enumerate(entries):
        if fault := _fault(entry, index_of, number_of):
            raise LogError(f"{path}, entry {number}: {fault}")
        if min(entry["bbox"][2:]) < 0:
            remarks.add(_NEGATIVE, f"entry {number}, {entry['bbox']}")
        if (category := id_of(entry["category_id"])) not in number_of:
            remarks.add(_UNLISTED, f"entry {number}, category {category!r}")
    categories = [id_of(entry["category_id"]) for entry in entries]
    numbers = {**number_of, **_numbers_of_unlisted(categories, number_of)}
    return Detections(
        image=np.array([index_of[id_of(entry["image_id"])] for entry in entries], np.int64),
        category=np.array([numbers[key] for key in categories], np.int64),
        box=np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4),
        score=np.array([entry["score"] for entry in entries], np.float64),
        remarks=remarks.sentences(),
    )


def _numbers_of_unlisted(categories: Iterable[Id], listed: Mapping[Id, int]) -> dict[Id, int]:
    """Numbers for the categories that the ground truth does not list: their own, or beyond all, since they match none."""
    others = sorted({key for key in categories if key not in listed}, key=id_order)
    if all(key == number for key, number in listed.items()) and all(map(is_int, others)):
        return {key: int(key) for key in others}
    beyond = max(listed.values(), default=0) + 1
    return {key: number for number, key in enumerate(others, beyond)}


def _fault(entry: Any, images: Mapping[Id, int], categories: Mapping[Id, int]) -> str | None:
    if not isinstance(entry, dict):
        return f"{entry!r} is not an object"
    image = entry.get("image_id")
    if fault := id_fault(image, images):
        return f"its image_id is {fault}"
    if as_id(image) not in images:
        return f"the ground truth has no image with the id {image!r}"
    if fault := id_fault(entry.get("category_id"), categories):
        return f"its category_id is {fault}"
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        return f"the box of image {image} is {box!r}, not four finite numbers"
    if not is_number(score := entry.get("score")):
        return f"the score of image {image} is {score!r}, not a finite number"
    return None
