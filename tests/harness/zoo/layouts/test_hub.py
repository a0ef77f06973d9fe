"""Data sets laid out from Hugging Face data sets, which are small ones saved here."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.truth.boxes.coco_names import COCO_NAMES
from accuracy.truth.boxes.instances import read_instances
from accuracy.truth.masks import Masks
from accuracy.truth.squad import read_questions
from harness.config.official.published import DatasetEntry, FileEntry, Preparation
from harness.errors import ConfigError
from harness.zoo.layouts.folders import LAYOUTS
from harness.zoo.layouts.prepare import Given, LaidOutSet, prepare
from tasks.base import DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.detection import Detection
from tasks.question_answering import QuestionAnswering
from tasks.segmentation import Segmentation

LABELS = [65, 970, 230]


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The library, offline, with a cache of its own."""
    library = pytest.importorskip("datasets", reason="the extra hf is not installed: ./run.sh install hf")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    return library


def jpeg(seed: int, size: tuple[int, int] = (10, 7), kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def mask(seed: int, size: tuple[int, int] = (10, 7)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 32, size[::-1]).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def pictures(contents: list[bytes], names: list[str] | None) -> list[dict[str, Any]]:
    return [{"bytes": data, "path": names[at] if names else None} for at, data in enumerate(contents)]


def save(datasets: Any, path: Path, rows: dict[str, Any], **features: Any) -> Path:
    made = datasets.Features({"image": datasets.Image(), **features}) if features else None
    datasets.Dataset.from_dict(rows, features=made).save_to_disk(path)
    return Path(f"hf:{path}")


def entry(layout: Any, count: int, *parts: str, **more: Any) -> DatasetEntry:
    made = Preparation(layout=layout, count=count, **more)
    return DatasetEntry(file="the_set", prepare=made, extent="full", parts=[FileEntry(file=part) for part in parts])


def laid_out(wanted: DatasetEntry, cache: Path, **given: Any) -> LaidOutSet:
    return prepare("the_set", wanted, Given(**given), cache, LAYOUTS)


def nothing_left(cache: Path) -> bool:
    return not (cache / "official" / "the_set").exists() and not list((cache / "official").glob(".prepare.*"))


# --- ImageNet ----------------------------------------------------------------------------------------------------------

IMAGENET = entry("imagenet", 3, "ILSVRC2012_img_val.tar", first_labels=LABELS[:2])


def imagenet(
    datasets: Any, path: Path, order: tuple[int, ...] = (3, 1, 2), *, named: bool = True, kind: str = "JPEG"
) -> Path:
    names = [f"images/ILSVRC2012_val_{number:08}_n0144{number:04}.JPEG" for number in order]
    rows = {
        "image": pictures([jpeg(number, kind=kind) for number in order], names if named else None),
        "label": [LABELS[number - 1] for number in order],
    }
    return save(datasets, path, rows, label=datasets.ClassLabel(num_classes=1000))


def test_imagenet_is_laid_out_by_the_file_names_the_set_has_kept(datasets: Any, tmp_path: Path) -> None:
    heard: list[int] = []
    source = imagenet(datasets, tmp_path / "set")
    done = laid_out(IMAGENET, tmp_path / "cache", source=source, on_file=heard.append)
    assert heard == [1, 2, 3]
    assert (done.how, done.state, done.count, done.notes) == ("written", "unverified", 3, ())
    assert [(done.path / f"images/ILSVRC2012_val_0000000{n}.JPEG").read_bytes() for n in (1, 2, 3)] == [
        jpeg(n) for n in (1, 2, 3)
    ]
    assert (done.path / "val_map.txt").read_text().split()[1::2] == ["65", "970", "230"]
    task = Classification(DataRef(done.path), ClassificationOptions())
    task.check_truth()
    assert len(task) == 3


def test_imagenet_without_file_names_is_taken_in_its_order_if_the_labels_agree(datasets: Any, tmp_path: Path) -> None:
    source = imagenet(datasets, tmp_path / "set", (1, 2, 3), named=False)
    done = laid_out(IMAGENET, tmp_path / "cache", source=source)
    assert "keeps no file names" in done.notes[0]
    other = imagenet(datasets, tmp_path / "other", (3, 1, 2), named=False)
    with pytest.raises(ConfigError, match=r"the labels begin 230, 65, 970, those of the set 65, 970"):
        laid_out(IMAGENET, tmp_path / "elsewhere", source=other)
    assert nothing_left(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ((1, 3), r"1 pictures are missing: ILSVRC2012_val_00000002\.JPEG"),
        ((1, 2, 3, 4), r"1 pictures are not of the set: ILSVRC2012_val_00000004\.JPEG"),
        ((1, 2, 2), r"1 pictures come more than once: ILSVRC2012_val_00000002\.JPEG"),
    ],
)
def test_what_is_missing_from_imagenet_or_too_much_is_named(
    order: tuple[int, ...], says: str, datasets: Any, tmp_path: Path
) -> None:
    rows = {
        "image": pictures(
            [jpeg(number) for number in order],
            [f"ILSVRC2012_val_{number:08}_n{at:08}.JPEG" for at, number in enumerate(order)],
        ),
        "label": [[*LABELS, 1][number - 1] for number in order],
    }
    source = save(datasets, tmp_path / "set", rows, label=datasets.ClassLabel(num_classes=1000))
    with pytest.raises(ConfigError, match=says):
        laid_out(IMAGENET, tmp_path / "cache", source=source)
    assert nothing_left(tmp_path / "cache")


