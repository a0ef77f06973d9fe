"""Published picture sets and ground truths that carry the same names but do not belong together.

Their counts and file names agree, so nothing but their content tells: a run on such a pair ends with a figure near 0
and no error. Each set is known by its first picture, each ground truth by its words or its first annotation, so
unpacked, repacked and line-ending-converted copies are known too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from accuracy.outside.opening import read_heard
from accuracy.truth.files import TruthFiles
from tasks.base import DataMissing
from tasks.pictures.folders import Pictures

_IMAGENET_TINY = "v0_7/datasets/imagenet_tiny.zip"
_IMAGENET_TEST = "v3_0/datasets/imagenet-test.zip"
_COCO_TINY = "v0_7/datasets/coco_tiny.zip"
_COCO_TEST = "v3_0/datasets/coco-test.zip"
_ADE20K_TINY = "v0_7/datasets/ade20k_tiny.zip"

_PICTURES = {
    "4ac522840c409a3c3603d820423f0f37f80df031f4025b8be6d0126213ea7b61": _IMAGENET_TINY,
    "60e8fddfc9085cf15958b0d1ae1e597a3ab460801ce9ea21d8dc78eb200dfe44": _IMAGENET_TEST,
    "bb234c5029d8501c9db6cf336ddd3c2a4e6cb0fd7d2497d88f75717d8357d183": _COCO_TINY,
    "124f4efbb29a52d095263e4885274bdeb15ddcd7afe32877a184912858a158e0": _COCO_TEST,
    "33bab5cd24882914a2bdfce2733191476ae1374bf1571cba39dad45e8cb6443f": _ADE20K_TINY,
}
"""SHA-256 of the first picture, by name, of a set of the MLPerf mobile models repository."""


class _Truth(NamedTuple):
    name: str
    pictures: str | None
    """The set it belongs to, where that is one of the above."""
    belongs_to: str


_TRUTHS = {
    "31e85f4a8d0e9ab03d97a1de971a40367f51c7e23493844331b917ed2cd86dcb": _Truth(
        "v3_0/assets/imagenet_tiny-groundtruth.txt", _IMAGENET_TINY, _IMAGENET_TINY
    ),
    "0db29cd41fe00cf942d92a36013b507e591c36c940e5d8998058f0f90a083a7c": _Truth(
        "v1_0/assets/imagenet_val.txt", _IMAGENET_TEST, f"v0_7/datasets/imagenet, whose first ten are {_IMAGENET_TEST}"
    ),
    "096be3a59f479637057a917b759223ab3376c097a7f1952d437116482221438e": _Truth(
        "the first ten lines of v1_0/assets/imagenet_val.txt", _IMAGENET_TEST, _IMAGENET_TEST
    ),
    "c007bd8df69406867db189de1ad20697c0342fb3a27aba41fb878c3374f13f61": _Truth(
        "v1_0/assets/coco_val.pbtxt", _COCO_TEST, f"v0_7/datasets/coco, whose first ten are {_COCO_TEST}"
    ),
    "f6b00e76f056d26e0df41be950462a5b73e591b0a7d72d720de8027ed9a42049": _Truth(
        "v3_1/datasets/ade20k_tiny annotations", None, "ADE20K's validation set"
    ),
}
"""SHA-256 of a ground truth: of a text its words, of annotations the first by name."""

_TEXT_SUFFIXES = (".pbtxt", ".txt")
_MAX_TEXT_BYTES = 1 << 22


def refuse_wrong_pair(pictures: Pictures, truth: Path) -> None:
    """Refuses a picture set with a ground truth that is known not to be its own. Unknown ones pass.

    Args:
        pictures: The set.
        truth: A text file of labels or boxes, or a folder or zip archive of annotations.

    Raises:
        DataMissing: A wrong pair; the message says what the ground truth belongs to.
    """
    known = _TRUTHS.get(_truth_digest(truth))
    if known is None:
        return
    name = _PICTURES.get(pictures.first_digest())
    if name not in (None, known.pictures):
        raise DataMissing(
            f"{truth} is not the ground truth of {pictures.path}: it is {known.name}, which belongs to "
            f"{known.belongs_to}; the pictures are {name}, other pictures of the same names"
        )


def _truth_digest(truth: Path) -> str:
    if truth.suffix.lower() in _TEXT_SUFFIXES and truth.is_file():
        if truth.stat().st_size > _MAX_TEXT_BYTES:
            return ""
        return hashlib.sha256(b" ".join(read_heard(truth).split())).hexdigest()
    if truth.is_dir() or truth.suffix.lower() == ".zip":
        annotations = TruthFiles.open(truth, (".png",))
        return hashlib.sha256(annotations.read(annotations.stems[0])).hexdigest()
    return ""
