from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.errors import TruthError
from accuracy.truth.class_names import ClassNames
from accuracy.truth.labels import read_labels

NAMES = st.lists(st.from_regex(r"[A-Za-z0-9_]{1,12}\.(JPEG|png|bin)", fullmatch=True), min_size=1, unique=True)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_positional_labels_are_one_a_line_in_the_order_of_the_samples(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "val.txt", "472\r\n963\r\n928\r\n"), 1000)
    assert labels.names is None
    assert labels.match(["a", "b", "c"], total=3) == [472, 963, 928]
    assert labels.match(["a", "b"], total=3) == [472, 963]


def test_positional_labels_must_be_as_many_as_the_whole_set_even_where_fewer_are_used(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "val.txt", "1\n2\n3\n"), 10)
    for total in (2, 4):
        with pytest.raises(TruthError, match=f"has 3 labels by position, but the data set has {total} samples"):
            labels.match(["a", "b"], total=total)


def test_a_val_map_gives_labels_by_file_name_whatever_its_order(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "val_map.txt", "b.JPEG 7\na.JPEG 3\n"), 10)
    assert labels.match(["a.JPEG", "b.JPEG"], total=2) == [3, 7]


def test_a_file_name_in_a_val_map_may_hold_spaces(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "val_map.txt", "a dog.jpg   7\n"), 10)
    assert labels.match(["a dog.jpg"], total=1) == [7]


def test_a_csv_with_a_header_is_read_by_its_column_names(tmp_path: Path) -> None:
    text = "wnid,class_index_1000,file\nn1,5,a.JPEG\nn2,9,b.JPEG\n"
    assert read_labels(write(tmp_path, "labels.csv", text), 10).match(["a.JPEG", "b.JPEG"], total=2) == [5, 9]


def test_a_csv_without_a_header_is_file_name_then_number_of_classes_then_label(tmp_path: Path) -> None:
    text = "tst_000000_Stop_7.bin, 12, 7\ntst_000001_Left_2.bin, 12, 2\n"
    labels = read_labels(write(tmp_path, "y_labels.csv", text), 12)
    assert labels.names == ("tst_000000_Stop_7.bin", "tst_000001_Left_2.bin")
    assert labels.labels == (7, 2)


def test_a_sample_without_a_label_is_named(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "val_map.txt", "a.jpg 1\n"), 10)
    with pytest.raises(TruthError, match=r"no label for b\.jpg"):
        labels.match(["a.jpg", "b.jpg"], total=2)


def test_a_label_without_a_sample_is_named_where_the_whole_set_is_used(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "val_map.txt", "a.jpg 1\nb.jpg 2\nc.jpg 3\n"), 10)
    with pytest.raises(TruthError, match=r"files that are not there: c\.jpg"):
        labels.match(["a.jpg", "b.jpg"], total=2)


