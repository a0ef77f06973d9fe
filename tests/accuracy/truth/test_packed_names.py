from __future__ import annotations

from pathlib import Path

import pytest

from accuracy.errors import TruthError
from accuracy.truth.class_names import ClassNames, known_place, names_in_model, places_in_model, read_class_names
from tests.told_models import with_files


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "plain.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    return path


def packed(model: Path, **files: str) -> Path:
    names = {f"{name}.txt": text for name, text in files.items()}
    return with_files(model, model.with_name("packed.tflite"), names)


def test_the_list_of_classes_in_a_model_file_is_read_whatever_lies_beside_it(model: Path) -> None:
    assert names_in_model(packed(model, labelmap="cat\r\ndog\n", vocab="the\na\n")) == ClassNames(
        ("cat", "dog"), str(model.with_name("packed.tflite")), sure=False
    )
    assert read_class_names(packed(model, classes="0 cat\n1 dog\n", vocab="the\n")).names == ("cat", "dog")
    assert names_in_model(model) is None
    assert names_in_model(model.with_name("absent.tflite")) is None


@pytest.mark.parametrize("files", [{"labels_de": "Katze\n", "labels_en": "cat\n"}, {"vocab": "the\n"}, {"labels": ""}])
def test_no_list_or_several_are_taken_for_none_unless_they_are_asked_for(model: Path, files: dict[str, str]) -> None:
    path = packed(model, **files)
    assert names_in_model(path) is None
    with pytest.raises(TruthError, match=r"lists of classes are packed into it|holds no names of classes"):
        read_class_names(path)


def test_a_corrupt_archive_is_taken_for_none(model: Path) -> None:
    path = packed(model, labels="cat\ndog\n" * 100)
    data = bytearray(path.read_bytes())
    data[data.index(b"cat\ndog")] ^= 1
    path.write_bytes(data)
    assert names_in_model(path) is None
    with pytest.raises(TruthError, match="what is packed into it cannot be read: Bad CRC-32"):
        read_class_names(path)


def own(*names: str) -> ClassNames:
    return ClassNames(names, "the model", sure=False)


def data(*names: str) -> ClassNames:
    return ClassNames(names, "the set")


def test_names_that_the_models_own_list_has_are_looked_up_in_it() -> None:
    assert places_in_model(data("dog", "cat"), 3, own("background", "cat", "dog", "owl")) == [1, 0]


def test_a_list_of_other_words_or_another_number_counts_for_nothing() -> None:
    assert places_in_model(data("Katze", "Hund"), 2, own("cat", "dog")) == [0, 1]
    assert places_in_model(data("dog", "cat"), 2, own("cat", "dog", "owl")) == [0, 1]
    assert places_in_model(data("000", "001"), 2, own("cat", "dog")) == [0, 1]
    assert known_place("Hund", 2, own("cat", "dog")) is None


def test_a_set_that_has_some_of_the_names_at_other_places_is_refused() -> None:
    with pytest.raises(TruthError, match="class 0 of the set is dog, which is class 1 in the model"):
        places_in_model(data("dog", "Katze"), 2, own("cat", "dog"))
    assert places_in_model(data("Katze", "dog"), 2, own("cat", "dog")) == [0, 1]
