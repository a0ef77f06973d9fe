"""Other ways in which logged boxes may have been meant: of which picture, which numbers of a box, which classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from accuracy.answers.detections import Detections
from accuracy.answers.overlap import iou
from accuracy.metric.doubt import OtherReading
from accuracy.truth.boxes.coco import CocoTruth, Float64, Int64
from accuracy.truth.boxes.coco_names import listed_order

_FEWEST_OBJECTS = 3
"""With fewer, a box or two that are right by chance would pass for a numbering."""
_LOOKED_AT = 200
"""Pictures that tell whose the boxes are and which of their numbers is what."""
_SUREST = 10
_CLEARLY = 1.5
_NO_CLASS = -1


class BoxForm(NamedTuple):
    """What the four numbers of a box are."""

    words: str
    corners: Callable[[Float64], Float64]
    """[N, 4] as written -> ymin, xmin, ymax, xmax."""


def _columns(*order: int) -> Callable[[Float64], Float64]:
    return lambda boxes: boxes[:, list(order)]


def _sized(*order: int, centred: bool = False) -> Callable[[Float64], Float64]:
    """`order` of y, x, height and width."""

    def corners(boxes: Float64) -> Float64:
        place, size = boxes[:, list(order[:2])], boxes[:, list(order[2:])]
        begin = place - size / 2 if centred else place
        return np.concatenate([begin, begin + size], axis=1)

    return corners


Y_X_CORNERS = BoxForm("ymin, xmin, ymax, xmax", _columns(0, 1, 2, 3))
X_Y_SIZE = BoxForm("x, y, width, height", _sized(1, 0, 3, 2))
_FORMS = (
    Y_X_CORNERS,
    BoxForm("xmin, ymin, xmax, ymax", _columns(1, 0, 3, 2)),
    BoxForm("xmin, xmax, ymin, ymax", _columns(2, 0, 3, 1)),
    BoxForm("ymin, ymax, xmin, xmax", _columns(0, 2, 1, 3)),
    X_Y_SIZE,
    BoxForm("y, x, height, width", _sized(0, 1, 2, 3)),
    BoxForm("centre x, centre y, width, height", _sized(1, 0, 3, 2, centred=True)),
    BoxForm("centre y, centre x, height, width", _sized(0, 1, 2, 3, centred=True)),
)


class BoxUnit(NamedTuple):
    """What the numbers of a box count."""

    words: str
    pixels: Callable[[Float64, Float64], Float64]
    """From corners [N, 4] and their pictures' sides [N, 4], height and width twice."""


FRACTIONS = BoxUnit("", lambda corners, sides: corners * sides)
PIXELS = BoxUnit("", lambda corners, _: corners)
_OTHER_UNITS = (
    BoxUnit(" in fractions of the picture's sides", FRACTIONS.pixels),
    BoxUnit(" in -1 to 1", lambda corners, sides: (corners + 1) / 2 * sides),
)


class PictureOrder(NamedTuple):
    """Whose pictures the logged places are."""

    words: str
    meaning: str
    truth: CocoTruth


class LoggedBoxes(NamedTuple):
    """Boxes as they were written, one a row."""

    image: Int64
    """[N] place among the pictures."""
    box: Float64
    """[N, 4] as written."""
    score: Float64
    category: Int64
    """[N] class as written."""


class _Way(NamedTuple):
    """How boxes are read, but for their classes."""

    order: PictureOrder
    form: BoxForm
    unit: BoxUnit

    def corners(self, boxes: LoggedBoxes) -> Float64:
        """[N, 4] ymin, xmin, ymax, xmax in pixels."""
        sides = np.array([(image.height, image.width) * 2 for image in self.order.truth.images], np.float64).reshape(
            -1, 4
        )
        return self.unit.pixels(self.form.corners(boxes.box), sides[boxes.image])