def test_pictures_that_were_encoded_anew_are_not_the_official_ones(datasets: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"3 pictures are no JPEG, so not the official files"):
        laid_out(IMAGENET, tmp_path / "cache", source=imagenet(datasets, tmp_path / "set", kind="PNG"))


def test_labels_in_a_file_are_held_against_those_of_the_set(datasets: Any, tmp_path: Path) -> None:
    truth = tmp_path / "val.txt"
    truth.write_text("65\n970\n231\n", encoding="ascii")
    source = imagenet(datasets, tmp_path / "set")
    with pytest.raises(ConfigError, match=r"1 pictures have other labels .*: ILSVRC2012_val_00000003\.JPEG"):
        laid_out(IMAGENET, tmp_path / "cache", source=source, truth=truth)
    truth.write_text("65\n970\n230\n", encoding="ascii")
    assert laid_out(IMAGENET, tmp_path / "cache", source=source, truth=truth).count == 3


def test_a_set_of_other_pictures_is_no_imagenet(datasets: Any, tmp_path: Path) -> None:
    rows = {"image": pictures([jpeg(1), jpeg(2)], ["cat.jpg", "dog.jpg"]), "label": [0, 1]}
    source = save(datasets, tmp_path / "set", rows, label=datasets.ClassLabel(num_classes=1000))
    with pytest.raises(ConfigError, match=r"2 pictures are not of the set: cat\.jpg, dog\.jpg"):
        laid_out(IMAGENET, tmp_path / "cache", source=source)


# --- COCO --------------------------------------------------------------------------------------------------------------

COCO = entry("coco", 2, "val2017.zip", "annotations_trainval2017.zip")


def coco(
    datasets: Any,
    path: Path,
    *,
    crowd: bool = False,
    ids: tuple[int, ...] = (139, 285),
    named: bool = False,
    box: Sequence[int] = (6, 2, 9, 6),
) -> Path:
    whole = datasets.Value("int64")
    one = {"category": datasets.ClassLabel(names=list(COCO_NAMES)), "area": whole}
    one["bbox"] = datasets.Sequence(datasets.Value("float32"), 4)
    one |= {"iscrowd": whole} if crowd else {}
    found = {"category": [0, 79], "area": [12, 40], "bbox": [box, [0, 0, 10, 7]]} | (
        {"iscrowd": [0, 1]} if crowd else {}
    )
    rows = {
        "image": pictures([jpeg(number) for number in ids], [f"{n:012}.jpg" for n in ids] if named else None),
        "objects": [found, *({name: [] for name in found} for _ in ids[1:])],
        "width": [10 for _ in ids],
        "height": [7 for _ in ids],
    } | ({} if named else {"image_id": list(ids)})
    columns = {"objects": datasets.Sequence(one), "width": whole, "height": whole}
    return save(datasets, path, rows, **columns, **({} if named else {"image_id": whole}))


@pytest.mark.parametrize("named", [True, False])
def test_coco_is_laid_out_with_a_ground_truth_of_its_boxes(named: bool, datasets: Any, tmp_path: Path) -> None:
    done = laid_out(COCO, tmp_path / "cache", source=coco(datasets, tmp_path / "set", named=named))
    assert (done.how, done.state) == ("written", "unverified")
    assert "marks no crowd regions" in done.notes[0]
    assert (done.path / "val2017/000000000285.jpg").read_bytes() == jpeg(285)
    truth = read_instances(done.path / "annotations/instances_val2017.json")
    assert [(image.name, image.id) for image in truth.images] == [("000000000139.jpg", 139), ("000000000285.jpg", 285)]
    assert truth.box.tolist() == [[6, 2, 3, 4], [0, 0, 10, 7]]
    assert (truth.category.tolist(), truth.area.tolist(), truth.crowd.tolist()) == ([1, 90], [12, 40], [False, False])
    task = Detection(DataRef(done.path), Detection.Options())
    task.check_truth()
    assert len(task) == 2


