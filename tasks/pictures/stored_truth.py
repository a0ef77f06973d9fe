"""Ground truth that is stored with the pictures: a label, boxes or a mask beside each.

Whoever finds it (tasks.pictures.records, tasks.pictures.hub) says what is stored and by which custom such sets are written.
The task, which knows its options, asks for what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from accuracy.errors import TruthError
from accuracy.outside.shown import some
from accuracy.truth.boxes.stored_boxes import StoredBoxes
from accuracy.truth.class_names import ON_HOW, ClassNames, by_place_alone, places_in_model, tells_places
from tasks.base import DataMissing


class StoredTruth(Protocol):
    """What a set has beside its pictures; None for what it does not have.

    `names` are of the pictures that are asked for, `verified` of those among them whose truth counts: where it has a checksum,
    it must have that. Each raises DataMissing where a set has it for some of its pictures.
    """

    def files(self) -> Sequence[Path]:
        """What lies beside the samples and says what is stored with them: lists of names."""

    def classes(self) -> Sequence[str]:
        """Names by whose places labels count: folders, or those that a table has for its columns."""

    def labels(self, names: Sequence[str], verified: Sequence[str]) -> StoredLabels | None:
        """A label a picture."""

    def boxes(self, names: Sequence[str], verified: Sequence[str]) -> StoredBoxes | None:
        """Any number of boxes with a class a picture."""

    def masks(self, names: Sequence[str], verified: Sequence[str]) -> StoredMasks | None:
        """A class map a picture."""


class StoredLabels(NamedTuple):
    """Labels that are stored with the pictures."""

    values: Sequence[int]
    """One for each picture that is asked for."""
    first: int
    """What the first class that counts is called, by the custom of such sets."""
    source: str
    """What they are called there."""
    classes: ClassNames | None = None
    """The set's own list of its classes; `values` are places in it."""
    class_of: Sequence[str] | None = None
    """What each picture is of, by name, where the set has no list but says it picture by picture."""
    named: Sequence[str] = ()
    """All names in `class_of` of the whole set, sorted, where it has no numbers: only names that are known say a class."""
    verify: Callable[[], None] = lambda: None
    """Called before they count as the truth; raises TruthError where what holds them is corrupt."""

    def of_classes(
        self, names: Sequence[str], class_count: int, first: int | None, model: ClassNames | None = None
    ) -> list[int]:
        """The labels as the model counts its classes, from 0.

        Args:
            names: Of the pictures.
            class_count: Classes that a label may name.
            first: What the first class is called; None for the custom of such sets.
            model: The names of the model's classes, where they are known.

        Raises:
            DataMissing: A label of no class; the message names the picture.
            TruthError: Classes that are not the model's, or labels that are corrupt.
        """
        self.verify()
        if self.classes is not None and first is None:
            places = places_in_model(self.classes, class_count, model)
            self._refuse_others(names, 0, len(places))
            return [places[value] for value in self.values]
        if self.named and not tells_places(self.named, class_count, model):
            raise TruthError(
                f"{self.source} names its classes ({some(self.named)}), and nothing says which of the model's {class_count} "
                f"each is: {ON_HOW}"
            )
        if (
            self.class_of is not None
            and (first is None or self.named)
            and tells_places(self.class_of, class_count, model)
        ):
            classes = ClassNames(tuple(self.named or sorted(set(self.class_of))), self.source)
            place_of = dict(zip(classes.names, places_in_model(classes, class_count, model), strict=True))
            places = [place_of[name] for name in self.class_of]
            self._refuse_two_names(names, self.class_of, places)
            return places
        first = self.first if first is None else first
        self._refuse_others(names, first, class_count)
        return [value - first for value in self.values]

    def by_place_alone(self, class_count: int, first: int | None, model: ClassNames | None) -> list[str]:
        """That the set's classes were taken for the model's in their order and nothing else says so; as `of_classes`."""
        said = by_place_alone(self.classes, class_count, model) if self.classes is not None and first is None else ""
        return [said] if said else []

    def _refuse_two_names(self, names: Sequence[str], called: Sequence[str], places: Sequence[int]) -> None:
        """Refuses a number beside two classes by name: then nothing says which of the two counts."""
        first: dict[int, int] = {}
        for at, value in enumerate(self.values):
            before = first.setdefault(value, at)
            if places[before] != places[at]:
                raise DataMissing(
                    f"{names[at]} has the {self.source} {value} and is called {called[at]}, but {names[before]} has it and is "
                    f"called {called[before]}: one of them is wrong, or name the labels with --truth"
                )

    def _refuse_others(self, names: Sequence[str], first: int, class_count: int) -> None:
        for name, value in zip(names, self.values, strict=True):
            if not first <= value < first + class_count:
                raise DataMissing(
                    f"{name} has the {self.source} {value}, but the {class_count} classes are {first} to "
                    f"{first + class_count - 1}: is first_label ({first}) right for this set?"
                )


class StoredMasks:
    """Class maps by the names of their pictures, to be read by `accuracy.truth.masks.Masks`."""

    def __init__(
        self,
        path: Path,
        source: str,
        names: Sequence[str],
        read: Callable[[str], bytes],
    ) -> None:
        """Holds what it takes to read one.

        Args:
            path: Of the set.
            source: What they are called there.
            names: Of the pictures, each of which has one.
            read: A picture's mask, still encoded; raises OSError or ValueError.
        """
        self.path = path
        self.source = source
        self.stems = tuple(names)
        self.paths: Sequence[Path] = ()
        self._read = read

    def require(self, stems: Iterable[str]) -> None:
        """Raises TruthError for a picture of another set."""
        known = set(self.stems)
        if other := [stem for stem in stems if stem not in known]:
            raise TruthError(f"{self.path} has no {self.source} for {len(other)} of the pictures: {some(other)}")

    def name(self, stem: str) -> str:
        """The mask as error messages call it."""
        return f"the {self.source} of {stem} in {self.path}"

    def suffix(self, stem: str) -> str:
        """Always a PNG."""
        del stem
        return ".png"

    def read(self, stem: str) -> bytes:
        """Still encoded.

        Raises:
            TruthError: It cannot be read; the message names it.
        """
        try:
            return self._read(stem)
        except (OSError, ValueError, TruthError) as error:
            raise TruthError(f"{self.name(stem)} cannot be read: {error}") from None
