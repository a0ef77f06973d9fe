"""How a backend's answers are held against the CPU's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.wire import pack_detections
from backends.base import Array, BackendInfo, BackendUnavailable, Coverage, TensorSpec
from harness.config.backend import ParitySection
from harness.model.comparison import Comparison, Tolerance
from harness.model.contents.coverage import judge_coverage
from harness.model.parity import compare, tolerance_for

SCORES = TensorSpec("scores", (1, 10), np.dtype(np.float32))
COUNTS = TensorSpec("counts", (1, 10), np.dtype(np.uint8), scale=1 / 256)
CLASSES = TensorSpec("classes", (1, 4, 5), np.dtype(np.int32))


def nothing(outputs: Sequence[Array]) -> bytes:
    raise AssertionError("only detections are post-processed")


def held(task: str, spec: TensorSpec, expected: Array, found: Array, tolerance: Tolerance | None = None) -> Comparison:
    return compare(task, [spec], [[expected]], [[found]], tolerance or Tolerance(), nothing)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=10, max_size=10), st.floats(0, 0.5))
def test_float_outputs_are_measured_in_real_units_and_against_their_range(values: list[float], error: float) -> None:
    expected = np.array([values], np.float32)
    found = expected.copy()
    found[0, 3] += np.float32(error)
    (figure,) = held("anything", SCORES, expected, found).outputs
    moved = abs(float(found[0, 3]) - float(expected[0, 3]))
    span = float(expected.max()) - float(expected.min())
    assert figure.max_error == pytest.approx(moved)
    assert figure.mean_error == pytest.approx(moved / 10)
    assert figure.share_of_range == pytest.approx(moved / span if span else float(moved > 0))
    assert figure.max_steps is None


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 200), st.integers(0, 55), st.integers(0, 55))
def test_quantised_outputs_are_measured_in_steps(base: int, steps: int, allowed: int) -> None:
    expected = np.full((1, 10), base, np.uint8)
    found = expected.copy()
    found[0, 7] = base + steps
    result = held("anything", COUNTS, expected, found, Tolerance(max_steps=allowed))
    assert result.outputs[0].max_steps == pytest.approx(steps)
    assert result.outputs[0].max_error == pytest.approx(steps / 256)
    assert result.passed is (steps <= allowed)


@pytest.mark.parametrize(
    ("task", "shape", "axis"),
    [
        ("classification", (1, 9, 1, 1), 1),
        ("segmentation", (1, 9, 9, 4), 3),
        ("segmentation", (1, 4, 9, 9), 1),
        ("segmentation", (4, 9, 9), 0),
    ],
)
def test_the_best_class_is_looked_for_where_the_classes_are(task: str, shape: tuple[int, ...], axis: int) -> None:
    spec, random = TensorSpec("scores", shape, np.dtype(np.float32)), np.random.default_rng(0)
    expected = random.normal(size=shape).astype(np.float32)
    other_axes = tuple(1 if at == axis else side for at, side in enumerate(shape))
    moved = expected + 9 * random.normal(size=other_axes).astype(np.float32)  # the same decisions along that axis alone
    assert held(task, spec, expected, moved).outputs[0].agreement == 1.0
    assert (held(task, spec, expected, np.flip(expected, axis)).outputs[0].agreement or 0.0) < 0.5


def test_a_best_class_that_the_cpu_sees_as_bad_fails_and_a_near_tie_does_not() -> None:
    expected = np.array([[100, 98, 10, 0, 0, 0, 0, 0, 0, 0]], np.uint8)
    tie = np.array([[98, 100, 10, 0, 0, 0, 0, 0, 0, 0]], np.uint8)
    wrong = np.array([[70, 69, 71, 0, 0, 0, 0, 0, 0, 0]], np.uint8)
    wide = Tolerance(max_steps=70)
    assert held("classification", COUNTS, expected, tie).passed is True
    result = held("classification", COUNTS, expected, wrong, wide)
    assert result.passed is False
    assert result.outputs[0].agreement == 0.0
    assert "0.00% of the decisions agree" in result.why[0]


def test_class_maps_are_compared_pixel_by_pixel() -> None:
    expected = np.zeros((1, 4, 5), np.int32)
    found = expected.copy()
    found[0, 0, 0] = 1
    result = held("segmentation", CLASSES, expected, found, Tolerance(min_agreement=0.95))
    assert (result.outputs[0].agreement, result.passed) == (0.95, True)
    found[0, 0, 1] = 1
    assert held("segmentation", CLASSES, expected, found, Tolerance(min_agreement=0.95)).passed is False


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_fails_unless_the_cpu_has_it_too(value: float) -> None:
    expected = np.ones((1, 10), np.float32)
    found = expected.copy()
    found[0, 2] = value
    assert held("classification", SCORES, expected, found).passed is False
    assert held("classification", SCORES, found, expected).passed is False
    assert held("question_answering", SCORES, found, found).outputs[0].max_error == 0.0


def test_positions_of_an_answer_are_decisions() -> None:
    spec = TensorSpec("start", (1, 10), np.dtype(np.float32))
    expected = np.linspace(0, 1, 10, dtype=np.float32)[None]
    assert held("question_answering", spec, expected, expected[:, ::-1]).outputs[0].agreement == 0.0
    both = TensorSpec("logits", (1, 10, 2), np.dtype(np.float32))
    pair = np.stack([expected, expected], axis=-1)
    found = pair.copy()
    found[..., 1] = found[:, ::-1, 1]
    assert held("question_answering", both, pair, found).outputs[0].agreement == 0.5


def detections(*rows: tuple[list[float], float, int]) -> list[Array]:
    boxes, scores, classes = zip(*rows, strict=True)
    return [np.array(boxes, np.float32), np.array(scores, np.float32), np.array(classes, np.float32)]


def test_detections_are_matched_whatever_their_order() -> None:
    specs = [SCORES]
    one, two = ([0.1, 0.1, 0.5, 0.5], 0.9, 1), ([0.2, 0.6, 0.9, 0.9], 0.8, 7)
    noise = ([0.0, 0.0, 0.1, 0.1], 0.05, 3)

    def answer(outputs: Sequence[Array]) -> bytes:
        return pack_detections(*outputs)

    def agreement(expected: list[Array], found: list[Array]) -> float:
        result = compare("detection", specs, [expected], [found], tolerance_for("detection", ParitySection()), answer)
        share = result.outputs[0].agreement
        assert share is not None
        assert result.passed is (share >= 0.9)
        return share

    assert agreement(detections(one, two), detections(two, one)) == 1.0
    assert agreement(detections(one, two, noise), detections(two, one)) == 1.0
    assert agreement(detections(one, two), detections(one)) == pytest.approx(2 / 3)
    assert agreement(detections(one), detections((one[0], 0.9, 2))) == 0.0
    assert agreement(detections(one), detections(([0.5, 0.5, 0.9, 0.9], 0.9, 1))) == 0.0
    assert agreement(detections(one), detections(([0.1, 0.1, 0.5, 0.49], 0.9, 1))) == 1.0


def test_the_config_goes_before_the_tasks_tolerance() -> None:
    assert tolerance_for("segmentation", ParitySection()).min_agreement == 0.97
    assert tolerance_for("classification", ParitySection(max_steps=3)) == Tolerance(max_steps=3)


def info(taken: int, *, accelerator: bool = True) -> BackendInfo:
    left = {f"OP_{number}": 1 for number in range(10 - taken)}
    return BackendInfo("x", "Interpreter", "X", coverage=Coverage(10, taken, 1, left), accelerator=accelerator)


def test_what_an_accelerator_leaves_is_a_warning_and_nothing_at_all_an_error() -> None:
    assert judge_coverage(info(10), None) == []
    (warning,) = judge_coverage(info(8), None)
    assert warning == "X runs 8 of 10 ops; left on the CPU: OP_0, OP_1"
    with pytest.raises(BackendUnavailable, match="takes none of the model's 10 ops"):
        judge_coverage(info(0), None)
    assert judge_coverage(info(0, accelerator=False), None) == []


def test_required_coverage_is_met_or_refused() -> None:
    assert len(judge_coverage(info(8), 0.8)) == 1
    with pytest.raises(BackendUnavailable, match="8 of 10 ops"):
        judge_coverage(info(8), 0.81)
    with pytest.raises(BackendUnavailable, match="does not tell which ops"):
        judge_coverage(BackendInfo("x", "other", "X", accelerator=True), 1.0)


def test_outputs_whose_shape_only_a_run_tells_are_compared_sample_by_sample() -> None:
    few, many = np.ones((1, 2), np.float32), np.ones((3, 2), np.float32)
    same = compare("tensors", [SCORES], [[few], [many]], [[few], [many]], Tolerance(), nothing)
    assert (same.passed, same.outputs[0].max_error) == (True, 0.0)
    other = compare("tensors", [SCORES], [[few], [many]], [[few], [few]], Tolerance(), nothing)
    assert other.passed is False
    assert other.why == ("output scores: another shape than the CPU's for the same sample",)


def test_texts_agree_where_they_are_equal() -> None:
    words = TensorSpec("words", (2,), np.dtype(object))
    result = held("tensors", words, np.array([b"a", b"b"], object), np.array([b"a", b"c"], object))
    assert (result.passed, result.outputs[0].agreement) == (False, 0.5)
