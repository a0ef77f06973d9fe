"""ImageNet, COCO, ADE20K and SQuAD brought from Hugging Face data sets (`hf:...`) into a layout in the making.

Each writes what the set has under the official names; `harness.zoo.layouts.folders` then checks it like any other. A set that
kept no file names is taken to be in the official order, and the result says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from accuracy.errors import TruthError
from accuracy.truth.boxes.coco import COCO_CATEGORIES, CocoTruth
from accuracy.truth.boxes.coco_names import COCO_NAMES
from accuracy.truth.boxes.stored_boxes import PictureObjects
from harness.errors import ConfigError
from harness.zoo.layouts.prepare import Stage
from tasks.pictures.folders import Pictures
from tasks.pictures.hub import open_hub_pictures
from tasks.sets.hub import HubName, load, read_hub_questions

_JPEG = b"\xff\xd8\xff"
_ROW = re.compile(r"row \d+")
_IN_ORDER = "the data set keeps no file names: its rows are taken to be in the official order"
_NO_CROWDS = (
    "the data set marks no crowd regions, so coco_ap is not quite that of the official ground truth: --truth "
    "annotations_trainval2017.zip brings that"
)


def imagenet(stage: Stage, source: Path) -> dict[str, int]:
    """Pictures into `images/`; gives their labels, counted from 0, by name."""
    pictures = open_hub_pictures(source)
    names = _names(stage, pictures, r"ILSVRC2012_val_\d{8}", "ILSVRC2012_val_{:08}", ".JPEG")
    _write(stage, pictures, "images", names)
    if pictures.labels is None:
        if stage.given.truth is None:
            raise ConfigError(f"{source} has no column of labels: name a file of labels with --truth")
        return {}
    return dict(zip(names, pictures.labels.of_classes(pictures.names, 1000, None), strict=True))


def coco_truth(stage: Stage, source: Path, path: Path) -> None:
    """The boxes as an instances JSON at `path`."""
    pictures = open_hub_pictures(source)
    if pictures.boxes is None:
        raise ConfigError(
            f"{source} has no column objects with bbox and category: name the ground truth with --truth "
            "annotations_trainval2017.zip"
        )
    if not pictures.boxes.knows_crowds:
        stage.notes.append(_NO_CROWDS)
    try:
        truth = pictures.boxes.truth()
    except TruthError as error:
        raise ConfigError(
            f"no ground truth can be made of {source} ({error}): name the official one with --truth "
            "annotations_trainval2017.zip"
        ) from None
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(_instances(truth, _coco_names(stage, pictures))), encoding="ascii")


def coco_pictures(stage: Stage, source: Path) -> None:
    """Pictures into `val2017/`, those without an entry in the ground truth too."""
    pictures = open_hub_pictures(source)
    _write(stage, pictures, "val2017", _coco_names(stage, pictures))


def ade20k(stage: Stage, source: Path) -> None:
    """Pictures into `images/` and masks into `annotations/`."""
    pictures = open_hub_pictures(source)
    names = _names(stage, pictures, r"ADE_val_\d{8}", "ADE_val_{:08}", ".jpg")
    masks = pictures.masks
    if masks is None:
        raise ConfigError(f"{source} has no second column of images that holds masks (annotation, label, mask)")
    _write(stage, pictures, "images", names)
    (stage.folder / "annotations").mkdir()
    for name, key in zip(names, pictures.names, strict=True):
        (stage.folder / "annotations" / name).with_suffix(".png").write_bytes(masks.read(key))


def squad(stage: Stage, source: Path) -> Path:
    """The questions as SQuAD's JSON, in the order of the rows; gives the file."""
    questions = read_hub_questions(source)
    stage.complain("questions have no answer", [question.qas_id for question in questions if not question.answers])
    rows = load(HubName.parse(str(source)))
    articles = [
        {"title": title, "paragraphs": [_paragraph(context, of) for context, of in groupby(inner, _context)]}
        for title, inner in groupby(rows, lambda row: row.get("title") or "")
    ]
    path = stage.folder / "dev-v1.1.json"
    path.write_text(json.dumps({"version": "1.1", "data": articles}), encoding="ascii")
    stage.verified, stage.how = False, "written"
    return path