def test_crowd_flags_are_kept_where_the_set_has_them(datasets: Any, tmp_path: Path) -> None:
    done = laid_out(COCO, tmp_path / "cache", source=coco(datasets, tmp_path / "set", crowd=True))
    assert done.notes == ()
    assert read_instances(done.path / "annotations/instances_val2017.json").crowd.tolist() == [False, True]


def test_the_official_ground_truth_names_the_pictures_that_a_set_left_out(datasets: Any, tmp_path: Path) -> None:
    images = [{"id": n, "file_name": f"{n:012}.jpg", "width": 10, "height": 7} for n in (139, 285, 632)]
    box = {"id": 1, "image_id": 139, "category_id": 1, "bbox": [1, 1, 3, 3], "area": 9, "iscrowd": 0}
    truth = tmp_path / "instances_val2017.json"
    truth.write_text(json.dumps({"images": images, "annotations": [box], "categories": [{"id": 1}]}), encoding="ascii")
    wanted = entry("coco", 3, "val2017.zip", "annotations_trainval2017.zip")
    with pytest.raises(
        ConfigError, match=r"1 pictures that instances_val2017\.json lists are missing: 000000000632\.jpg"
    ):
        laid_out(wanted, tmp_path / "cache", source=coco(datasets, tmp_path / "set"), truth=truth)
    assert nothing_left(tmp_path / "cache")
    done = laid_out(
        wanted, tmp_path / "cache", source=coco(datasets, tmp_path / "whole", ids=(632, 139, 285)), truth=truth
    )
    assert done.notes == ()
    assert (done.path / "annotations/instances_val2017.json").read_bytes() == truth.read_bytes()
    with pytest.raises(ConfigError, match=r"1 pictures are not in instances_val2017\.json: 000000000001\.jpg"):
        laid_out(wanted, tmp_path / "b", source=coco(datasets, tmp_path / "more", ids=(632, 139, 285, 1)), truth=truth)


def test_a_coco_that_lacks_pictures_is_counted(datasets: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"1 pictures in instances_val2017\.json, 2 are in the whole set"):
        laid_out(COCO, tmp_path / "cache", source=coco(datasets, tmp_path / "set", ids=(139,)))


def test_boxes_that_can_be_read_in_two_ways_ask_for_the_official_ground_truth(datasets: Any, tmp_path: Path) -> None:
    source = coco(datasets, tmp_path / "set", box=[1, 1, 3, 3])
    with pytest.raises(
        ConfigError, match=r"no ground truth can be made of .*two corners.*: name the official one with --t"
    ):
        laid_out(COCO, tmp_path / "cache", source=source)


def test_pictures_that_nothing_tells_apart_are_refused(datasets: Any, tmp_path: Path) -> None:
    source = save(
        datasets, tmp_path / "set", {"image": pictures([jpeg(1)], None), "text": ["x"]}, text=datasets.Value("string")
    )
    with pytest.raises(ConfigError, match=r"has no column objects with bbox and category: .*--truth"):
        laid_out(COCO, tmp_path / "cache", source=source)


# --- ADE20K ------------------------------------------------------------------------------------------------------------

ADE20K = entry("ade20k", 2, "ADEChallengeData2016.zip")


def ade20k(datasets: Any, path: Path, names: list[str] | None, *, side: int = 10) -> Path:
    rows = {
        "image": pictures([jpeg(2), jpeg(1)], names),
        "annotation": pictures([mask(2, (side, 7)), mask(1)], None),
    }
    return save(datasets, path, rows, annotation=datasets.Image())


def test_ade20k_is_laid_out_with_its_masks(datasets: Any, tmp_path: Path) -> None:
    source = ade20k(datasets, tmp_path / "set", ["ADE_val_00000002.jpg", "ADE_val_00000001.jpg"])
    done = laid_out(ADE20K, tmp_path / "cache", source=source)
    assert (done.how, done.notes) == ("written", ())
    assert (done.path / "images/ADE_val_00000001.jpg").read_bytes() == jpeg(1)
    with Image.open(io.BytesIO(mask(2))) as picture:
        assert np.array_equal(Masks.open(done.path / "annotations").read("ADE_val_00000002"), np.asarray(picture))
    task = Segmentation(DataRef(done.path), SegmentationOptions())
    task.check_truth()
    assert len(task) == 2


