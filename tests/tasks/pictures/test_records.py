from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers.log import Answer
from accuracy.answers.wire import pack_labels
from accuracy.errors import TruthError
from accuracy.records.tfrecord import crc32c, masked
from backends.base import TensorSpec
from tasks.base import DataMissing, DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.pictures.records import open_records
from tasks.sets.record_sets import is_record_set

Record = Mapping[str, bytes | str | int | list[int]]
PICTURE = TensorSpec("image", (1, 16, 16, 3), np.dtype(np.uint8))
SCORES = TensorSpec("scores", (1, 1001), np.dtype(np.uint8))


def varint(value: int) -> bytes:
    value %= 1 << 64
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def feature(value: bytes | str | int | list[int]) -> bytes:
    if isinstance(value, list):
        return field(3, field(1, b"".join(map(varint, value))))
    if isinstance(value, int):
        return field(3, field(1, varint(value)))
    return field(1, field(1, value if isinstance(value, bytes) else value.encode()))


def write(path: Path, records: Sequence[Record]) -> Path:
    parts = []
    for record in records:
        entries = b"".join(field(1, field(1, key.encode()) + field(2, feature(value))) for key, value in record.items())
        data = field(1, entries)
        length = struct.pack("<Q", len(data))
        parts += [length, struct.pack("<I", masked(crc32c(length))), data, struct.pack("<I", masked(crc32c(data)))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(parts))
    return path


def jpeg(seed: int) -> bytes:
    from io import BytesIO

    file = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 20, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def imagenet(*numbers: int, **changes: bytes | str | int | list[int]) -> list[Record]:
    """As TensorFlow's ImageNet scripts write them; the label of picture n is n + 1."""
    records: list[Record] = []
    for number in numbers:
        usual: dict[str, bytes | str | int | list[int]] = {
            "image/height": 24,
            "image/encoded": jpeg(number),
            "image/class/label": number + 1,
            "image/filename": f"ILSVRC2012_val_{number:08}.JPEG",
        }
        records.append(usual | changes)
    return records


def task_of(path: Path, truth: Path | None = None, count: int | None = None, **options: Any) -> Classification:
    return Classification(DataRef(path, truth, count), ClassificationOptions(**options))


def test_pictures_names_and_labels_come_from_the_records_in_their_order(tmp_path: Path) -> None:
    pictures = open_records(write(tmp_path / "val.tfrecord", imagenet(7, 3, 5)))
    assert pictures.names == tuple(f"ILSVRC2012_val_{number:08}.JPEG" for number in (7, 3, 5))
    assert [pictures.read(index) for index in range(3)] == [jpeg(7), jpeg(3), jpeg(5)]
    assert pictures.labels is not None
    assert list(pictures.labels.values) == [8, 4, 6]


def test_a_folder_of_shards_is_one_set_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (2, 0, 1):
        write(tmp_path / f"validation-0000{number}-of-00003", imagenet(2 * number, 2 * number + 1))
    (tmp_path / "README").write_text("about")
    assert is_record_set(tmp_path)
    pictures = open_records(tmp_path)
    assert pictures.names == tuple(f"ILSVRC2012_val_{number:08}.JPEG" for number in range(6))
    assert [pictures.read(index) for index in range(6)] == [jpeg(index) for index in range(6)]
    assert open_records(tmp_path, 3).names == pictures.names[:3]


def test_a_record_set_scores_as_the_same_pictures_in_a_folder(tmp_path: Path) -> None:
    records = write(tmp_path / "records" / "val.tfrecord", imagenet(0, 1, 2))
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(3):
        (folder / f"ILSVRC2012_val_{number:08}.JPEG").write_bytes(jpeg(number))
    (folder / "val_map.txt").write_text("".join(f"ILSVRC2012_val_{number:08}.JPEG {number}\n" for number in range(3)))
    one, two = task_of(records), task_of(folder)
    for index in range(3):
        (prepared,) = one.codec([PICTURE], [SCORES]).preprocess(index)
        (expected,) = two.codec([PICTURE], [SCORES]).preprocess(index)
        assert np.array_equal(prepared, expected)
    answers = [Answer(index, pack_labels([label])) for index, label in enumerate([0, 1, 1])]
    assert one.score(answers)["top1"] == two.score(answers)["top1"] == pytest.approx(2 / 3)
    assert one.describe_data() == {
        "count": 3,
        "pictures": str(records),
        "order": "records",
        "profile": "mobile",
        "truth": "image/class/label",
    }