def test_a_label_without_a_sample_is_accepted_where_a_count_limits_the_set(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "val_map.txt", "a.jpg 1\nb.jpg 2\nc.jpg 3\n"), 10)
    assert labels.match(["a.jpg"], total=2) == [1]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.txt", "1\n2\n10\n", r"line 3: the label 10 is out of range; labels are 0 to 9"),
        ("a.txt", "1\n-1\n", r"line 2: '-1' is not a label"),
        ("a.txt", "1\n1.5\n", r"line 2: '1.5' is not a label"),
        ("a.txt", "1\n\n2\n", r"line 2 is empty"),
        ("a.txt", "1\nx.jpg 2\n", r"line 2 has a file name"),
        ("a.txt", "x.jpg 1\n2\n", r"line 2 has no file name"),
        ("a.txt", "x.jpg 1\ny.jpg 2\nx.jpg 3\n", r"line 3 labels x\.jpg again, after line 1"),
        ("a.txt", "1\n" + "9" * 5000 + "\n", r"line 2: '9{40}' is not a label"),
        ("a.txt", "", r"it is empty"),
        ("a.csv", "", r"it is empty"),
        ("a.csv", "file,label\n", r"only a header"),
        ("a.csv", "name,label\nx,1\n", r"first line is 'name,label'; expected a header"),
        ("a.csv", "file,label\nx.jpg\n", r"line 2 has 1 fields, but the header has 2"),
        ("a.csv", "file,label,label\nx.jpg,1,2\n", r"has 2 columns label: nothing says which counts"),
        ("a.csv", "file,label\nx.jpg,10\n", r"line 2: the label 10 is out of range"),
        ("a.csv", "x.bin,10,1\ny.bin,12,2\n", r"line 2 is of 12 classes, but the task has 10"),
        ("a.csv", "x.bin,10,1\ny.bin\n", r"line 2 has 1 fields"),
        ("a.csv", "x.bin,10,1\nx.bin,10,2\n", r"line 2 labels x\.bin again"),
    ],
)
def test_a_mistake_in_a_label_file_is_told_with_its_line(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(TruthError, match=complaint):
        read_labels(write(tmp_path, name, text), 10)


def test_a_label_file_that_is_absent_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="no labels at"):
        read_labels(tmp_path / "absent.txt", 10)
    (tmp_path / "picture.txt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(TruthError, match="not text"):
        read_labels(tmp_path / "picture.txt", 10)


@settings(deadline=None, derandomize=True)
@given(names=NAMES, data=st.data())
def test_every_form_of_the_same_labels_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    truth = data.draw(st.lists(st.integers(0, 11), min_size=len(names), max_size=len(names)))
    pairs = sorted(zip(names, truth, strict=True))
    shuffled = data.draw(st.permutations(pairs))
    files = [
        write(folder, "positional.txt", "".join(f"{label}\n" for _, label in pairs)),
        write(folder, "val_map.txt", "".join(f"{name} {label}\n" for name, label in shuffled)),
        write(folder, "labels.csv", "file,label\n" + "".join(f"{name},{label}\n" for name, label in shuffled)),
        write(folder, "y_labels.csv", "".join(f"{name},12,{label}\n" for name, label in shuffled)),
    ]
    wanted = [label for _, label in pairs]
    assert [read_labels(file, 12).match(sorted(names), len(names)) for file in files] == [wanted] * len(files)


@settings(deadline=None, derandomize=True)
@given(content=st.binary(max_size=60), suffix=st.sampled_from([".txt", ".csv"]))
def test_bytes_of_any_kind_are_read_as_labels_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("labels") / f"labels{suffix}"
    path.write_bytes(content)
    try:
        labels = read_labels(path, 10).labels
    except TruthError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right, each with its own condition
    else:
        assert labels
        assert all(0 <= label < 10 for label in labels)


def test_a_number_that_the_synset_beside_it_contradicts_is_refused_with_its_line(tmp_path: Path) -> None:
    rows = "file,class_index_1000,wnid\na.JPEG,0,n01440764\nb.JPEG,{},n01484850\n"
    assert read_labels(write(tmp_path, "labels.csv", rows.format(2)), 1000).labels == (0, 2)
    with pytest.raises(
        TruthError, match=r"line 3: the label 3 is not n01484850, .* column wnid and is class 2 of 1000"
    ):
        read_labels(write(tmp_path, "labels.csv", rows.format(3)), 1000).check()
    # Of another model nobody knows which class a synset is.
    assert read_labels(write(tmp_path, "labels.csv", rows.format(3)), 10).labels == (0, 3)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("file,label,class_index_1000\na.png,0,0\nb.png,1,2\n", "line 3: class_index_1000 is 2 and label is 1"),
        ("file,class_index_1000,label\na.png,1,2\n", "line 2: class_index_1000 is 1 and label is 2"),
        ("file,class_index_1000,label\na.png,1,n01440764\n", "line 2: the label 1 is not n01440764"),
        # The first column of names is right, the second is not.
        ("file,label,wnid,synset\na.png,0,n01440764,n01484850\n", "line 2: the label 0 is not n01484850"),
        ("file,class_index_1000,label\na.png,n01440764,3\n", "line 2: class_index_1000 is n01440764 and label is 3"),
    ],
)
def test_columns_that_say_different_classes_are_refused_with_the_line(rows: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=says):
        read_labels(write(tmp_path, "labels.csv", rows), 1000).check()


def test_two_columns_of_one_class_are_one(tmp_path: Path) -> None:
    rows = "file,class_index_1000,label,wnid\na.png,0,0,n01440764\nb.png,2,2,n01484850\n"
    found = read_labels(write(tmp_path, "labels.csv", rows), 1000)
    found.check()
    assert found.labels == (0, 2)


def test_a_number_that_contradicts_a_name_of_the_models_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "labels.csv", "file,label,name\na.png,0,Cat\nb.png,0,dog\n")
    with pytest.raises(TruthError, match=r"line 3: the label 0 is not dog"):
        read_labels(path, 2, ClassNames(("cat", "dog"), "names.txt")).check()
    read_labels(path, 2).check()
    assert read_labels(path, 2).labels == (0, 0)