def test_ade20k_without_file_names_says_that_its_order_is_taken_on_trust(datasets: Any, tmp_path: Path) -> None:
    done = laid_out(ADE20K, tmp_path / "cache", source=ade20k(datasets, tmp_path / "set", None))
    assert "keeps no file names" in done.notes[0]
    assert (done.path / "images/ADE_val_00000001.jpg").read_bytes() == jpeg(2)


def test_a_mask_of_another_size_and_a_set_of_pictures_alone_are_refused(datasets: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="annotations have another size than their picture: ADE_val_00000001"):
        laid_out(ADE20K, tmp_path / "cache", source=ade20k(datasets, tmp_path / "set", None, side=9))
    source = save(
        datasets, tmp_path / "bare", {"image": pictures([jpeg(1)], None), "text": ["x"]}, text=datasets.Value("string")
    )
    with pytest.raises(ConfigError, match="has no second column of images"):
        laid_out(ADE20K, tmp_path / "cache", source=source)


# --- SQuAD -------------------------------------------------------------------------------------------------------------

ROWS: dict[str, list[Any]] = {
    "id": ["q1", "q2", "q3"],
    "title": ["t", "t", "u"],
    "context": ["me and you", "me and you", "Zürich lies there"],
    "question": ["who ?", "and who ?", "where ?"],
    "answers": [
        {"text": ["me"], "answer_start": [0]},
        {"text": ["you", "and you"], "answer_start": [7, 3]},
        {"text": ["Zürich"], "answer_start": [0]},
    ],
}


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "?", "me", "and", "you"]), encoding="utf-8")
    return path


def test_squad_is_laid_out_in_the_order_of_the_rows(datasets: Any, vocabulary: Path, tmp_path: Path) -> None:
    wanted = entry("squad", 3, "dev-v1.1.json", "vocab.txt")
    source = save(datasets, tmp_path / "set", ROWS)
    done = laid_out(wanted, tmp_path / "cache", source=source, vocabulary=vocabulary)
    assert (done.how, done.state) == ("written", "unverified")
    questions = read_questions(done.path / "dev-v1.1.json")
    assert [(q.qas_id, q.text, q.context, q.answers) for q in questions] == [
        ("q1", "who ?", "me and you", ("me",)),
        ("q2", "and who ?", "me and you", ("you", "and you")),
        ("q3", "where ?", "Zürich lies there", ("Zürich",)),
    ]
    articles = json.loads((done.path / "dev-v1.1.json").read_text())["data"]
    assert [(article["title"], len(article["paragraphs"])) for article in articles] == [("t", 1), ("u", 1)]
    assert articles[0]["paragraphs"][0]["qas"][1]["answers"] == [
        {"text": "you", "answer_start": 7},
        {"text": "and you", "answer_start": 3},
    ]
    task = QuestionAnswering(DataRef(done.path), QuestionAnswering.Options())
    task.check_truth()
    assert len(task) == 3


def test_another_squad_is_counted_and_questions_without_an_answer_are_named(
    datasets: Any, vocabulary: Path, tmp_path: Path
) -> None:
    wanted = entry("squad", 4, "dev-v1.1.json", "vocab.txt")
    answers = [*ROWS["answers"][:2], {"text": [], "answer_start": []}]
    source = save(datasets, tmp_path / "set", ROWS | {"answers": answers})
    with pytest.raises(ConfigError) as caught:
        laid_out(wanted, tmp_path / "cache", source=source, vocabulary=vocabulary)
    assert "3 questions, 4 are in the whole set" in str(caught.value)
    assert "1 questions have no answer: q3" in str(caught.value)
    assert nothing_left(tmp_path / "cache")


# --- the command -------------------------------------------------------------------------------------------------------


def test_the_command_counts_what_a_set_lacks_and_names_one_that_is_not_here(
    datasets: Any, cli: Callable[..., Any], complaint: Callable[[Any], str], tmp_path: Path
) -> None:
    source = coco(datasets, tmp_path / "set")
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    done = cli("prepare", "coco_val2017", "--from", source, "--cache-dir", tmp_path / "cache", env=offline)
    assert done.returncode == 2
    assert "2 pictures in instances_val2017.json, 5,000 are in the whole set" in complaint(done)
    done = cli("prepare", "coco_val2017", "--from", "hf:nobody/nothing", "--cache-dir", tmp_path / "cache", env=offline)
    assert done.returncode == 2
    assert "hf:nobody/nothing cannot be loaded" in complaint(done)
