"""Object detection: SSD models that end in TFLite_Detection_PostProcess, on COCO."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import numpy as np

from accuracy.answers import wire
from accuracy.answers.detections import Detections, from_answers, of_tally, tally_of
from accuracy.answers.log import Answer, Answers, Sample
from accuracy.coco_ap import METRICS, coco_ap
from accuracy.errors import TruthError
from accuracy.metric.box_readings import FRACTIONS, Y_X_CORNERS, BoxReadings, LoggedBoxes, PictureOrder
from accuracy.metric.detection_score import explain, score_detections
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.outside.shown import some
from accuracy.truth.boxes.coco import COCO_CATEGORIES, CocoTruth
from accuracy.truth.boxes.coco_names import coco_places, listed_order
from accuracy.truth.class_names import ClassNames, read_class_names
from tasks.base import DataMissing, DataRef, ModelMismatch, Reading, Tensor
from tasks.codecs.detection import DetectionCodec, DetectionOptions
from tasks.in_parts import InParts
from tasks.outputs.detection_exhibits import exhibit_detections
from tasks.outputs.exhibits import Exhibition
from tasks.outputs.readings import known_reading, numeric_places
from tasks.pictures.published.coco import CocoData, Order
from tasks.pictures.shown import shown_picture
from tasks.sets.digests import StoredSamples

_EIGHTY = (tuple(range(80)), tuple(range(1, 81)))
"""Categories of files that count COCO's classes without its gaps."""
_WITH_GAPS, _WITHOUT_GAPS = (90, 91), (80, 81)
"""Class scores of COCO's models, without and with a background's: by its ids, or by its 80 classes alone."""
Counting = TypeVar("Counting", bound="DetectionOptions")


def names_by_category(names: ClassNames, options: DetectionOptions, score_columns: int | None) -> Mapping[int, str]:
    """The names of a detector's logged categories.

    Args:
        names: In the order of the model's classes, or COCO's 80 for a model that leaves its ids' gaps.
        options: The task's.
        score_columns: See `Task.fit`.

    Raises:
        ModelMismatch: There are more or fewer than the model has classes.
    """
    listed = names.names[1:] if names.opens_with_background else names.names
    in_coco = coco_places(listed)
    if in_coco is not None and len(listed) == len(COCO_CATEGORIES) and score_columns not in _WITHOUT_GAPS:
        return dict(zip(in_coco, listed, strict=True))
    if score_columns is not None and len(listed) not in (score_columns - 1, score_columns):
        raise ModelMismatch(
            f"there are {len(listed)} names, but the model has {score_columns - 1} classes: are they the names of this model?"
        )
    return dict(enumerate(listed, options.class_offset))


def counting(options: Counting, score_columns: int | None) -> Counting:
    """The options with what classes are called, where the number of class scores says it.

    Raises:
        ModelMismatch: The options say it otherwise, in a way that cannot be.
    """
    without_gaps = score_columns in _WITHOUT_GAPS
    is_coco = score_columns is None or without_gaps or score_columns in _WITH_GAPS
    found = replace(
        options,
        inverse_map=without_gaps if options.inverse_map is None else options.inverse_map,
        category_ids=options.category_ids or ("coco" if is_coco else "file"),
    )
    if found.category_ids == "file":
        return found
    if found.inverse_map and score_columns in _WITH_GAPS:
        raise ModelMismatch(
            f"inverse_map is true, but the model has {score_columns} class scores, which are COCO's ids with their gaps: leave "
            "it out, or say dataset.category_ids=file for a model whose classes are the file's"
        )
    if without_gaps and not found.inverse_map:
        raise ModelMismatch(
            f"inverse_map is false, but the model has {score_columns} class scores, which are COCO's classes without its ids' "
            "gaps: leave it out, or say dataset.category_ids=file for a model whose classes are the file's ids"
        )
    if score_columns is not None and is_coco and options.class_offset not in (0, 1):
        raise ModelMismatch(
            f"class_offset is {options.class_offset}, but the {score_columns} class scores of the model are COCO's, which "
            "begin with 0 (class_offset 1, the default) or 1 (class_offset 0): dataset.category_ids=file is for other ids"
        )
    return found


