"""Data sets laid out from small archives and folders of the forms in which people have the real ones."""

import hashlib
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.config.official.published import DatasetEntry, FileEntry, Preparation
from harness.errors import ConfigError
from harness.zoo.files.official import find_cached
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


def entry(layout: Any, count: int, *parts: FileEntry, **more: Any) -> DatasetEntry:
    made = Preparation(layout=layout, count=count, **more)
    return DatasetEntry(file="the_set", prepare=made, extent="full", parts=list(parts))


def laid_out(wanted: DatasetEntry, cache: Path, **given: Any) -> LaidOutSet:
    return prepare("the_set", wanted, Given(**given), cache, LAYOUTS)


def overwrite(path: Path) -> None:
    """Another byte, in the same file at the same time."""
    whole, times = path.read_bytes(), path.stat()
    path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def known(path: Path) -> FileEntry:
    return FileEntry(file=path.name, md5=hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest())


def picture(path: Path, size: tuple[int, int] = (8, 6), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 1 if mode == "L" else (1, 2, 3)).save(path)
    return path


def zipped(path: Path, folder: Path, under: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for member in sorted(folder.rglob("*")):
            if member.is_file():
                file.write(member, f"{under}{member.relative_to(folder)}")
    return path


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    """Three pictures, flat."""
    for number in (1, 2, 3):
        made = picture(tmp_path / "val" / f"{number}.jpg")
        made.rename(made.with_name(f"ILSVRC2012_val_{number:08}.JPEG"))
    return tmp_path / "val"


@pytest.fixture
def val_txt(tmp_path: Path) -> Path:
    path = tmp_path / "val.txt"
    path.write_text(
        "".join(f"ILSVRC2012_val_{number:08}.JPEG {label}\n" for number, label in enumerate(LABELS, 1)),
        encoding="ascii",
    )
    return path


def imagenet_entry(*parts: FileEntry) -> DatasetEntry:
    tar = () if parts else (FileEntry(file="ILSVRC2012_img_val.tar"),)
    return entry("imagenet", 3, *parts, *tar, first_labels=LABELS[:2])


def test_imagenet_from_a_folder_is_linked_and_the_task_can_read_it(
    imagenet: Path, val_txt: Path, tmp_path: Path
) -> None:
    heard: list[int] = []
    done = laid_out(imagenet_entry(), tmp_path / "cache", source=imagenet, truth=val_txt, on_file=heard.append)
    assert (done.how, done.state, done.count) == ("linked", "unverified", 3)
    assert heard == [1, 2, 3]
    assert (done.path / "images" / "ILSVRC2012_val_00000002.JPEG").is_symlink()
    task = Classification(DataRef(done.path), ClassificationOptions())
    task.check_truth()
    assert len(task) == 3
    assert (done.path / "val_map.txt").read_text().split()[1::2] == ["65", "970", "230"]


def test_imagenet_from_the_tar_with_its_checksum_is_verified(imagenet: Path, val_txt: Path, tmp_path: Path) -> None:
    tar = tmp_path / "ILSVRC2012_img_val.tar"
    with tarfile.open(tar, "w") as file:
        for path in sorted(imagenet.iterdir()):
            file.add(path, path.name)
    done = laid_out(imagenet_entry(known(tar)), tmp_path / "cache", source=tar, truth=val_txt)
    assert (done.how, done.state) == ("unpacked", "verified")
    assert sorted(path.name for path in (done.path / "images").iterdir()) == [
        p.name for p in sorted(imagenet.iterdir())
    ]
    with tar.open("ab") as file:
        file.write(bytes(512))
    wanted = imagenet_entry(FileEntry(file=tar.name, md5="0" * 32))
    with pytest.raises(ConfigError, match="is corrupt or another file: its MD5 is"):
        laid_out(wanted, tmp_path / "other", source=tar, truth=val_txt)


def test_a_file_of_a_set_that_was_damaged_is_named(imagenet: Path, val_txt: Path, tmp_path: Path) -> None:
    wanted = imagenet_entry()
    cache = tmp_path / "cache"
    place = laid_out(wanted, cache, source=imagenet, truth=val_txt, copy=True).path
    assert find_cached("the_set", wanted, cache, every_byte=True).usable
    [first, *_] = sorted(path for path in place.rglob("*.JPEG"))
    overwrite(first)
    assert find_cached("the_set", wanted, cache).usable
    found = find_cached("the_set", wanted, cache, every_byte=True)
    assert (found.state, found.why) == (
        "corrupt",
        f"{first} is not what was put there: its sha256 is another; prepare it again",
    )
    first.write_bytes(b"")
    assert f"{first} has 0 bytes" in find_cached("the_set", wanted, cache).why


def test_copies_are_made_where_they_are_asked_for(imagenet: Path, val_txt: Path, tmp_path: Path) -> None:
    done = laid_out(imagenet_entry(), tmp_path / "cache", source=imagenet, truth=val_txt, copy=True)
    assert done.how == "copied"
    assert not any(path.is_symlink() for path in done.path.rglob("*"))


def test_folders_of_1000_classes_give_the_labels_by_themselves(tmp_path: Path) -> None:
    one = picture(tmp_path / "one.jpg").read_bytes()
    names = {}
    for number in range(1, 1001):
        synset = f"n{(number * 37) % 1000:08}"
        folder = tmp_path / "val" / synset
        folder.mkdir(parents=True)
        (folder / f"ILSVRC2012_val_{number:08}.JPEG").write_bytes(one)
        names[number] = (number * 37) % 1000
    done = laid_out(
        entry("imagenet", 1000, FileEntry(file="ILSVRC2012_img_val.tar")), tmp_path / "c", source=tmp_path / "val"
    )
    labels = [int(line.split()[1]) for line in (done.path / "val_map.txt").read_text().splitlines()]
    assert labels == [names[number] for number in range(1, 1001)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("490\n361\n171\n", "the development kit's own"),
        ("65\n970\n", "2 labels in labels.txt, 3 are in the whole set"),
        ("65\n970\n1000\n", "0 to 999"),
        ("ILSVRC2012_val_00000001.JPEG 65\n", "2 pictures have no label: ILSVRC2012_val_00000002.JPEG"),
        ("one two three\n", "is no list of labels"),
    ],
)
def test_wrong_labels_are_refused_with_what_is_wrong(text: str, says: str, imagenet: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match=says):
        laid_out(imagenet_entry(), tmp_path / "cache", source=imagenet, truth=labels)
    assert not (tmp_path / "cache" / "official" / "the_set").exists()