def test_labels_that_count_from_0_are_an_option_away(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", imagenet(0, 1, 2))
    answers = [Answer(index, pack_labels([index + 1])) for index in range(3)]
    assert task_of(path, first_label=0).score(answers)["top1"] == 1.0
    assert task_of(path).score(answers)["top1"] == 0.0
    assert task_of(path, first_label=1).score(answers)["top1"] == 0.0


def test_a_label_of_no_class_is_named_with_the_rule_before_the_run(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", [*imagenet(1), *imagenet(2, **{"image/class/label": 0})])
    with pytest.raises(DataMissing, match=r"00000002\.JPEG has the image/class/label 0, but .* 1 to 1000.*first_label"):
        task_of(path).check_truth()
    with pytest.raises(DataMissing, match=r"has the image/class/label 1000, but the 1000 classes are 0 to 999"):
        task_of(
            write(tmp_path / "last.tfrecord", imagenet(1, **{"image/class/label": 1000})), first_label=0
        ).check_truth()


def test_tensorflow_datasets_records_count_from_0(tmp_path: Path) -> None:
    records: list[Record] = [{"image": jpeg(n), "label": n, "file_name": f"{n}.JPEG"} for n in range(2)]
    task = task_of(write(tmp_path / "imagenet2012-validation.tfrecord-00000-of-00001", records))
    task.check_truth()
    assert task.score([Answer(n, pack_labels([n])) for n in range(2)])["top1"] == 1.0


def test_labels_in_a_file_win_over_those_in_the_records(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", imagenet(0, 1))
    truth = tmp_path / "truth.txt"
    truth.write_text("ILSVRC2012_val_00000000.JPEG 5\nILSVRC2012_val_00000001.JPEG 6\n")
    task = task_of(path, truth)
    task.check_truth()
    assert task.score([Answer(0, pack_labels([5])), Answer(1, pack_labels([6]))])["top1"] == 1.0


def test_records_without_names_or_labels_run_and_have_no_score(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", [{"image/encoded": jpeg(0)}, {"image/encoded": jpeg(1)}])
    task = task_of(path)
    assert open_records(path).names == ("val.tfrecord record 0", "val.tfrecord record 1")
    assert task.describe_data()["truth"] is None
    with pytest.raises(DataMissing, match="no ground truth in or beside"):
        task.check_truth()


def test_a_picture_that_cannot_be_decoded_is_named_as_its_record_names_it(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", imagenet(0, **{"image/encoded": jpeg(0)[:200]}))
    with pytest.raises(DataMissing, match=r"ILSVRC2012_val_00000000\.JPEG is not a JPEG that can be decoded"):
        task_of(path).codec([PICTURE], [SCORES]).preprocess(0)


def test_a_corrupt_picture_is_named_with_its_file_and_record(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", imagenet(0, 1))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataMissing, match=r"00000001\.JPEG in .* cannot be read: .*val\.tfrecord, record 1 is corrupt"):
        task_of(path).codec([PICTURE], [SCORES]).preprocess(1)


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([*imagenet(4), *imagenet(4)], r"record 1 is named ILSVRC2012_val_00000004\.JPEG, as record 0"),
        ([*imagenet(1), {"image/encoded": b"x"}], "1 of the 2 records .* have image/class/label, not all"),
        (
            [*imagenet(1), *imagenet(2, **{"image/class/label": [3, 4]})],
            r"ILSVRC2012_val_00000002\.JPEG in .* has 2 labels in image/class/label: one class a picture is scored",
        ),
        ([{"qas_id": "a"}], r"hold no pictures: they have qas_id, not image/encoded or image"),
        ([*imagenet(1), {"image/encoded": b"x", "image/class/label": b"cat"}], "record 1 .*is a bytes list; int64"),
    ],
)
def test_records_that_make_no_set_are_refused(tmp_path: Path, records: list[Record], complaint: str) -> None:
    with pytest.raises(DataMissing, match=complaint):
        open_records(write(tmp_path / "val.tfrecord", records)).labels  # noqa: B018 - reading them is the check


def test_pictures_of_one_name_in_other_folders_keep_their_folders(tmp_path: Path) -> None:
    records = [*imagenet(4, **{"image/filename": "cat/0.jpg"}), *imagenet(6, **{"image/filename": "dog/0.jpg"})]
    pictures = open_records(write(tmp_path / "val.tfrecord", records))
    assert pictures.names == ("cat/0.jpg", "dog/0.jpg")
    assert pictures.labels is not None
    assert list(pictures.labels.values) == [5, 7]


def test_a_label_that_its_own_records_call_by_two_known_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cat\ndog\ncow\n")
    called = zip((0, 1, 0), ("cat", "dog", "cow"), strict=True)
    records = [
        {**record, "image/class/text": name, "image/filename": f"{at}.jpg"}
        for at, (number, name) in enumerate(called)
        for record in imagenet(number)
    ]
    task = task_of(write(tmp_path / "val.tfrecord", records), class_names=tmp_path / "names.txt", num_classes=3)
    with pytest.raises(
        DataMissing, match=r"2\.jpg has the image/class/label 1 and is called cow, but 0\.jpg has it and"
    ):
        task.check_truth()


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    for number in (0, 2):
        write(tmp_path / f"validation-0000{number}-of-00004", imagenet(number))
    with pytest.raises(DataMissing, match="lacks 2 of the 4 files of validation, the first is 1"):
        open_records(tmp_path)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        (["train-00000-of-00001"], "validation-00000-of-00001"),
        (
            ["coco-train.tfrecord-00000-of-00001", "coco-test.tfrecord-00000-of-00001"],
            "coco-val.tfrecord-00000-of-00001",
        ),
        (["coco_train.record-00000-of-00001", "coco_testdev.record-00000-of-00001"], "coco_val.record-00000-of-00001"),
        (["train-00000-of-00001.tfrecord"], "val-00000-of-00001.tfrecord"),
        (["train.record", "train2.record"], "test.record"),
    ],
)
def test_of_several_splits_in_one_folder_the_one_meant_for_evaluation_is_taken(
    others: Sequence[str], name: str, tmp_path: Path
) -> None:
    write(tmp_path / name, imagenet(7))
    for number, other in enumerate(others):
        write(tmp_path / other, imagenet(number))
    pictures = open_records(tmp_path)
    assert pictures.names == ("ILSVRC2012_val_00000007.JPEG",)
    assert pictures.path.parent == tmp_path
    assert name.startswith(pictures.path.name)


@pytest.mark.parametrize(
    "names",
    [
        ["pets-00000-of-00001", "cars-00000-of-00001"],
        ["pets_val-00000-of-00001", "cars_val-00000-of-00001"],
        ["train-00000-of-00001", "training-00000-of-00001"],
        ["train-00000-of-00001", "rest.tfrecord"],
    ],
)
def test_sets_that_nothing_tells_apart_are_refused(names: Sequence[str], tmp_path: Path) -> None:
    for number, name in enumerate(names):
        write(tmp_path / name, imagenet(number))
    with pytest.raises(DataMissing, match=r"has records of more than one set \(\w+, \w+\): keep each in a folder"):
        open_records(tmp_path)
    assert len(open_records(tmp_path / names[0])) == 1


def test_files_that_name_no_split_are_one_set(tmp_path: Path) -> None:
    for number in (1, 0):
        write(tmp_path / f"part{number}.tfrecord", imagenet(number))
    assert open_records(tmp_path).names == ("ILSVRC2012_val_00000000.JPEG", "ILSVRC2012_val_00000001.JPEG")


def test_a_count_that_the_set_cannot_give_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", imagenet(0, 1))
    with pytest.raises(DataMissing, match=r"3 pictures are wanted, but .* has 2"):
        task_of(path, count=3)


def test_the_cache_key_changes_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", imagenet(0, 1))
    before = open_records(path).fingerprint()
    assert open_records(path).fingerprint() == before
    assert open_records(path, 1).fingerprint() != before
    assert open_records(write(path, imagenet(0, 1, 2)), 2).fingerprint() != before


@pytest.mark.parametrize(
    ("name", "answer"),
    [("a.tfrecord", True), ("b.TFRecords", True), ("c-00001-of-00002", True), ("d.zip", False), (".e.tfrecord", False)],
)
def test_records_are_known_by_their_names(tmp_path: Path, name: str, answer: bool) -> None:
    path = write(tmp_path / "set" / name, imagenet(0))
    assert is_record_set(path) is answer
    assert is_record_set(path.parent) is answer
    assert not is_record_set(tmp_path / "nowhere")


def test_the_label_of_a_corrupt_record_is_no_truth(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", imagenet(300, 301, 302))
    label = b"image/class/label"
    right, other = (field(1, label) + field(2, feature(value)) for value in (302, 305))
    assert path.read_bytes().count(right) == 1
    path.write_bytes(path.read_bytes().replace(right, other))
    task = task_of(path)
    with pytest.raises(DataMissing, match=r"val\.tfrecord, record 1 is corrupt: its data does not match its checksum"):
        task.check_truth()
    with pytest.raises(TruthError, match="record 1 is corrupt"):
        task.score([Answer(index, pack_labels([300 + index])) for index in range(3)])
    with pytest.raises(DataMissing, match="record 1 is corrupt"):
        task_of(path, count=1).check_truth()


def test_labels_far_behind_the_count_still_tell_that_the_numbering_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path / "val.tfrecord", [*imagenet(1, 2, 3), *imagenet(4, **{"image/class/label": 0})])
    with pytest.raises(DataMissing, match=r"00000004\.JPEG has the image/class/label 0, but .* 1 to 1000.*first_label"):
        task_of(path, count=2).check_truth()
