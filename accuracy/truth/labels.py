"""Ground truth of labels: one class a sample, by file name or by position.

Forms, told apart by suffix and content:

    .txt   a label a line, for the samples in order of their file names (MM imagenet_val.txt)
    .txt   file name and label a line (MLCommons' val_map.txt)
    .csv   with a header that has the columns `file` and `class_index_1000` or `label`
    .csv   without a header: file name, number of classes, label (MLPerf Tiny's y_labels.csv)

A label is a number from 0, or a class's name, which is looked up in the model's (accuracy.truth.class_names).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from accuracy.errors import TruthError
from accuracy.outside.border import reads
from accuracy.outside.shown import brief
from accuracy.outside.text_files import NotText, lines_of, read_text
from accuracy.truth.class_names import ClassNames, known_place, places_in_model, tells_places

_LABEL_COLUMNS = ("class_index_1000", "label")
_NAME_COLUMNS = ("wnid", "synset", "class_name", "class", "name")
"""Columns of a table with a header that say the class beside its number."""
_MOST_DIGITS = 9
_ON_NAMES = (
    " (names of classes are read where --set dataset.class_names=FILE lists the model's; synsets for 1000 classes)"
)


@dataclass(frozen=True, slots=True)
class TrueLabels:
    """What a ground truth file says."""

    path: Path
    names: tuple[str, ...] | None
    """File names in the order of the file; None where the labels go by position."""
    labels: tuple[int, ...]
    contradiction: str = ""
    """What another of its own columns says against its numbers; "" for nothing."""

    def check(self) -> None:
        """Raises TruthError where the file contradicts itself: beside a number another, or a known name of another class."""
        if self.contradiction:
            raise TruthError(self.contradiction)

    def in_order(self, names: Sequence[str]) -> dict[str, int] | None:
        """Labels by position, given out to the samples of the whole set in this order; None for labels that have names."""
        return None if self.names is not None else dict(zip(names, self.labels, strict=True))

    def match(self, names: Sequence[str], total: int) -> list[int]:
        """The labels of samples, in the samples' order.

        Args:
            names: The file names of the samples in use: the first of the set, or all.
            total: The number of samples in the whole set.

        Raises:
            TruthError: A sample has no label; or labels have no sample, where the whole set is in use; or positional
                labels are not as many as the whole set has samples, so that nothing says which they belong to.
        """
        if self.names is None:
            if len(self.labels) != total:
                raise TruthError(
                    f"{self.path} has {len(self.labels)} labels by position, but the data set has {total} samples: "
                    f"they do not belong together, or one of them is incomplete"
                )
            return list(self.labels[: len(names)])
        by_name = dict(zip(self.names, self.labels, strict=True))
        _refuse(f"{self.path} has no label for", [name for name in names if name not in by_name])
        if len(names) == total:
            there = set(names)
            _refuse(f"{self.path} has labels for files that are not there:", [n for n in self.names if n not in there])
        return [by_name[name] for name in names]


@reads(TruthError)
def read_labels(path: Path, class_count: int, classes: ClassNames | None = None) -> TrueLabels:
    """Reads a ground truth of labels 0 to `class_count` - 1, or of the classes' names.

    Args:
        path: The file.
        class_count: Labels of the model.
        classes: The names of its classes, where they are known; ImageNet's synsets need none.

    Raises:
        TruthError: Absent, empty, of none of the forms, a label out of range (with the line), or a name twice.
    """
    try:
        lines = lines_of(read_text(path).rstrip())
    except OSError as error:
        raise TruthError(f"no labels at {path}: {error.strerror}") from None
    except NotText as error:
        raise TruthError(f"{path} is no list of labels: {error}") from None
    if not lines:
        raise TruthError(f"{path} holds no labels: it is empty")
    try:
        rows = list(_csv_rows(path, lines, class_count) if path.suffix.lower() == ".csv" else _text_rows(path, lines))
    except csv.Error as error:
        raise TruthError(f"{path} is not a list of labels: {error}") from None
    if not rows:
        raise TruthError(f"{path} holds no labels, only a header")
    if all(not text.isdecimal() for _, _, text in rows) and tells_places(
        [text for *_, text in rows], class_count, classes
    ):
        named = ClassNames(tuple(dict.fromkeys(text for *_, text in rows)), str(path))
        place_of = dict(zip(named.names, places_in_model(named, class_count, classes), strict=True))
        labels = tuple(place_of[text] for *_, text in rows)
    else:
        labels = tuple(_label(path, number, text, class_count) for number, _, text in rows)
    of_table = path.suffix.lower() == ".csv"
    contradiction = _contradiction(path, lines, labels, class_count, classes) if of_table else ""
    keyed = rows[0][1] is not None
    first: dict[str, int] = {}
    for number, name, _ in rows:
        if (name is not None) != keyed:
            raise TruthError(f"{path}, line {number} {'has no' if keyed else 'has a'} file name, unlike line 1")
        if name is not None and first.setdefault(name, number) != number:
            raise TruthError(f"{path}, line {number} labels {name} again, after line {first[name]}")
    return TrueLabels(path, tuple(first) if keyed else None, labels, contradiction)


_Row = tuple[int, str | None, str]
"""Line number, file name, label as text."""


def _text_rows(path: Path, lines: Sequence[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        *name, label = line.rsplit(maxsplit=1) or [""]
        if not label:
            raise TruthError(f"{path}, line {number} is empty: every line is a sample")
        yield number, name[0].strip() if name else None, label


def _csv_rows(path: Path, lines: Sequence[str], class_count: int) -> Iterator[_Row]:
    rows = _table(lines)
    _, head = rows[0]
    if len(head) == 3 and head[1].isdecimal():
        yield from _tiny_rows(path, rows, class_count)
        return
    columns = [column for column in _LABEL_COLUMNS if column in head]
    if "file" not in head or not columns:
        raise TruthError(
            f"{path} is not a list of labels: its first line is {brief(lines[0])!r}; expected a header with the columns file "
            f"and {' or '.join(_LABEL_COLUMNS)}, or lines of file name, number of classes, label"
        )
    for column in ("file", *columns, *_NAME_COLUMNS):
        if head.count(column) > 1:
            raise TruthError(f"{path} has {head.count(column)} columns {column}: nothing says which counts")
    name_at, label_at = head.index("file"), head.index(columns[0])
    for number, row in rows[1:]:
        if len(row) != len(head):
            raise TruthError(f"{path}, line {number} has {len(row)} fields, but the header has {len(head)}")
        yield number, row[name_at], row[label_at]


def _table(lines: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The fields of each line, with its number."""
    return [(number, [field.strip() for field in row]) for number, row in enumerate(csv.reader(lines), 1)]