def test_missing_empty_and_foreign_pictures_are_named(imagenet: Path, val_txt: Path, tmp_path: Path) -> None:
    (imagenet / "ILSVRC2012_val_00000002.JPEG").unlink()
    (imagenet / "ILSVRC2012_val_00000003.JPEG").write_bytes(b"")
    picture(imagenet / "4.jpg").rename(imagenet / "ILSVRC2012_val_00000004.JPEG")
    with pytest.raises(ConfigError) as caught:
        laid_out(imagenet_entry(), tmp_path / "cache", source=imagenet, truth=val_txt)
    assert "1 pictures are missing: ILSVRC2012_val_00000002.JPEG" in str(caught.value)
    assert "1 are empty: ILSVRC2012_val_00000003.JPEG" in str(caught.value)
    assert "1 pictures are not of the set: ILSVRC2012_val_00000004.JPEG" in str(caught.value)
    assert not list((tmp_path / "cache" / "official").glob(".prepare.*"))


def test_a_set_is_laid_out_once_and_a_gap_in_it_is_seen_later(imagenet: Path, val_txt: Path, tmp_path: Path) -> None:
    wanted, cache = imagenet_entry(), tmp_path / "cache"
    done = laid_out(wanted, cache, source=imagenet, truth=val_txt)
    assert laid_out(wanted, cache).how == "was here"
    with pytest.raises(ConfigError, match="is there already: remove it first"):
        laid_out(wanted, cache, source=imagenet, truth=val_txt)
    next((done.path / "images").iterdir()).unlink()
    found = find_cached("the_set", wanted, cache)
    assert (found.state, found.why) == ("corrupt", f"{done.path}/images holds 2 files, 3 were put there")


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Two pictures and their annotations, as unpacked."""
    names = ["000000000139.jpg", "000000000285.jpg"]
    for name in names:
        picture(tmp_path / "coco" / "val2017" / name, (10, 7))
    images = [{"id": number, "file_name": name, "width": 10, "height": 7} for number, name in enumerate(names, 1)]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3], "area": 9, "iscrowd": 0}
    truth = {"images": images, "annotations": [box], "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "coco" / "annotations").mkdir()
    (tmp_path / "coco" / "annotations" / "instances_val2017.json").write_text(json.dumps(truth), encoding="ascii")
    return tmp_path / "coco"


@pytest.mark.parametrize("form", ["folder", "archives", "cached archives"])
def test_coco_is_laid_out_from_what_people_have(form: str, coco: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    place = cache / "official" if form == "cached archives" else tmp_path
    place.mkdir(parents=True, exist_ok=True)
    pictures = zipped(place / "val2017.zip", coco / "val2017", "val2017/")
    truth = zipped(place / "annotations_trainval2017.zip", coco / "annotations", "annotations/")
    given: Mapping[str, Any] = {
        "folder": {"source": coco},
        "archives": {"source": pictures, "truth": truth},
        "cached archives": {},
    }[form]
    done = laid_out(entry("coco", 2, known(pictures), known(truth)), cache, **given)
    assert done.state == ("unverified" if form == "folder" else "verified")
    task = Detection(DataRef(done.path), Detection.Options())
    task.check_truth()
    assert len(task) == 2


def test_a_coco_picture_that_is_missing_or_of_another_size_is_named(coco: Path, tmp_path: Path) -> None:
    wanted = entry("coco", 2, FileEntry(file="val2017.zip"), FileEntry(file="annotations_trainval2017.zip"))
    picture(coco / "val2017" / "000000000139.jpg", (7, 10))
    with pytest.raises(ConfigError, match=r"1 pictures have another size .*: 000000000139.jpg"):
        laid_out(wanted, tmp_path / "cache", source=coco)
    (coco / "val2017" / "000000000139.jpg").unlink()
    with pytest.raises(
        ConfigError, match=r"1 pictures that instances_val2017.json lists are missing: 000000000139.jpg"
    ):
        laid_out(wanted, tmp_path / "cache", source=coco)


def test_a_set_that_every_run_would_refuse_is_not_laid_out(coco: Path, ade20k: Path, tmp_path: Path) -> None:
    truth = coco / "annotations" / "instances_val2017.json"
    content = json.loads(truth.read_text(encoding="ascii"))
    truth.write_text(json.dumps(content | {"annotations": []}), encoding="ascii")
    with pytest.raises(ConfigError, match=r"every run would refuse it: .*has no object in any of the 2 pictures"):
        laid_out(entry("coco", 2, FileEntry(file="val2017.zip")), tmp_path / "cache", source=coco)
    for name in ("ADE_val_00000001", "ADE_val_00000002"):
        Image.new("L", (8, 6), 0).save(ade20k / "annotations" / "validation" / f"{name}.png")
    with pytest.raises(
        ConfigError, match=r"every run would refuse it: no annotation in .* has any of the classes 1 to 31"
    ):
        laid_out(entry("ade20k", 2), tmp_path / "cache", source=ade20k)
    assert not (tmp_path / "cache" / "official" / "the_set").exists()


@pytest.fixture
def ade20k(tmp_path: Path) -> Path:
    """Two pictures of the validation part and one that is not of it."""
    root = tmp_path / "ADEChallengeData2016"
    for name in ("ADE_val_00000001", "ADE_val_00000002"):
        picture(root / "images" / "validation" / f"{name}.jpg")
        picture(root / "annotations" / "validation" / f"{name}.png", mode="L")
    picture(root / "images" / "training" / "ADE_train_00000001.jpg")
    return root


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_ade20k_is_laid_out_from_the_archive_or_its_folder(form: str, ade20k: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "ADEChallengeData2016.zip", ade20k, "ADEChallengeData2016/")
    source = archive if form == "archive" else ade20k
    done = laid_out(entry("ade20k", 2, known(archive)), tmp_path / "cache", source=source)
    assert done.state == ("verified" if form == "archive" else "unverified")
    task = Segmentation(DataRef(done.path), SegmentationOptions())
    task.check_truth()
    assert len(task) == 2


def test_an_annotation_that_is_missing_or_of_another_size_is_named(ade20k: Path, tmp_path: Path) -> None:
    wanted = entry("ade20k", 2, FileEntry(file="ADEChallengeData2016.zip"))
    picture(ade20k / "annotations" / "validation" / "ADE_val_00000001.png", (6, 8), "L")
    with pytest.raises(ConfigError, match="annotations have another size than their picture: ADE_val_00000001"):
        laid_out(wanted, tmp_path / "cache", source=ade20k)
    (ade20k / "annotations" / "validation" / "ADE_val_00000002.png").unlink()
    with pytest.raises(ConfigError, match="1 annotations, 2 are in the whole set"):
        laid_out(wanted, tmp_path / "cache", source=ade20k)


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    path = tmp_path / "dev-v1.1.json"
    question = {"id": "q1", "question": "who ?", "answers": [{"text": "me", "answer_start": 0}]}
    paragraph = {"context": "me and you", "qas": [question]}
    path.write_text(
        json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": [paragraph]}]}), encoding="utf-8"
    )
    return path


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "?", "me", "and", "you"]), encoding="utf-8")
    return path


def test_squad_is_laid_out_with_its_vocabulary_and_the_task_can_read_it(
    squad: Path, vocabulary: Path, tmp_path: Path
) -> None:
    wanted = entry("squad", 1, known(squad), FileEntry(file="vocab.txt"))
    done = laid_out(wanted, tmp_path / "cache", source=squad, vocabulary=vocabulary)
    assert done.state == "verified"
    task = QuestionAnswering(DataRef(done.path), QuestionAnswering.Options())
    task.check_truth()
    assert len(task) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace('"1.1"', '"v2.0"'), "is version v2.0 of SQuAD"),
        (lambda text: text.replace('"qas"', '"questions"'), "is not in SQuAD's format: it has no field 'qas'"),
        (lambda text: text.replace('"q1"', "1").replace("[{", "{").replace("}]", "}"), "is not in SQuAD's format"),
        (lambda text: text[:40], "is not JSON"),
        (lambda text: text, ""),
    ],
)
def test_another_squad_is_refused(
    change: Callable[[str], str], says: str, squad: Path, vocabulary: Path, tmp_path: Path
) -> None:
    squad.write_text(change(squad.read_text(encoding="utf-8")), encoding="utf-8")
    wanted = entry("squad", 1 if says else 2, FileEntry(file="dev-v1.1.json"), FileEntry(file="vocab.txt"))
    with pytest.raises(ConfigError, match=says or "1 questions, 2 are in the whole set"):
        laid_out(wanted, tmp_path / "cache", source=squad, vocabulary=vocabulary)


def test_a_vocabulary_without_the_special_tokens_is_refused(squad: Path, vocabulary: Path, tmp_path: Path) -> None:
    vocabulary.write_text("who\nme\n[UNK]\n[CLS]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"2 tokens are missing from the vocabulary: \[PAD\], \[SEP\]"):
        laid_out(entry("squad", 1, known(squad)), tmp_path / "cache", source=squad, vocabulary=vocabulary)


@pytest.mark.parametrize("name", ["imagenet_val", "coco_val2017", "ade20k_val", "squad_dev"])
def test_the_command_says_what_is_needed(name: str, cli: Callable[..., Any], tmp_path: Path) -> None:
    done = cli("prepare", name, "--cache-dir", tmp_path / "cache")
    assert done.returncode == 2
    assert "--from" in done.stderr


def test_the_command_refuses_a_half_set_and_names_what_lacks(
    imagenet: Path, val_txt: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    done = cli("prepare", "imagenet_val", "--from", imagenet, "--truth", val_txt, "--cache-dir", tmp_path / "cache")
    assert done.returncode == 2
    assert "49,997 pictures are missing: ILSVRC2012_val_00000004.JPEG" in done.stderr
