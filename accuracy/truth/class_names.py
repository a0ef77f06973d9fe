"""The names of classes: a model's, from its label file, and a data set's, held against them.

A label means nothing but its place in a list. Where a data set brings a list of its own (folders, a column's names, a JSON's
categories), the place there is the model's only where both lists are one. So names are looked up wherever both are known,
and counts are compared wherever they are not.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from accuracy.errors import TruthError
from accuracy.outside.border import reads
from accuracy.outside.shown import some
from accuracy.outside.text_files import read_text
from accuracy.truth.counting_names import counted, is_count
from accuracy.truth.imagenet_wnids import WNIDS
from accuracy.truth.label_lists import names_in
from accuracy.truth.packed_names import packed_names

BACKGROUND = frozenset({"???", "background", "__background__", "_background_", "unlabeled", "unlabelled"})
"""How label files call the class before the first that counts, in lower case."""
_WNID = re.compile(r"(n\d{8})(?:[\s_,:-]+(.*))?")
ON_HOW = "name the model's classes, one a line in the model's order, with --set dataset.class_names=FILE"
"""What to do where nothing says which class a name is."""


@dataclass(frozen=True)
class ClassNames:
    """Names in the order of the classes."""

    names: tuple[str, ...]
    """As they are listed; "" for a class that has none."""
    source: str
    """Where they are from, for messages."""
    sure: bool = True
    """False where they were packed into the model's file, and nobody has said that they are what others name its classes."""

    def __len__(self) -> int:
        """How many are listed."""
        return len(self.names)

    @property
    def opens_with_background(self) -> bool:
        """Whether the first is no class that a label names."""
        return bool(self.names) and self.names[0].strip().lower() in BACKGROUND

    def counts(self, count: int) -> bool:
        """Whether these are the names of so many classes: see `of_classes`."""
        return count in (len(self), len(self) - self.opens_with_background)

    def of_classes(self, count: int) -> ClassNames:
        """The names of so many classes: an opening background, which is none of them, is left out.

        Raises:
            TruthError: There are more or fewer.
        """
        names = self.names[1:] if self.opens_with_background and len(self.names) == count + 1 else self.names
        if len(names) != count:
            raise TruthError(f"{self.source} has {len(self.names)} names, but the model has {count} classes")
        return ClassNames(names, self.source, self.sure)

    def place(self, name: str) -> int | None:
        """The class of this name, under any way of writing it; None where there is none, or more than one."""
        return next((found for key in _keys(name) if (found := self._places.get(key)) is not None), None)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        places: dict[str, int] = {}
        shared: set[str] = set()
        ways = [list(_keys(name)) for name in self.names]
        for rank in range(max(map(len, ways), default=0)):
            taken = set(places)
            for place, keys in enumerate(ways):
                if rank >= len(keys) or keys[rank] in taken:
                    continue
                if places.setdefault(keys[rank], place) != place:
                    shared.add(keys[rank])
        return {key: place for key, place in places.items() if key not in shared}


IMAGENET = ClassNames(WNIDS, "ImageNet's 1,000 synsets")
"""By their WordNet ids, in the order of the labels 0 to 999."""


