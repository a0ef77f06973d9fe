"""A log that is cut and judged in parts has the figures of the whole, to the last digit; the answers here are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers.grids import pack_class_map, pack_picture
from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_detections, pack_labels, pack_logits
from accuracy.metric.tally import Tally, joined, packed, unpacked
from harness.zoo.builtin.sets import builtin_path
from tasks.base import DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.detection import DetectionOptions
from tasks.codecs.keyword_spotting import KeywordSpottingOptions
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.codecs.super_resolution import SuperResolutionOptions
from tasks.detection import Detection
from tasks.in_parts import InParts
from tasks.keyword_spotting import KeywordSpotting
from tasks.question_answering import QuestionAnswering
from tasks.segmentation import Segmentation
from tasks.super_resolution import SuperResolution

Draw = np.random.Generator
TrueLogits = Callable[[QuestionAnswering, Path], list[tuple[Any, Any]]]
Logged = tuple[InParts, Callable[[int], bytes]]
COUNT = 24


@pytest.fixture(scope="module")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], DataRef]:
    folder = tmp_path_factory.mktemp("builtin")
    return lambda name: DataRef(builtin_path(name, folder), count=COUNT)


def classified(data: Callable[[str], DataRef], draw: Draw, tmp_path: Path, true_logits: TrueLogits) -> Logged:
    task = Classification(data("imagenet"), ClassificationOptions())
    # About every other one is right.
    return task, lambda index: pack_labels([task._labels[index], *draw.integers(0, 1000, 4)][:: draw.choice([-1, 1])])


def said(data: Callable[[str], DataRef], draw: Draw, tmp_path: Path, true_logits: TrueLogits) -> Logged:
    options = KeywordSpottingOptions()
    return KeywordSpotting(data("speech_commands"), options), lambda _: pack_labels(draw.integers(0, 12, 1))


def segmented(data: Callable[[str], DataRef], draw: Draw, tmp_path: Path, true_logits: TrueLogits) -> Logged:
    def answer(_: int) -> bytes:
        return pack_class_map(np.kron(draw.integers(0, 32, (8, 8)), np.ones((64, 64))).astype(np.uint8))

    return Segmentation(data("ade20k"), SegmentationOptions()), answer


def asked(data: Callable[[str], DataRef], draw: Draw, tmp_path: Path, true_logits: TrueLogits) -> Logged:
    task = QuestionAnswering(data("squad"), QuestionAnsweringOptions())
    right = true_logits(task, task._truth.path)
    return task, lambda index: pack_logits(*(side + draw.standard_normal(side.shape) for side in right[index]))


def detected(data: Callable[[str], DataRef], draw: Draw, tmp_path: Path, true_logits: TrueLogits) -> Logged:
    def answer(index: int) -> bytes:
        corners = np.sort(draw.random((10, 2, 2)), axis=1).reshape(10, 4).astype(np.float32)
        rows = pack_detections(corners, draw.random(10, np.float32), draw.integers(1, 10, 10).astype(np.float32))
        stamped = np.frombuffer(rows, np.float32).reshape(-1, 7).copy()
        stamped[:, 0] = index
        return stamped.tobytes()

    return Detection(data("coco"), DetectionOptions(category_ids="coco")), answer


def enlarged(data: Callable[[str], DataRef], draw: Draw, tmp_path: Path, true_logits: TrueLogits) -> Logged:
    for name, side in (("lr", 8), ("hr", 16)):
        (tmp_path / name).mkdir()
        for number in range(COUNT):
            Image.fromarray(draw.integers(0, 256, (side, side, 3), np.uint8)).save(tmp_path / name / f"{number}.png")
    task = SuperResolution(DataRef(tmp_path / "lr"), SuperResolutionOptions())
    return task, lambda _: pack_picture(draw.integers(0, 256, (16, 16, 3), np.uint8))


@pytest.fixture(params=[classified, said, segmented, asked, detected, enlarged], ids=lambda make: make.__name__)
def logged(
    request: pytest.FixtureRequest, builtin: Callable[[str], DataRef], tmp_path: Path, true_logits: TrueLogits
) -> tuple[InParts, Any]:
    draw = np.random.default_rng(7)
    task, answer = request.param(builtin, draw, tmp_path, true_logits)
    # As LoadGen asks in Offline: in any order.
    return task, [Answer(int(index), bytes(answer(int(index)))) for index in draw.permutation(len(task))]


def everything(score: Any) -> dict[str, Any]:
    weights = np.random.default_rng(1).integers(0, 3, (4, score.count)).astype(np.float64)
    drawn = {} if score.redrawn is None else score.redrawn(weights)
    arrays = {**score.means, **drawn, "parts": score.parts if score.parts is not None else np.zeros(0)}
    told = (dict(score), score.unit, score.count, score.interval, score.notes, score.intervals, score.details)
    return {"told": told, **{name: array.tobytes() for name, array in arrays.items()}}


def tallies(task: InParts, answers: list[Answer], size: int) -> Iterator[Tally]:
    for start in range(0, len(answers), size):
        # On its way from another machine.
        yield unpacked(packed(task.tally(answers[start : start + size])))


@pytest.mark.parametrize("size", [1, 7, COUNT])
def test_the_figures_are_the_whole_log_s_to_the_digit_however_it_is_cut(
    size: int, logged: tuple[InParts, list[Answer]]
) -> None:
    task, answers = logged
    whole = everything(task.score(iter(answers)))
    assert everything(task.figures(joined(list(tallies(task, answers, size))))) == whole
    # The twin: one answer that is another's.
    other = [*answers[:-1], Answer(answers[-1].index, answers[0].data)]
    if not isinstance(task, Detection):
        assert everything(task.score(iter(other))) != whole


def test_what_one_part_does_not_know_is_not_known_of_all(builtin: Callable[[str], DataRef]) -> None:
    task = Classification(builtin("imagenet"), ClassificationOptions())
    parts = [task.tally([Answer(0, pack_labels([1, 2, 3, 4, 5]))]), task.tally([Answer(1, pack_labels([1]))])]
    assert list(task.figures(joined(parts))) == ["top1"]


def test_a_sample_that_two_parts_answer_or_none_is_refused_by_name(builtin: Callable[[str], DataRef]) -> None:
    task = Detection(builtin("coco"), DetectionOptions(category_ids="coco"))
    part = task.tally([Answer(3, b"")])
    with pytest.raises(LogError, match=r"sample 3 .* is answered twice"):
        task.figures(joined([part, part]))
    with pytest.raises(LogError, match="samples have no answer, the first is sample 0"):
        task.figures(part)


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"\x80\4N.", b"x" * 100])
def test_bytes_that_are_no_tally_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no tally"):
        unpacked(data)
