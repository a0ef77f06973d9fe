from __future__ import annotations

from pathlib import Path

import pytest

from accuracy.errors import TruthError
from accuracy.truth.class_names import IMAGENET, ClassNames, places_in_model, read_class_names
from accuracy.truth.imagenet_wnids import WNIDS


def names(*listed: str) -> ClassNames:
    return ClassNames(listed, "the list")


def file_of(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_imagenets_synsets_are_1000_in_their_sorted_order() -> None:
    assert len(set(WNIDS)) == 1000
    assert list(WNIDS) == sorted(WNIDS)
    assert (WNIDS[0], WNIDS[-1]) == ("n01440764", "n15075141")


def test_synsets_are_places_among_all_1000_though_the_data_has_a_few() -> None:
    assert places_in_model(names("n01440764", "n01484850", "n15075141"), 1000, None) == [0, 2, 999]
    assert places_in_model(names("n01484850_great_white_shark", "n01440764 tench"), 1000, None) == [2, 0]


def test_synsets_of_a_model_of_so_many_classes_are_in_their_order() -> None:
    assert places_in_model(names("n01440764", "n03028079"), 2, None) == [0, 1]
    with pytest.raises(TruthError, match=r"the list has 2 classes \(n01440764, n03028079\), but the model has 10"):
        places_in_model(names("n01440764", "n03028079"), 10, None)


def test_a_synset_that_imagenet_does_not_have_is_named() -> None:
    with pytest.raises(TruthError, match=r"1 of the 2 classes of the list are none of the 1000 in .*: n00000001\."):
        places_in_model(names("n00000001", "n01440764"), 1000, None)


def test_ten_names_for_a_model_of_1000_classes_are_refused_with_both_counts() -> None:
    with pytest.raises(TruthError, match=r"has 10 classes \(class 0, .*\.\.\.\), but the model has 1000: name .*FILE"):
        places_in_model(names(*(f"class {number}" for number in range(10))), 1000, None)


def test_names_are_looked_up_in_the_models_whatever_their_order_and_writing() -> None:
    model = ClassNames(("background", "tench, Tinca tinca", "hot dog, red hot", "crane", "crane"), "labels.txt")
    assert places_in_model(names("Hot_Dog", "tench"), 4, model) == [1, 0]
    with pytest.raises(TruthError, match=r"none of the 4 in labels\.txt: crane\."):
        places_in_model(names("crane"), 4, model)
    with pytest.raises(TruthError, match=r"two classes of the list are one of labels\.txt: tench, Tinca tinca"):
        places_in_model(names("tench", "Tinca tinca"), 4, model)


def test_names_of_another_number_of_classes_are_not_the_models() -> None:
    with pytest.raises(TruthError, match=r"labels\.txt has 5 names, but the model has 10 classes"):
        places_in_model(names("a"), 10, ClassNames(tuple("abcde"), "labels.txt"))


def test_as_many_names_as_classes_go_by_their_place() -> None:
    assert places_in_model(names("bird", "ant"), 2, None) == [0, 1]


def test_1000_names_in_alphabetical_order_are_not_in_imagenets() -> None:
    with pytest.raises(TruthError, match=r"the 1,000 classes of the list are in the order of their names"):
        places_in_model(names(*(f"name {number:04}" for number in range(1000))), 1000, None)


def test_numbers_for_names_are_refused_where_their_order_is_not_their_count() -> None:
    numbers = sorted(str(number) for number in range(12))
    with pytest.raises(TruthError, match="nothing says whether the number or the place is the model's class"):
        places_in_model(names(*numbers), 12, None)
    assert places_in_model(names(*map(str, range(12))), 12, None) == list(range(12))
    listed = ClassNames(tuple(str(number) for number in range(12)), "names.txt")
    assert places_in_model(names(*numbers), 12, listed) == [int(number) for number in numbers]


@pytest.mark.parametrize(
    "called",
    [
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        ["ONE", "TWO", "THREE", "FOUR"],
        ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"],
        [f"class_{number}" for number in range(1, 12)],
        [f"digit{number}" for number in range(11)],
        [f"{number}_{name}" for number, name in enumerate("abcdefghijk", 1)],
        [f"{number}. {name}" for number, name in enumerate("abcdefghijk")],
        [f"{number}-{name}" for number, name in enumerate("abcdefghijk")],
    ],
    ids=lambda called: called[0],
)
def test_names_that_count_are_refused_where_their_order_is_not_their_count(called: list[str]) -> None:
    with pytest.raises(TruthError, match="nothing says whether the number or the place is the model's class"):
        places_in_model(names(*sorted(called)), len(called), None)
    assert places_in_model(names(*called), len(called), None) == list(range(len(called)))
    listed = ClassNames(tuple(called), "names.txt")
    assert places_in_model(names(*sorted(called)), len(called), listed) == [called.index(n) for n in sorted(called)]


@pytest.mark.parametrize("called", [["5 euro", "10 euro"], ["mix", "dim"], ["two", "one way"], ["b2", "a7", "c"]])
def test_names_that_only_look_like_numbers_go_by_their_place(called: list[str]) -> None:
    assert places_in_model(names(*called), len(called), None) == list(range(len(called)))


@pytest.mark.parametrize("written", ["0  ant\n1  bee\n3  cow\n", "0: ant\n1: bee\n3: cow\n", "1 ant\n2 bee\n4 cow\n"])
def test_numbers_before_all_names_say_their_places(tmp_path: Path, written: str) -> None:
    (tmp_path / "labels.txt").write_text(written)
    assert read_class_names(tmp_path / "labels.txt").names == ("ant", "bee", "", "cow")


def test_a_label_file_of_windows_reads_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbfbackground\r\nant\r\nbee\r\n")
    found = read_class_names(tmp_path / "labels.txt")
    assert found.names == ("background", "ant", "bee")
    assert found.opens_with_background
    assert found.of_classes(2).names == ("ant", "bee")
    (tmp_path / "wide.txt").write_text("ant\nbee\n", encoding="utf-16")
    with pytest.raises(TruthError, match=r"wide\.txt cannot be read: it is in UTF-16"):
        read_class_names(tmp_path / "wide.txt")


def test_a_model_of_imagenet_may_be_named_in_words_and_the_data_by_synsets() -> None:
    words = ClassNames(tuple(f"word {number}" for number in range(1000)), "words.txt")
    assert places_in_model(names("n01484850"), 1000, words) == [2]
    assert IMAGENET.place("n01484850") == 2
