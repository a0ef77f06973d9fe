from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tasks.base import DataMissing
from tasks.pictures.folders import Pictures
from tasks.pictures.published.wrong_pairs import refuse_wrong_pair


def mobile(zoo: Path, name: str) -> Path:
    return zoo / "datasets/mlperf_mobile" / name


WRONG = [
    (
        "v3_0_datasets_imagenet-test.zip",
        "v3_0_assets_imagenet_tiny-groundtruth.txt",
        r"v0_7/datasets/imagenet_tiny\.zip",
    ),
    ("v0_7_datasets_imagenet_tiny.zip", "v1_0_assets_imagenet_val.txt", r"v0_7/datasets/imagenet, whose"),
    ("v0_7_datasets_coco_tiny.zip", "v1_0_assets_coco_val.pbtxt", r"v0_7/datasets/coco, whose"),
    ("v0_7_datasets_ade20k_tiny.zip", "v3_1_datasets_ade20k_tiny_annotations.zip", r"ADE20K's validation set"),
]
RIGHT = [
    ("v0_7_datasets_imagenet_tiny.zip", "v3_0_datasets_imagenet-test.zip", "v3_0_assets_imagenet_tiny-groundtruth.txt"),
    ("v3_0_datasets_imagenet-test.zip", "v0_7_datasets_imagenet_tiny.zip", "v1_0_assets_imagenet_val.txt"),
    ("v3_0_datasets_coco-test.zip", "v0_7_datasets_coco_tiny.zip", "v1_0_assets_coco_val.pbtxt"),
]


@pytest.mark.parametrize(("pictures", "truth", "belongs_to"), WRONG)
def test_a_published_pair_that_does_not_belong_together_is_refused(
    zoo: Path, pictures: str, truth: str, belongs_to: str
) -> None:
    with pytest.raises(DataMissing, match=f"which belongs to {belongs_to}"):
        refuse_wrong_pair(Pictures.open(mobile(zoo, pictures)), mobile(zoo, truth))


@pytest.mark.parametrize(("own", "other", "truth"), RIGHT)
def test_a_published_truth_is_taken_with_its_own_pictures_and_with_no_others(
    zoo: Path, own: str, other: str, truth: str
) -> None:
    refuse_wrong_pair(Pictures.open(mobile(zoo, own)), mobile(zoo, truth))
    with pytest.raises(DataMissing, match="other pictures of the same names"):
        refuse_wrong_pair(Pictures.open(mobile(zoo, other)), mobile(zoo, truth))


def test_an_unpacked_copy_with_other_line_endings_is_known_too(zoo: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(mobile(zoo, "v3_0_datasets_imagenet-test.zip")) as archive:
        archive.extractall(tmp_path / "images")
    labels = mobile(zoo, "v3_0_assets_imagenet_tiny-groundtruth.txt").read_text().split()
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    with pytest.raises(DataMissing, match="other pictures of the same names"):
        refuse_wrong_pair(Pictures.open(tmp_path), tmp_path / "labels.txt")


def test_unpacked_annotations_are_known_too(zoo: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(mobile(zoo, "v3_1_datasets_ade20k_tiny_annotations.zip")) as archive:
        archive.extractall(tmp_path)
    shutil.rmtree(tmp_path / "__MACOSX")
    with pytest.raises(DataMissing, match="other pictures of the same names"):
        refuse_wrong_pair(Pictures.open(mobile(zoo, "v0_7_datasets_ade20k_tiny.zip")), tmp_path)


def test_a_count_or_an_order_of_its_own_hides_no_set(zoo: Path) -> None:
    path, truth = mobile(zoo, "v0_7_datasets_coco_tiny.zip"), mobile(zoo, "v1_0_assets_coco_val.pbtxt")
    with pytest.raises(DataMissing, match="other pictures of the same names"):
        refuse_wrong_pair(Pictures.open(path).select(["000000000007.jpg"], 1), truth)


def test_pictures_and_truths_that_nobody_published_pass(zoo: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("1\n2\n")
    (tmp_path / "a.jpg").write_bytes(b"any")
    test, truth = (
        mobile(zoo, "v3_0_datasets_imagenet-test.zip"),
        mobile(zoo, "v3_0_assets_imagenet_tiny-groundtruth.txt"),
    )
    refuse_wrong_pair(Pictures.open(test), tmp_path / "labels.txt")
    refuse_wrong_pair(Pictures.open(tmp_path), truth)
    with pytest.raises(DataMissing, match="other pictures of the same names"):
        refuse_wrong_pair(Pictures.open(test), truth)
