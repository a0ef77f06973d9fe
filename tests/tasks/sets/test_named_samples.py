"""Labels that contradict what the samples' own names say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.base import DataMissing, DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.keyword_spotting import KeywordSpottingOptions
from tasks.keyword_spotting import KeywordSpotting
from tasks.sets.named_samples import refuse_contradictions, synset_place

NAMES = ("ILSVRC2012_val_00000293_n01440764.JPEG", "n01484850_great_white_shark.JPEG", "n01443537_1.JPEG")
PLACES = (0, 2, 1)


def pictures(folder: Path, labels: tuple[int, ...]) -> Classification:
    for name in NAMES:
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / name, "JPEG")
    rows = [f"{name},{label}\n" for name, label in zip(NAMES, labels, strict=True)]
    (folder / "labels.csv").write_text("file,label\n" + "".join(rows))
    return Classification(DataRef(folder), ClassificationOptions())


def test_labels_in_1001_space_are_refused_where_the_pictures_are_called_by_synsets(tmp_path: Path) -> None:
    pictures(tmp_path, PLACES).check_truth()
    task = pictures(tmp_path, (1, 3, 2))
    with pytest.raises(DataMissing, match=r"contradict the names of 3 of 3 .*Every label is 1 too high"):
        task.check_truth()


def test_a_picture_that_was_labelled_anew_is_no_contradiction_of_the_set(tmp_path: Path) -> None:
    pictures(tmp_path, (0, 2, 7)).check_truth()


def test_names_say_nothing_of_a_model_of_other_classes() -> None:
    refuse_contradictions(NAMES, (5, 5, 5), synset_place(10, None), "labels.csv")


def test_words_that_tinys_names_hold_contradict_labels_too(tmp_path: Path) -> None:
    for name in ("tst_000000_Stop_7.bin", "tst_000001_Left_2.bin"):
        (tmp_path / name).write_bytes(bytes(490))
    labels = tmp_path / "y_labels.csv"
    task = KeywordSpotting(DataRef(tmp_path), KeywordSpottingOptions())
    labels.write_text("tst_000000_Stop_7.bin,12,7\ntst_000001_Left_2.bin,12,2\n")
    task.check_truth()
    labels.write_text("tst_000000_Stop_7.bin,12,8\ntst_000001_Left_2.bin,12,3\n")
    with pytest.raises(DataMissing, match=r"tst_000000_Stop_7.bin is class 7 by its name, and has the label 8"):
        KeywordSpotting(DataRef(tmp_path), KeywordSpottingOptions()).check_truth()


def test_a_table_that_contradicts_itself_is_refused_before_a_run(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file,class_index_1000,wnid\na.png,1,n01440764\n")
    with pytest.raises(DataMissing, match="line 2: the label 1 is not n01440764"):
        Classification(DataRef(tmp_path), ClassificationOptions()).check_truth()