def _contradiction(
    path: Path, lines: Sequence[str], labels: Sequence[int], class_count: int, classes: ClassNames | None
) -> str:
    """A table that says the class in other columns too must mean one and the same, where the name is known."""
    (_, head), *rows = _table(lines)
    said = [name for name in (*_LABEL_COLUMNS, *_NAME_COLUMNS) if name in head] if "file" in head else []
    if len(said) < 2:
        return ""
    for (number, row), label in zip(rows, labels, strict=True):
        for column in said[1:]:
            text = row[head.index(column)]
            if column in _LABEL_COLUMNS and text.isdecimal():
                if int(text) != label:
                    return (
                        f"{path}, line {number}: {said[0]} is {row[head.index(said[0])]} and {column} is {text}, and nothing "
                        f"says which counts: leave one of the two columns out"
                    )
                continue
            place = known_place(text, class_count, classes)
            if place not in (None, label):
                return (
                    f"{path}, line {number}: the label {label} is not {text}, which stands beside it in the column {column} "
                    f"and is class {place} of {class_count}: labels count from 0, without a background"
                )
    return ""


def _tiny_rows(path: Path, rows: Sequence[tuple[int, Sequence[str]]], class_count: int) -> Iterator[_Row]:
    for number, row in rows:
        if len(row) != 3:
            raise TruthError(f"{path}, line {number} has {len(row)} fields; expected file name, classes, label")
        if row[1] != str(class_count):
            raise TruthError(f"{path}, line {number} is of {row[1]} classes, but the task has {class_count}")
        yield number, row[0], row[2]


def _label(path: Path, number: int, text: str, class_count: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise TruthError(f"{path}, line {number}: {text[:40]!r} is not a label{_ON_NAMES}")
    if int(text) >= class_count:
        raise TruthError(f"{path}, line {number}: the label {text} is out of range; labels are 0 to {class_count - 1}")
    return int(text)


def _refuse(what: str, names: Sequence[str]) -> None:
    if names:
        raise TruthError(f"{what} {', '.join(names[:5])}{', ...' if len(names) > 5 else ''} ({len(names)} in all)")