@reads(TruthError)
def read_class_names(path: Path) -> ClassNames:
    """Reads a label file, or the list of classes that is packed into a model file.

    A name a line in the order of the classes, or another form of `accuracy.truth.label_lists`.

    Raises:
        TruthError: It cannot be read, or holds no names.
    """
    try:
        packed = packed_names(path)
        names = names_in(read_text(path) if packed is None else packed)
    except OSError as error:
        raise TruthError(f"the names {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise TruthError(f"the names {path} cannot be read: {error}") from None
    if not any(names):
        raise TruthError(f"{path} holds no names of classes")
    return ClassNames(tuple(names), str(path), sure=packed is None)


def names_in_model(path: Path) -> ClassNames | None:
    """The names of its classes that are packed into a model file; None where there are none that can be read."""
    try:
        return read_class_names(path) if zipfile.is_zipfile(path) else None
    except TruthError:
        return None


def places_in_model(data: ClassNames, class_count: int, model: ClassNames | None) -> list[int]:
    """Which of the model's labels each class of a data set is.

    Args:
        data: The data set's classes, in the order in which it counts them.
        class_count: Labels of the model, which are 0 to class_count - 1.
        model: Their names, where they are known.

    Returns:
        For each class of the data set, the label.

    Raises:
        TruthError: Names that the model does not have, or lists that cannot be compared and are not of one length.
    """
    known = _known_names(data.names, class_count, model)
    if known is not None:
        return _looked_up(data, known)
    if model is not None and len(data) == class_count:
        _refuse_another_order(data, model)
    numbers = _numbers(data.names)
    if numbers is not None and len(data) < class_count and not is_count(numbers) and max(numbers) < class_count:
        return numbers
    counts = counted(data.names) or numbers
    if counts is not None and counts != sorted(counts) and len(data) == class_count:
        raise TruthError(
            f"the classes of {data.source} are called by numbers, in the order {some(data.names)}: nothing says whether the "
            f"number or the place is the model's class. To say it, {ON_HOW}"
        )
    if len(data) != class_count:
        raise TruthError(
            f"{data.source} has {len(data)} classes ({some(data.names)}), but the model has {class_count}: {ON_HOW}"
        )
    if len(data) == len(IMAGENET) and list(data.names) == sorted(data.names):
        raise TruthError(
            f"the {class_count:,} classes of {data.source} are in the order of their names ({some(data.names)}), which is "
            f"not that of ImageNet's synsets: {ON_HOW}"
        )
    return list(range(class_count))


def known_place(name: str, class_count: int, model: ClassNames | None) -> int | None:
    """Which label a class's name or synset is for sure; None where that is not known.

    Args:
        name: As somebody has written it beside a label.
        class_count: Labels of the model.
        model: Their names, where they are known and as many.
    """
    known = _known_names([name], class_count, model)
    return None if known is None else known.place(name)


def tells_places(names: Sequence[str], class_count: int, model: ClassNames | None) -> bool:
    """Whether the names alone say which of the model's classes is meant, as those of ImageNet's synsets do."""
    return _known_names(names, class_count, model) is not None


def by_place_alone(data: ClassNames, class_count: int, model: ClassNames | None) -> str:
    """A sentence where nothing but their places says which of the model's classes these are; else ""."""
    if tells_places(data.names, class_count, model) or _numbers(data.names) is not None:
        return ""
    return (
        f"{data.source} has {len(data)} names of classes, {some(data.names)}: in that order they were taken for the model's "
        f"classes 0 to {len(data) - 1}, since nothing says which is which. If the model counts them otherwise, {ON_HOW}"
    )


def _known_names(names: Sequence[str], class_count: int, model: ClassNames | None) -> ClassNames | None:
    """The list in which the names are looked up."""
    are_synsets = class_count == len(IMAGENET) and all(map(_is_synset, names))
    if are_synsets and names and (model is None or not any(map(_is_synset, model.names))):
        return IMAGENET
    if model is None or model.sure:
        return None if model is None else model.of_classes(class_count)
    packed = model.of_classes(class_count) if model.counts(class_count) else None
    return packed if packed is not None and all(packed.place(name) is not None for name in names) else None


def _refuse_another_order(data: ClassNames, model: ClassNames) -> None:
    """Names of which the model's own list has some, at other places, are not its classes in their order."""
    if not model.counts(len(data)):
        return
    own = model.of_classes(len(data))
    for at, name in enumerate(data.names):
        if (place := own.place(name)) not in (None, at):
            raise TruthError(
                f"class {at} of {data.source} is {name}, which is class {place} in {model.source}, and some of the others are "
                f"not there: {ON_HOW}"
            )


def _is_synset(name: str) -> bool:
    return _WNID.fullmatch(name.strip()) is not None


def _numbers(names: Sequence[str]) -> list[int] | None:
    """The names as numbers, where all are."""
    return [int(name) for name in names] if all(name.isascii() and name.isdecimal() for name in names) else None


def _looked_up(data: ClassNames, model: ClassNames) -> list[int]:
    places = [model.place(name) for name in data.names]
    unknown = [name for name, place in zip(data.names, places, strict=True) if place is None]
    if unknown:
        raise TruthError(
            f"{len(unknown)} of the {len(data)} classes of {data.source} are none of the {len(model)} in {model.source}: "
            f"{some(unknown)}. If those are not the model's, {ON_HOW}"
        )
    found = [place for place in places if place is not None]
    if len(set(found)) < len(found):
        twice = next(place for place in found if found.count(place) > 1)
        raise TruthError(
            f"two classes of {data.source} are one of {model.source}: "
            f"{some([name for name, place in zip(data.names, found, strict=True) if place == twice])}"
        )
    return found


def plain(name: str) -> str:
    """A name as it is compared: `Hot_Dog` is `hot dog`."""
    return " ".join(name.replace("_", " ").lower().split())


def _keys(name: str) -> Iterator[str]:
    """The ways of writing a class, the most telling first: the whole name, its synset, and each of its synonyms."""
    if whole := plain(name):
        yield whole
    if synset := _WNID.fullmatch(name.strip()):
        yield synset[1]
    words = (synset[2] or "") if synset else name
    yield from (word for part in words.split(",") if (word := plain(part)))