class Detection(InParts):
    """What is where in the picture?

    Pictures in a folder or zip archive, and COCO's instances JSON or a `.pbtxt`; or TFRecord files or a Hugging Face data
    set, with the boxes beside the pictures.
    """

    Options = DetectionOptions
    headline = "coco_ap"
    metrics = (*METRICS, "tflite_map", "voc_map50")
    layouts = MappingProxyType({"reference": {"order": "json"}, "mobile": {"order": "name"}})

    @classmethod
    def fit(
        cls, options: DetectionOptions, score_columns: int | None, names: ClassNames | None = None
    ) -> DetectionOptions:
        """As `Task.fit`: whether the model counts COCO's ids, COCO's classes without the ids' gaps, or classes of its own.

        Raises:
            ModelMismatch: The names are not as many as the model's classes.
        """
        if names is None and options.class_names is not None:
            names = read_class_names(options.class_names)
        if names is not None:
            names_by_category(names, options, score_columns)
        return counting(options, score_columns)

    def __init__(self, data: DataRef, options: DetectionOptions) -> None:
        """Finds the pictures and their order."""
        self._options = options
        self._ref = data
        self._data = self._opened(options.order)

    def _opened(self, order: Order) -> CocoData:
        options = self._options
        by_names = options.category_ids != "file"
        return CocoData(self._ref, order, options.stored_boxes, options.stored_classes, by_names=by_names)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._data.pictures)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> DetectionCodec:
        """Binds the task to a model of one picture input and the four outputs of TFLite_Detection_PostProcess."""
        return DetectionCodec(self._data.pictures, self._options, inputs, outputs)

    def check_truth(self) -> None:
        """Reads the ground truth and holds it against the pictures: names, sizes, and any object at all that counts."""
        self._data.check()
        self._refuse_other_ids()
        if self._options.categories is not None and not len(self._truth_of(self._data).box):
            there = some([str(number) for number in sorted(set(self._data.truth.category.tolist()))])
            raise DataMissing(
                f"no object in any of the {len(self)} pictures is of the categories {list(self._options.categories)}: there "
                f"are {there}. Is dataset.categories right?"
            )

    def _refuse_other_ids(self) -> None:
        """Refuses a file that counts COCO's 80 classes without gaps, and names none, where COCO's ids are what counts."""
        options, listed = self._options, self._data.truth.categories
        if options.category_ids == "file" or options.inverse_map or listed not in _EIGHTY:
            return
        raise DataMissing(
            f"{self._data.truth_path} has 80 categories without the gaps of COCO's ids, by which the model's classes are read, "
            "and their names are none of COCO's: call them as COCO does, or say --set dataset.category_ids=file where the "
            "model counts as the file does"
        )

    def tally(self, answers: Iterable[Answer]) -> Tally:
        """As `InParts.tally`: the rows of each answer (`accuracy.answers.detections.tally_of`).

        Raises:
            LogError: An answer that no working model gives, such as a NaN score; the message names the picture.
        """
        truth = self._truth_of(self._data)
        return tally_of(answers, truth, self._label_map(truth))

    def figures(self, tally: Tally) -> Score:
        """COCO's twelve figures, `tflite_map` and `voc_map50`; what is not defined on this set is left out.

        Raises:
            LogError: Samples without an answer, or most boxes far outside their pictures.
        """
        truth = self._truth_of(self._data)
        found = score_detections(truth, self._counted(of_tally(tally, truth, self._label_map(truth))), self.headline)
        return found.with_notes(self._data.notes)

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: the pictures with the boxes that were found and those that are there."""
        truth, detections = self._truth_of(self._data), self._detections(answers)
        return exhibit_detections(truth, detections, most, lambda index: shown_picture(self._data.pictures, index))

    def chance(self) -> float:
        """As `Task.chance`: boxes and classes are hardly ever hit by guessing, and few pictures can lift it a little."""
        return 0.1

    def readings(self, answers: Answers) -> Iterator[Reading]:
        """As `Task.readings`: other orders of pictures, other classes and other boxes (`accuracy.metric.box_readings`)."""
        own = self._truth_of(self._data)
        rows = tally_of(answers(), own, self._label_map(own))
        logged = LoggedBoxes(
            np.repeat(rows["image"], rows["count"]),
            rows["rows"][:, 1:5].astype(np.float64),
            rows["rows"][:, 5].astype(np.float64),
            rows["rows"][:, 6].astype(np.int64),
        )
        orders = (PictureOrder("", "", own), *self._other_orders(own))
        places = bool(self._options.inverse_map)
        yield from map(known_reading, BoxReadings(logged, orders, Y_X_CORNERS, FRACTIONS, places, self._coco_ap))

    def _other_orders(self, own: CocoTruth) -> Iterator[PictureOrder]:
        other: Order = "name" if self._data.order == "json" else "json"
        words = {
            "name": "sorted file names, as the mobile app counts",
            "json": "JSON's list, as the reference harness counts",
        }[other]
        with contextlib.suppress(DataMissing, TruthError):
            data = self._opened(other)
            if data.pictures.names != self._data.pictures.names:
                yield PictureOrder(words, f"--set dataset.order={other} scores it", self._truth_of(data))
        if (numeric := numeric_places(self._data.pictures.names)) is not None:
            yield PictureOrder(
                "numbers in their names",
                "the log counts 2.jpg before 10.jpg: name the pictures with leading zeros",
                own.select(numeric),
            )

    def _coco_ap(self, truth: CocoTruth, detections: Detections) -> float:
        return coco_ap(truth, self._counted(detections)).get(self.headline, 0.0)

    def explain(self, answers: Iterable[Answer]) -> str:
        """One line that says why the three kinds of mAP differ on these pictures."""
        return explain(self._truth_of(self._data), self._detections(answers))

    def rewrite(self, answers: Iterable[Answer], target: Self) -> Iterator[Answer]:
        """As `Task.rewrite`: the same rows under the sample's index in the target's order."""
        place = {name: index for index, name in enumerate(target._data.pictures.names)}
        for index, data in answers:
            with Sample(index, self._data.pictures.names):
                rows = wire.unpack_detections(data).copy()
            there = place[self._data.pictures.names[index]]
            rows[:, 0] = there
            yield Answer(there, rows.tobytes())

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, the pictures, their order and the ground truth."""
        path, stored = self._data.truth_path, self._data.stored
        return {
            "count": len(self),
            "pictures": str(self._data.pictures.path),
            "order": self._data.order,
            "truth": None if (truth := stored or path) is None else str(truth),
            **self._data.pictures.left_out_facts,
        }

    def stored_samples(self) -> StoredSamples:
        """As `Task.stored_samples`: the pictures."""
        return self._data.pictures

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the boxes, unless they are stored with the pictures, and names of classes."""
        listed = (self._data.truth_path, self._options.class_names)
        return (*(path for path in listed if path is not None), *self._data.pictures.files)

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out, options that change nothing."""
        named = [name for name in ("stored_boxes", "stored_classes") if getattr(self._options, name) is not None]
        if self._data.stored is not None or not named:
            return self._data.pictures.warning()
        unused = f"{' and '.join(named)} change nothing: the boxes are those of {self._data.truth_path}"
        return (*self._data.pictures.warning(), unused)

    def _detections(self, answers: Iterable[Answer]) -> Detections:
        truth = self._data.truth
        return self._counted(from_answers(answers, truth, self._label_map(truth)))

    def _truth_of(self, data: CocoData) -> CocoTruth:
        """The objects that count."""
        wanted = self._options.categories
        return data.truth if wanted is None else data.truth.of_categories(wanted)

    def _counted(self, detections: Detections) -> Detections:
        """The detections that count."""
        wanted = self._options.categories
        return detections if wanted is None else detections.of_categories(wanted)

    def _label_map(self, truth: CocoTruth) -> Mapping[int, int] | None:
        return dict(enumerate((0, *listed_order(truth)))) if self._options.inverse_map else None
