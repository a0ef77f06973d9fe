from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from accuracy.answers import grids
from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_labels
from tasks.base import DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.outputs.exhibits import Named, coloured, worst_named
from tasks.segmentation import Segmentation


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in range(3):
        Image.fromarray(np.full((8, 8, 3), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
    return tmp_path


def test_the_worst_come_first_and_of_equals_the_first() -> None:
    samples = [Named(0, (1, 2), 1), Named(1, (3, 4), 5), Named(2, (3, 5), 5), Named(3, (6, 1), 7)]
    worst, judged, confused = worst_named(samples, 3)
    assert [one.index for one in worst] == [1, 3, 2]
    assert judged == 4
    assert confused == {(5, 3): 2, (7, 6): 1}


def test_classes_far_apart_have_colours_of_their_own() -> None:
    colours = coloured(np.arange(256).reshape(16, 16)).reshape(-1, 3)
    assert len({tuple(colour) for colour in colours}) == 256
    assert colours[0].tolist() == [0, 0, 0]
    assert colours[15].tolist() == [192, 128, 128]  # PASCAL VOC's person


def test_a_picture_is_shown_with_what_it_is_and_what_was_said(pictures: Path) -> None:
    (pictures / "val_map.txt").write_text("0.png 1\n1.png 2\n2.png 3\n")
    options = ClassificationOptions(num_classes=5, shown_names=("a", "b", "c", "d", "e"))
    task = Classification(DataRef(pictures), options)
    answers = [Answer(index, pack_labels(labels)) for index, labels in enumerate([[1], [4], [3]])]
    found = task.exhibits(answers, 2)
    assert (found.judged, len(found.exhibits)) == (3, 2)
    worst = found.exhibits[0]
    assert (worst.name, worst.said, worst.truth, worst.quality) == ("1.png", "e", "c", 0.0)
    assert worst.picture is not None
    assert worst.picture[0, 0].tolist() == [40, 40, 40]
    assert found.confused == {("c", "e"): 1}


def test_an_answer_that_is_none_is_refused_as_in_scoring(pictures: Path) -> None:
    (pictures / "val_map.txt").write_text("0.png 1\n1.png 2\n2.png 3\n")
    task = Classification(DataRef(pictures), ClassificationOptions(num_classes=5))
    with pytest.raises(LogError, match=r"1\.png"):
        task.exhibits([Answer(1, b"abc")], 2)


def test_a_mask_is_shown_beside_its_annotation(pictures: Path) -> None:
    truth = pictures / "annotations"
    truth.mkdir()
    right = np.ones((8, 8), np.uint8)
    for number in range(3):
        Image.fromarray(right).save(truth / f"{number}.png")
    task = Segmentation(DataRef(pictures), SegmentationOptions(num_classes=3))
    half = right.copy()
    half[:4] = 2
    answers = [Answer(index, grids.pack_class_map(half if index == 2 else right)) for index in range(3)]
    found = task.exhibits(answers, 1)
    (worst,) = found.exhibits
    assert worst.name == "2.png"
    assert worst.quality == pytest.approx(0.5)
    assert worst.said_picture is not None
    assert worst.true_picture is not None
    assert worst.said_picture[0, 0].tolist() != worst.true_picture[0, 0].tolist()
    assert worst.said_picture[7, 7].tolist() == worst.true_picture[7, 7].tolist()
