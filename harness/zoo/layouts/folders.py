"""How ImageNet, COCO, ADE20K and SQuAD are laid out, from the forms in which people have them.

Those on Hugging Face's hub are brought by `harness.zoo.layouts.hub`; all are checked here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from accuracy.errors import TruthError
from accuracy.outside.text_files import NotText, lines_of, read_text
from harness.errors import ConfigError
from harness.zoo.layouts import hub as hub_layouts
from harness.zoo.layouts.prepare import Layout, Place, Stage
from tasks.base import DataMissing, DataRef, Task
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.detection import DetectionOptions
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.detection import Detection
from tasks.question_answering import QuestionAnswering
from tasks.segmentation import Segmentation
from tasks.sets.hub import is_hub_name

_IMAGENET_NAME = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
_SYNSET = re.compile(r"n\d{8}")
_CLASSES = 1000
_INSTANCES = "instances_val2017.json"
_SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_MAX_TEXT_BYTES = 1 << 29


def imagenet(stage: Stage) -> None:
    """ILSVRC2012_img_val.tar or its pictures, flat or in a folder a class, and labels in one of three forms."""
    source = stage.given.source or stage.part("ILSVRC2012_img_val.tar")
    if source is None:
        raise ConfigError(
            f"name the pictures: ./run.sh prepare {stage.name} --from ILSVRC2012_img_val.tar (or a folder) --truth val.txt"
        )
    synset_of: dict[str, str] = {}

    def place(path: PurePosixPath) -> Path | None:
        if not _IMAGENET_NAME.fullmatch(path.name):
            return None
        if _SYNSET.fullmatch(path.parent.name):
            synset_of[path.name] = path.parent.name
        return stage.folder / "images" / path.name

    label_of: dict[str, int] | None = None
    if is_hub_name(source):
        label_of = hub_layouts.imagenet(stage, source)
    else:
        stage.bring(source, place)
    count = stage.preparation.count
    there = set(stage.names("images"))
    wanted = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, count + 1)]
    stage.complain("pictures are missing", [name for name in wanted if name not in there])
    stage.complain("pictures are not of the set", sorted(there - set(wanted)))
    if label_of is not None and stage.given.truth is None:
        labels = [label_of[name] for name in wanted if name in label_of]
    else:
        labels = _imagenet_labels(stage, wanted, synset_of)
        known = zip(wanted, labels, strict=False)
        differ = [name for name, label in known if label_of and label_of.get(name, label) != label]
        stage.complain("pictures have other labels in the data set than in the file", differ)
    _check_labels(stage, labels)
    lines = [f"{name} {label}\n" for name, label in zip(wanted, labels, strict=False)]
    (stage.folder / "val_map.txt").write_text("".join(lines), encoding="ascii")
    _check_as_a_run(stage, Classification, ClassificationOptions(num_classes=_CLASSES))


def _imagenet_labels(stage: Stage, wanted: list[str], synset_of: Mapping[str, str]) -> list[int]:
    truth = stage.given.truth
    if truth is None:
        synsets = sorted(set(synset_of.values()))
        if len(synsets) == _CLASSES and all(name in synset_of for name in wanted):
            number = {synset: label for label, synset in enumerate(synsets)}
            return [number[synset_of[name]] for name in wanted]
        raise ConfigError(
            "name the labels with --truth: val.txt of caffe_ilsvrc12.tar.gz, MLPerf's val_map.txt, or one label a line in "
            "the order of the names. (A folder with one sub-folder for each of the 1,000 classes needs none.)"
        )
    rows = [line.split() for line in lines_of(_text(truth)) if line.strip()]
    try:
        if all(len(row) == 1 for row in rows):
            labels = [int(row[0]) for row in rows]
        else:
            by_name = {PurePosixPath(name).name: int(label) for name, label in rows}
            stage.complain("pictures have no label", [name for name in wanted if name not in by_name])
            labels = [by_name[name] for name in wanted if name in by_name]
    except ValueError:
        raise ConfigError(f"{truth} is no list of labels: each line is LABEL, or NAME LABEL") from None
    stage.counted(f"labels in {truth.name}", len(labels))
    return labels


def _check_labels(stage: Stage, labels: list[int]) -> None:
    outside = [str(label) for label in labels if not 0 <= label < _CLASSES]
    first = stage.preparation.first_labels
    if outside or labels[: len(first)] != first[: len(labels)]:
        stage.problems.append(
            f"the labels begin {', '.join(map(str, labels[:10]))}, those of the set {', '.join(map(str, first))}. They are "
            "0 to 999 in the order of the sorted synsets; the development kit's own (1 to 1000) are numbered otherwise"
        )
    uneven = [label for label, times in Counter(labels).items() if times * _CLASSES != stage.preparation.count]
    if uneven and stage.preparation.count % _CLASSES == 0:
        stage.problems.append(f"{len(uneven)} classes have more or fewer pictures than the others")


def coco(stage: Stage) -> None:
    """val2017.zip or its folder, and annotations_trainval2017.zip or instances_val2017.json."""
    source = stage.given.source or stage.part("val2017.zip")
    if source is None:
        raise ConfigError(f"name the pictures (--from val2017.zip or a folder), or ./run.sh fetch {stage.name} first")
    _coco_truth(stage, source)
    path = stage.folder / "annotations" / _INSTANCES
    listed = _coco_images(path)
    if is_hub_name(source):
        hub_layouts.coco_pictures(stage, source)
    else:
        stage.bring(source, lambda name: stage.folder / "val2017" / name.name if name.name in listed else None)
    there = set(stage.names("val2017"))
    stage.counted(f"pictures in {_INSTANCES}", len(listed))
    stage.complain(f"pictures that {_INSTANCES} lists are missing", sorted(set(listed) - there))
    stage.complain(f"pictures are not in {_INSTANCES}", sorted(there - set(listed)))
    wrong = [
        name for name, size in listed.items() if name in there and _size(stage, "val2017", name) not in (None, size)
    ]
    stage.complain(f"pictures have another size than {_INSTANCES} says", sorted(wrong))
    _check_as_a_run(stage, Detection, DetectionOptions())


def _coco_truth(stage: Stage, source: Path) -> None:
    truth = stage.given.truth
    if truth is None and source.is_dir():
        beside = [source / "annotations" / _INSTANCES, source.parent / "annotations" / _INSTANCES, source / _INSTANCES]
        truth = next((path for path in beside if path.is_file()), None)
    if truth is None and is_hub_name(source):
        hub_layouts.coco_truth(stage, source, stage.folder / "annotations" / _INSTANCES)
        return
    truth = truth or stage.part("annotations_trainval2017.zip")
    if truth is None:
        raise ConfigError(f"name the ground truth: --truth annotations_trainval2017.zip, or {_INSTANCES}")
    place: Place = lambda name: stage.folder / "annotations" / _INSTANCES if name.name == _INSTANCES else None  # noqa: E731
    if truth.suffix == ".json":
        stage.check(truth)
        (stage.folder / "annotations").mkdir()
        (stage.folder / "annotations" / _INSTANCES).write_bytes(truth.read_bytes())
    else:
        stage.bring(truth, place)
    if not (stage.folder / "annotations" / _INSTANCES).is_file():
        raise ConfigError(f"{truth} holds no {_INSTANCES}")


def _coco_images(path: Path) -> dict[str, tuple[int, int]]:
    """(width, height) of every picture by name."""
    raw = _json(path)
    try:
        return {str(image["file_name"]): (int(image["width"]), int(image["height"])) for image in raw["images"]}
    except KeyError as error:
        raise ConfigError(f"{path.name} is no COCO ground truth: it has no field {error}") from None
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path.name} is no COCO ground truth: {error}") from None


def ade20k(stage: Stage) -> None:
    """ADEChallengeData2016.zip or its folder: pictures and annotations of the validation part."""
    source = stage.given.source or stage.part("ADEChallengeData2016.zip")
    if source is None:
        raise ConfigError(
            f"name the set (--from ADEChallengeData2016.zip or a folder), or ./run.sh fetch {stage.name} first"
        )

    def place(path: PurePosixPath) -> Path | None:
        kinds = {"images": ".jpg", "annotations": ".png"}
        folder = next((part for part in path.parts[:-1] if part in kinds), None)
        if not path.name.startswith("ADE_val_") or folder is None or path.suffix != kinds[folder]:
            return None
        return stage.folder / folder / path.name

    if is_hub_name(source):
        hub_layouts.ade20k(stage, source)
    else:
        stage.bring(source, place)
    pictures, annotations = stage.names("images"), stage.names("annotations")
    stage.counted("pictures", len(pictures))
    stage.counted("annotations", len(annotations))
    have, truth = {Path(name).stem for name in pictures}, {Path(name).stem for name in annotations}
    stage.complain("pictures have no annotation", sorted(have - truth))
    stage.complain("annotations have no picture", sorted(truth - have))
    wrong = [
        stem
        for stem in sorted(have & truth)
        if _size(stage, "images", f"{stem}.jpg") != _size(stage, "annotations", f"{stem}.png")
    ]
    stage.complain("annotations have another size than their picture", wrong)
    _check_as_a_run(stage, Segmentation, SegmentationOptions())


def squad(stage: Stage) -> None:
    """dev-v1.1.json, and the vocabulary that the model was trained with."""
    source = stage.given.source or stage.part("dev-v1.1.json")
    vocabulary = stage.given.vocabulary or stage.part("vocab.txt")
    if source is None:
        raise ConfigError(f"name the questions (--from dev-v1.1.json), or ./run.sh fetch {stage.name} first")
    if vocabulary is None:
        raise ConfigError("name the vocabulary (--vocab vocab.txt, of uncased BERT): windows are cut with it")
    if is_hub_name(source):
        source = hub_layouts.squad(stage, source)
    else:
        stage.check(source)
    raw = _json(source)
    try:
        version = str(raw["version"])
        questions = sum(len(paragraph["qas"]) for article in raw["data"] for paragraph in article["paragraphs"])
    except KeyError as error:
        raise ConfigError(f"{source} is not in SQuAD's format: it has no field {error}") from None
    except TypeError as error:
        raise ConfigError(f"{source} is not in SQuAD's format: {error}") from None
    if version != "1.1":
        stage.problems.append(f"{source.name} is version {version} of SQuAD, not 1.1")
    stage.counted("questions", questions)
    words = lines_of(_text(vocabulary))
    stage.complain("tokens are missing from the vocabulary", [token for token in _SPECIAL_TOKENS if token not in words])
    (stage.folder / "dev-v1.1.json").write_bytes(source.read_bytes())
    (stage.folder / "vocab.txt").write_bytes(vocabulary.read_bytes())
    stage.how = stage.how or "copied"
    _check_as_a_run(stage, QuestionAnswering, QuestionAnsweringOptions())


def _check_as_a_run(stage: Stage, kind: type[Task], options: Any) -> None:
    """What every run does first: a set that it would refuse is not laid out."""
    if stage.problems:
        return
    try:
        kind(DataRef(stage.folder), options).check_truth()
    except (DataMissing, TruthError) as error:
        stage.problems.append(f"every run would refuse it: {str(error).replace(f'{stage.folder}/', '')}")


def _size(stage: Stage, folder: str, name: str) -> tuple[int, int] | None:
    """(width, height) from the picture's header; None, and a problem, where it has none."""
    try:
        with Image.open(stage.folder / folder / name) as picture:
            return picture.size
    except (OSError, ValueError, Image.DecompressionBombError):
        stage.complain("files are no pictures", [f"{folder}/{name}"])
        return None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_TEXT_BYTES:
            raise ConfigError(f"{path} has more than {_MAX_TEXT_BYTES:,} bytes")
        return read_text(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except NotText as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None


LAYOUTS: Mapping[str, Layout] = {"imagenet": imagenet, "coco": coco, "ade20k": ade20k, "squad": squad}
"""By the name of `prepare.layout` in the config."""