def _names(stage: Stage, pictures: Pictures, pattern: str, numbered: str, suffix: str) -> list[str]:
    """The official names of a set's pictures."""
    if all(_ROW.fullmatch(name) for name in pictures.names):
        stage.notes.append(_IN_ORDER)
        return [numbered.format(number) + suffix for number in range(1, len(pictures) + 1)]
    found = [re.match(pattern, name) for name in pictures.names]
    stage.complain(
        "pictures are not of the set", [name for name, match in zip(pictures.names, found, strict=True) if not match]
    )
    names = [match[0] + suffix for match in found if match]
    return _distinct(stage, names, len(pictures))


def _coco_names(stage: Stage, pictures: Pictures) -> list[str]:
    """COCO's own: by file name, else by id."""
    if not all(_ROW.fullmatch(name) for name in pictures.names):
        return _names(stage, pictures, r"\d{12}", "", ".jpg")
    objects: Sequence[PictureObjects] = list(pictures.boxes.read()) if pictures.boxes is not None else []
    names = [f"{picture.id:012}.jpg" for picture in objects if picture.id is not None]
    if len(names) != len(pictures):
        raise ConfigError(
            f"{pictures.path} has neither file names nor a column image_id: its pictures can't be told apart"
        )
    return _distinct(stage, names, len(pictures))


def _distinct(stage: Stage, names: list[str], count: int) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    stage.complain("pictures come more than once", twice)
    if stage.problems or len(names) != count:
        raise ConfigError(f"{stage.name} cannot be laid out:\n  " + "\n  ".join(stage.problems))
    return names


def _write(stage: Stage, pictures: Pictures, folder: str, names: Sequence[str]) -> None:
    (stage.folder / folder).mkdir(parents=True)
    other = []
    for index, name in enumerate(names):
        data = pictures.read(index)
        if not data.startswith(_JPEG):
            other.append(name)
        (stage.folder / folder / name).write_bytes(data)
        stage.brought()
    stage.complain("pictures are no JPEG, so not the official files (name the set as --dataset instead)", other)
    stage.verified, stage.how = False, "written"


def _instances(truth: CocoTruth, names: Sequence[str]) -> dict[str, Any]:
    """COCO's JSON; the id of a picture is the number in its name, as it is there."""
    ids = [int(Path(name).stem) for name in names]
    columns = (truth.image, truth.category, truth.box, truth.area, truth.crowd)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {
        "images": [
            {"id": number, "file_name": name, "width": image.width, "height": image.height}
            for number, name, image in zip(ids, names, truth.images, strict=True)
        ],
        "categories": [{"id": number, "name": name} for number, name in zip(COCO_CATEGORIES, COCO_NAMES, strict=True)],
        "annotations": [
            {"id": row, "image_id": ids[at], "category_id": category, "bbox": box, "area": area, "iscrowd": int(crowd)}
            for row, (at, category, box, area, crowd) in enumerate(rows, 1)
        ],
    }


def _context(row: dict[str, Any]) -> str:
    return str(row["context"])


def _paragraph(context: str, rows: Any) -> dict[str, Any]:
    qas = [{"id": row["id"], "question": row["question"], "answers": _answers(context, row["answers"])} for row in rows]
    return {"context": context, "qas": qas}


def _answers(context: str, answers: dict[str, list[Any]]) -> list[dict[str, Any]]:
    starts = answers.get("answer_start") or [context.find(text) for text in answers["text"]]
    return [{"text": text, "answer_start": start} for text, start in zip(answers["text"], starts, strict=True)]
