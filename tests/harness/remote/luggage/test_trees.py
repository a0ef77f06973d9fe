"""What is sent of a data set of which a run reads a part."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.remote.luggage.trees import tree_of
from harness.spec.schema import DataSetRef
from harness.spec.task import open_task
from tasks.base import DataMissing, Task


def _pictures(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.fromarray(np.full((8, 8, 3), index, np.uint8)).save(folder / f"picture_{index}.png")
    return folder


def _labelled(folder: Path) -> Path:
    _pictures(folder / "val", 6)
    (folder / "val_map.txt").write_text("".join(f"picture_{index}.png {index + 1}\n" for index in range(6)))
    return folder / "val"


def _by_class(folder: Path) -> Path:
    _pictures(folder / "val" / "cat", 3)
    _pictures(folder / "val" / "dog", 0)
    for index in range(3):
        Image.fromarray(np.full((8, 8, 3), index, np.uint8)).save(folder / "val" / "dog" / f"other {index}.png")
    return folder / "val"


def _open(kind: str, options: dict[str, Any], path: Path, count: int | None) -> Task:
    return open_task(kind, options, DataSetRef(name="set", source="file", path=path, count=count))


def _told(task: Task) -> Sequence[object]:
    stored = task.stored_samples()
    assert stored is not None
    task.check_truth()
    data = dict(task.describe_data())
    return [list(stored.names), [stored.whole(index) for index in range(len(task))], data["count"], task.warnings()]


@pytest.mark.parametrize(
    ("kind", "options", "make"),
    [
        ("classification", {}, _labelled),
        ("classification", {"num_classes": 2}, _by_class),
    ],
)
def test_of_a_part_of_a_set_the_rest_is_sent_by_name_and_nothing_of_the_part_is_another(
    kind: str, options: dict[str, Any], make: Any, tmp_path: Path
) -> None:
    path = make(tmp_path / "here")
    task = _open(kind, options, path, 2)
    tree = tree_of(path, task.files(), task.named_only())
    assert len([file for file in tree.files if not file.sha256]) == 4
    assert tree.id != tree_of(path, task.files()).id
    for file in tree.files:
        place = tmp_path / "there" / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.sha256:
            shutil.copy(file.path, place)
        else:
            place.touch()
    assert _told(_open(kind, options, tmp_path / "there" / path.name, 2)) == _told(task)


def test_of_a_whole_set_and_of_one_that_lies_in_one_file_all_is_sent(tmp_path: Path) -> None:
    path = _labelled(tmp_path / "here")
    assert not _open("classification", {}, path, None).named_only()
    archive = Path(shutil.make_archive(str(tmp_path / "here" / "packed"), "zip", path))
    assert not _open("classification", {}, archive, 2).named_only()


def test_pictures_whose_sizes_are_held_against_the_truth_are_all_sent(tmp_path: Path) -> None:
    path = _pictures(tmp_path / "here" / "val", 3)
    images = [{"id": n, "file_name": f"picture_{n}.png", "width": 8, "height": 8} for n in range(3)]
    box = {"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 0}
    truth = {"images": images, "annotations": [box], "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "here" / "instances_val.json").write_text(json.dumps(truth))
    assert not _open("detection", {}, path, 1).named_only()


def test_what_the_rest_of_a_set_disproves_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = _labelled(tmp_path / "here")
    (tmp_path / "here" / "val_map.txt").write_text("picture_0.png 1\npicture_1.png 2\npicture_2.png 3\n")
    with pytest.raises(DataMissing):
        _told(_open("classification", {}, path, 2))
