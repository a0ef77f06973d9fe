from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.truth.boxes.coco import COCO_CATEGORIES
from harness.zoo.builtin import ade20k as ade20k_builtin
from harness.zoo.builtin import coco as coco_builtin
from harness.zoo.builtin import imagenet as imagenet_builtin
from harness.zoo.builtin.drawing import MOTIFS, Chance, coverage
from harness.zoo.builtin.sets import BUILTIN, builtin_path

_SETS = ("imagenet", "coco", "ade20k")
_MODULES = {"imagenet": imagenet_builtin, "coco": coco_builtin, "ade20k": ade20k_builtin}
_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


@pytest.fixture(scope="module")
def folders(made: Callable[[str, str], Path]) -> dict[str, Path]:
    """The test part of every set, as a user gets it."""
    return {name: made("builtin", name) for name in _SETS}


def _lists_all(file: str) -> bool:
    return file.endswith((".csv", ".json"))


def _files(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("name", _SETS)
def test_a_set_is_the_same_whenever_it_is_made(
    folders: dict[str, Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_MODULES[name], "COUNTS", {"test": 6})
    again = {file: digest for file, digest in _files(builtin_path(name, tmp_path)).items() if not _lists_all(file)}
    assert len(again) >= 6
    assert again.items() <= _files(folders[name]).items()


@pytest.mark.parametrize("name", _SETS)
def test_a_set_that_is_there_is_not_made_again(
    folders: dict[str, Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILTIN, name, (BUILTIN[name][0], "no_such_writer", BUILTIN[name][2]))
    assert builtin_path(name, folders[name].parent) == folders[name]


def test_fit_and_test_share_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (imagenet_builtin, coco_builtin, ade20k_builtin):
        monkeypatch.setattr(module, "COUNTS", {"fit": 12, "test": 12})
    ways: list[Callable[[Any], list[bytes]]] = [
        lambda part: [data for _, _, data in imagenet_builtin.pictures(part)],
        lambda part: [picture.tobytes() for _, picture, _ in coco_builtin.pictures(part)],
        lambda part: [data for _, data, _ in ade20k_builtin.pictures(part)],
    ]
    for pictures in ways:
        fit, test = set(pictures("fit")), set(pictures("test"))
        assert len(fit) == len(test) == 12
        assert not fit & test


def test_labels_are_spread_over_all_of_imagenet(folders: dict[str, Path]) -> None:
    with (folders["imagenet"] / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {path.name for path in folders["imagenet"].glob("*.jpg")}
    counts = Counter(int(row["label"]) for row in rows)
    assert len(counts) >= 40
    assert (min(counts), max(counts)) == (0, 999)
    assert set(counts.values()) == {5}
    places = sorted(counts)
    assert max(after - before for before, after in pairwise(places)) < 25
    assert all(label + 1 not in counts for label in counts), "a label off by one is nobody's"


def test_categories_lie_on_both_sides_of_cocos_gaps(folders: dict[str, Path]) -> None:
    truth = json.loads((folders["coco"] / "annotations/instances_builtin_test.json").read_text())
    found = {annotation["category_id"] for annotation in truth["annotations"]}
    assert len(found) >= 10
    assert found <= set(COCO_CATEGORIES)
    assert (min(found), max(found)) == (1, 90)
    for gap in _GAPS:
        sides = (max(number for number in COCO_CATEGORIES if number < gap), min(n for n in COCO_CATEGORIES if n > gap))
        assert found & set(sides), f"no category beside the gap at {gap}"
    assert {category["id"] for category in truth["categories"]} >= found


def test_boxes_are_where_the_figures_are() -> None:
    chance = Chance("boxes")
    picture, figures = coco_builtin.scene(240, 320, chance)
    assert figures
    for kind, (left, top, across, down) in figures:
        _, colour = coco_builtin.KINDS[kind]
        near = np.abs(picture.astype(int) - np.array(colour)).sum(axis=2) < 110
        inside = np.zeros_like(near)
        inside[int(top) : int(top + down), int(left) : int(left + across)] = True
        share = near[inside].mean()
        assert 0.3 < share <= 1
        rows, columns = np.flatnonzero((near & inside).any(axis=1)), np.flatnonzero((near & inside).any(axis=0))
        assert abs(rows[0] - top) <= 4
        assert abs(columns[-1] + 1 - left - across) <= 4


def test_sizes_and_boxes_fit_the_pictures(folders: dict[str, Path]) -> None:
    truth = json.loads((folders["coco"] / "annotations/instances_builtin_test.json").read_text())
    sizes = {}
    for image in truth["images"]:
        with Image.open(folders["coco"] / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        sizes[image["id"]] = (image["width"], image["height"])
    assert len(set(sizes.values())) > 30
    for annotation in truth["annotations"]:
        left, top, across, down = annotation["bbox"]
        width, height = sizes[annotation["image_id"]]
        assert left >= 0
        assert top >= 0
        assert left + across <= width
        assert top + down <= height


def test_class_maps_have_at_least_22_scored_classes(folders: dict[str, Path]) -> None:
    found: set[int] = set()
    for path in sorted((folders["ade20k"] / "annotations").iterdir()):
        with Image.open(path) as classes, Image.open(folders["ade20k"] / "images" / f"{path.stem}.jpg") as picture:
            assert classes.size == picture.size
            assert classes.mode == "L"
            found |= set(np.unique(np.asarray(classes)).tolist())
    scored = found & set(range(1, 32))
    assert len(scored) >= 22
    assert {1, 31} <= scored


def test_pictures_keep_their_colours_in_the_file(folders: dict[str, Path]) -> None:
    name, _, data = next(imagenet_builtin.pictures("test"))
    with Image.open(io.BytesIO(data)) as picture, Image.open(folders["imagenet"] / name) as stored:
        assert picture.mode == stored.mode == "RGB"
        layers = stored.layer  # type: ignore[attr-defined]
    assert {tuple(layer[1:3]) for layer in layers} == {(1, 1)}, "chroma is not subsampled"


@pytest.mark.parametrize(("one", "other"), [("left", "right"), ("slash", "backslash")])
def test_motifs_that_mirror_each_other_do(one: str, other: str) -> None:
    rows, columns = np.mgrid[-1:1:41j, -1:1:41j]
    np.testing.assert_allclose(coverage(one, columns, rows, 20), coverage(other, -columns, rows, 20))
    assert not np.array_equal(coverage(one, columns, rows, 20), coverage(other, columns, rows, 20))


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_motif_fills_a_part_of_its_square_and_stays_in_it(motif: str) -> None:
    rows, columns = np.mgrid[-1.5:1.5:61j, -1.5:1.5:61j]
    share = coverage(motif, columns, rows, 40)
    assert 0.02 < share.mean() < 0.4
    assert not share[np.maximum(abs(rows), abs(columns)) > 1].any()
