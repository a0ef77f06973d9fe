"""COCO's 80 classes by name: what tells whether a list of categories is COCO's, whatever ids it gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from accuracy.errors import TruthError
from accuracy.outside.shown import some
from accuracy.truth.boxes.coco import COCO_CATEGORIES, CocoTruth
from accuracy.truth.class_names import plain

# fmt: off
COCO_NAMES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)
# fmt: on
"""Of `COCO_CATEGORIES`, in that order (cocodataset.org, instances_val2017.json)."""

_OTHER_WRITINGS = {
    "aeroplane": "airplane",
    "hairdryer": "hairdrier",
    "motorbike": "motorcycle",
    "sofa": "couch",
    "tvmonitor": "tv",
}
"""As the first label files of YOLO and TFLite have them."""
_RENUMBERED = "the ground truth counts COCO's classes by other ids than COCO: they are told by their names"


def _compact(name: str) -> str:
    """`Traffic_Light`, `traffic-light` and `trafficlight` are one name."""
    return plain(name).replace(" ", "").replace("-", "")


_ID_OF = {_compact(name): number for name, number in zip(COCO_NAMES, COCO_CATEGORIES, strict=True)}


def coco_id(name: str, *, exactly: bool = False) -> int | None:
    """COCO's id of a class of this name; None where COCO has none.

    Args:
        name: Of the class.
        exactly: Whether other sets' words for the same (`aeroplane`) are other names.
    """
    written = _compact(name)
    return _ID_OF.get(written if exactly else _OTHER_WRITINGS.get(written, written))


def by_coco_ids(truth: CocoTruth) -> CocoTruth:
    """The same ground truth under COCO's ids, where every category has one of COCO's names; else as it is.

    Files that were made anew count COCO's classes from 0 or 1 without its gaps, or list a few and count those.

    Raises:
        TruthError: Some of the names are COCO's under other ids, and others are none of COCO's: nothing says what it counts.
    """
    names = [truth.names.get(number, "") for number in truth.categories]
    ids = coco_places(names)
    if ids is None:
        known = {number: coco_id(name) for number, name in truth.names.items()}
        other = [f"{truth.names[number]} {number}" for number, right in known.items() if right not in (None, number)]
        strange = [name for name in names if coco_id(name) is None]
        if other and strange:
            raise TruthError(
                f"some categories are COCO's under other ids ({some(other)}), and others are none of COCO's ({some(strange)}). "
                "If the file's ids are the model's classes plus class_offset, say it with --set dataset.category_ids=file"
            )
        return truth
    if tuple(ids) == truth.categories:
        return truth
    id_of = dict(zip(truth.categories, ids, strict=True))
    return replace(
        truth,
        categories=tuple(sorted(ids)),
        category=np.array([id_of[number] for number in truth.category.tolist()], np.int64),
        numbers={key: id_of[number] for key, number in truth.number_of.items()},
        names={id_of[number]: name for number, name in truth.names.items()},
        remarks=(*truth.remarks, _RENUMBERED),
    )


def listed_order(truth: CocoTruth) -> tuple[int, ...]:
    """The categories as a model without gaps counts them: in the file's order, as MLCommons' script does.

    A file that lists but some of COCO's 80 says nothing of that order: COCO's own counts then.
    """
    ids = coco_places([truth.names.get(number, "") for number in truth.categories])
    if ids == list(truth.categories) and len(ids) < len(COCO_CATEGORIES):
        return COCO_CATEGORIES
    return tuple(truth.number_of.values())


def coco_places(names: Sequence[str]) -> list[int] | None:
    """COCO's ids of classes, where all are COCO's and no two are one; else None."""
    found = [number for name in names if (number := coco_id(name)) is not None]
    return found if names and len(found) == len(names) == len(set(found)) else None