@dataclass(frozen=True)
class BoxReadings:
    """All other ways to read logged boxes: the best of orders, forms and units, with each numbering of the classes."""

    boxes: LoggedBoxes
    orders: Sequence[PictureOrder]
    """The first is that in which they were scored."""
    form: BoxForm
    """In which they were scored; so is `unit`."""
    unit: BoxUnit
    places: bool
    """Whether a logged class was taken for its place in the list of categories (`inverse_map`), and not for an id."""
    score: Callable[[CocoTruth, Detections], float]
    """The headline."""
    settings: bool = True
    """Whether `class_offset` and `inverse_map` are there to be set."""

    def __iter__(self) -> Iterator[OtherReading]:
        """The readings."""
        if len(self.orders[0].truth.category) < _FEWEST_OBJECTS or not len(self.boxes.image):
            return
        way = self._best_way
        box = self._box_words(way)
        said = [words for words in (way.order.words and f"samples in the order of the {way.order.words}", box) if words]
        meant = [
            words
            for words in (way.order.meaning, box and f"that is how they are written, where {self.form.words} are read")
            if words
        ]
        for words, meaning, classes in self._numberings(way.order.truth):
            if words or said:
                yield OtherReading(
                    " and ".join(filter(None, (*said, words))),
                    "; ".join(filter(None, (*meant, meaning))),
                    partial(self._scored, way, classes),
                )

    def _box_words(self, way: _Way) -> str:
        same_unit = way.unit is self.unit
        return (
            ""
            if same_unit and way.form is self.form
            else f"boxes as {way.form.words}{'' if same_unit else way.unit.words}"
        )

    def _scored(self, way: _Way, classes: Int64) -> float:
        top, left, bottom, right = way.corners(self.boxes).T
        box = np.stack([left, top, np.maximum(right - left, 0), np.maximum(bottom - top, 0)], axis=1)
        return self.score(way.order.truth, Detections(self.boxes.image, classes, box, self.boxes.score))

    @cached_property
    def _best_way(self) -> _Way:
        own = _Way(self.orders[0], self.form, self.unit)
        best, found = own, _CLEARLY * self._covered(own)
        for order in self.orders:
            for form in _FORMS:
                for unit in (self.unit, *(unit for unit in _OTHER_UNITS if unit.pixels is not self.unit.pixels)):
                    way = _Way(order, form, unit)
                    if (covered := self._covered(way)) > found:
                        best, found = way, covered
        return best

    def _covered(self, way: _Way) -> float:
        """How well the surest boxes cover the objects, whatever their classes: the mean of the best overlaps."""
        truth, overlaps = way.order.truth, list[float]()
        left, top, width, height = truth.box.T
        objects = np.stack([top, left, top + height, left + width], axis=1)
        found = way.corners(self.boxes)
        of_object, of_box = _by_picture(truth.image), self._surest
        for picture in list(of_object)[:_LOOKED_AT]:
            rows, wanted = of_box.get(picture), of_object[picture]
            surest = np.zeros((1, 4)) if rows is None else found[rows[: max(_SUREST, 2 * len(wanted))]]
            overlaps += iou(surest, objects[wanted]).max(axis=0).tolist()
        return float(np.mean(overlaps))

    @cached_property
    def _surest(self) -> dict[int, Int64]:
        """The rows of each picture's boxes, the surest first."""
        order = np.argsort(-self.boxes.score, kind="stable")
        return {picture: order[rows] for picture, rows in _by_picture(self.boxes.image[order]).items()}

    def _numberings(self, truth: CocoTruth) -> Iterator[tuple[str, str, Int64]]:
        """Words, meaning and the classes as ids: as they were scored, and each other that makes a difference."""
        logged, seen = self.boxes.category, list[bytes]()
        listed = np.array([_NO_CLASS, *listed_order(truth), _NO_CLASS], np.int64)
        for places in (self.places, not self.places):
            for step in (0, -1, 1):
                classes = logged + step
                if places:
                    classes = listed[np.clip(classes, 0, len(listed) - 1)]
                if (key := classes.tobytes()) not in seen:
                    seen.append(key)
                    yield (*_words_of_classes(places, step, self.places, self.settings), classes)


def _words_of_classes(places: bool, step: int, own_places: bool, settings: bool) -> tuple[str, str]:
    shifted = f"the model counts its classes {'above' if step < 0 else 'below'} those of the ground truth"
    if places == own_places:
        return (
            ("classes shifted by one", f"{shifted}{': is class_offset right for it?' if settings else ''}")
            if step
            else ("", "")
        )
    words = "classes counted over the categories that there are" if places else "COCO's category ids as classes"
    setting = f"inverse_map={str(places).lower()}"
    if not step:
        return words, f"--set model.{setting} scores it" if settings else "the model counts them so"
    advice = f", and {setting}: are they and class_offset right for it?" if settings else ""
    return f"{words}, shifted by one", f"{shifted}{advice}"


def _by_picture(image: Int64) -> dict[int, Int64]:
    """The rows of each picture, in their order."""
    order = np.argsort(image, kind="stable")
    pictures, begins = np.unique(image[order], return_index=True)
    rows: list[npt.NDArray[np.int64]] = np.split(order, begins[1:])
    return dict(zip(pictures.tolist(), rows, strict=True))
