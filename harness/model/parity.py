"""Proof before timing: a backend answers real samples of the task and is held against one thread of the CPU.

An accelerator that answers quickly and wrongly would win every benchmark. Errors are measured in the outputs' real units and
in quantisation steps (as LRT tflite/tools/evaluation/stages/inference_profiler_stage.cc has it: against one CPU thread),
and so are the decisions that the task makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from accuracy.answers.wire import unpack_detections
from accuracy.output_error import ErrorSums
from backends.base import Array, TensorSpec
from harness.config.backend import ParitySection
from harness.model.comparison import Comparison, OutputErrors, Tolerance

_MIN_SCORE = 0.3
"""Detections below it come and go with the last bit."""
_MIN_IOU = 0.8
_SCORE_COLUMN, _CLASS_COLUMN = 5, 6
Answers = Sequence[Sequence[Array]]
"""Outputs by sample."""


TOLERANCES = {
    "segmentation": Tolerance(min_agreement=0.97),
    "detection": Tolerance(min_agreement=0.9),
}
"""By kind of task; the others have the defaults. Class maps: 0.4 % of the pixels differ between right kernels of DeepLab."""


def tolerance_for(task: str, section: ParitySection) -> Tolerance:
    """The task's tolerance under what the config says."""
    given = {
        name: value
        for name in ("max_steps", "max_share", "min_agreement")
        if (value := getattr(section, name)) is not None
    }
    return replace(TOLERANCES.get(task, Tolerance()), **given)


def compare(
    task: str,
    outputs: Sequence[TensorSpec],
    expected: Answers,
    found: Answers,
    tolerance: Tolerance,
    postprocess: Callable[[Sequence[Array]], bytes],
) -> Comparison:
    """Holds a backend's outputs against the CPU's, for the same samples."""
    if task == "detection":
        errors = [_boxes(expected, found, postprocess)]
    else:
        errors = [
            _tensor(task, spec, _column(expected, place), _column(found, place), tolerance)
            for place, spec in enumerate(outputs)
        ]
    why = tuple(reason for each in errors for reason in _beyond(each, tolerance))
    return Comparison(not why, why, len(expected), tolerance=tolerance, outputs=tuple(errors))


@dataclass(frozen=True, slots=True)
class ParityRule:
    """What answers to the same samples must have in common in a run: its task, its tolerance, the decisions it makes."""

    task: str
    tolerance: Tolerance
    postprocess: Callable[[Sequence[Array]], bytes]

    def compare(self, outputs: Sequence[TensorSpec], expected: Answers, found: Answers) -> Comparison:
        """See `compare`."""
        return compare(self.task, outputs, expected, found, self.tolerance, self.postprocess)


def _column(answers: Answers, place: int) -> list[Array]:
    return [answer[place] for answer in answers]


def _tensor(
    task: str, spec: TensorSpec, expected: Sequence[Array], found: Sequence[Array], tolerance: Tolerance
) -> OutputErrors:
    sums = ErrorSums(scale=spec.scale, zero_point=spec.zero_point)
    for one, other in zip(expected, found, strict=True):
        if one.shape != other.shape:
            return OutputErrors(spec.name, same_shape=False)
        sums.update(other, one)
    error = sums.error()
    if spec.dtype.kind in "iubOSU" and not spec.scale:
        # Class maps, labels and texts: every value is a decision.
        return OutputErrors(spec.name, agreement=1.0 if error.equal_share is None else error.equal_share)
    # Infinities and what is no number are right where the CPU has the same.
    if not error.comparable or (error.values and error.max_error is None):
        return OutputErrors(spec.name, finite=False)
    step, worst, span = spec.scale or None, error.max_error or 0.0, error.expected_span or 0.0
    axis, agreement = _decision_axis(task, spec), None
    if axis is not None:
        allowed = tolerance.max_steps * step if step else tolerance.max_share * span
        agreement = _agreement(np.stack(expected), np.stack(found), axis, allowed / 2 / (step or 1.0))
    return OutputErrors(
        spec.name,
        max_error=worst,
        mean_error=error.mean_error or 0.0,
        max_steps=(error.max_steps or 0.0) if step else None,
        share_of_range=worst / span if span else float(worst > 0),
        agreement=agreement,
        finite=True,
    )


def _decision_axis(task: str, spec: TensorSpec) -> int | None:
    """The axis along which the task looks for the best value; None where it looks for none."""
    shape = spec.shape
    if task in ("classification", "keyword_spotting") and shape and max(shape) > 1:
        return shape.index(max(shape)) - len(shape)  # [1, 1000], [1, 1000, 1, 1]
    if task == "segmentation" and len(shape) > 2 and shape[-1] > 1:
        return -1 if shape[-1] <= shape[-3] else -3  # a map has more pixels each way than classes
    if task == "question_answering" and len(spec.shape) > 1:
        # [1, 384] for a start or an end, [1, 384, 2] for both.
        return 2
    return None


def _agreement(expected: Array, found: Array, axis: int, open_gap: float) -> float:
    """The share of best values that the CPU has as (nearly) best, too."""
    axis = axis if axis < 0 else axis - expected.ndim
    ours, theirs = (np.expand_dims(np.argmax(scores, axis=axis), axis) for scores in (expected, found))
    with np.errstate(invalid="ignore"):  # infinity less infinity: the same place agrees anyhow
        gap = np.take_along_axis(expected, ours, axis).astype(np.float64) - np.take_along_axis(expected, theirs, axis)
    return float(np.mean((ours == theirs) | (gap <= open_gap)))


def _boxes(expected: Answers, found: Answers, postprocess: Callable[[Sequence[Array]], bytes]) -> OutputErrors:
    """Detections, matched by class and overlap both ways: their order is nobody's affair."""
    matched = total = 0
    for one, other in zip(expected, found, strict=True):
        mine, theirs = unpack_detections(postprocess(one)), unpack_detections(postprocess(other))
        for these, those in ((mine, theirs), (theirs, mine)):
            sure = these[these[:, _SCORE_COLUMN] >= _MIN_SCORE]
            total += len(sure)
            matched += sum(_has_match(row, those) for row in sure)
    return OutputErrors("detections", agreement=matched / total if total else 1.0, compared=total)


def _has_match(row: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]) -> bool:
    same = rows[rows[:, _CLASS_COLUMN] == row[_CLASS_COLUMN]]
    if not len(same):
        return False
    low, high = np.maximum(same[:, 1:3], row[1:3]), np.minimum(same[:, 3:5], row[3:5])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(same[:, 3:5] - same[:, 1:3], axis=1) + np.prod(row[3:5] - row[1:3])
    return bool(np.max(shared / np.maximum(areas - shared, 1e-12)) >= _MIN_IOU)


def _beyond(errors: OutputErrors, tolerance: Tolerance) -> list[str]:
    name, why = errors.name, []
    if errors.same_shape is False:
        return [f"output {name}: another shape than the CPU's for the same sample"]
    if errors.finite is False:
        return [f"output {name}: a value that is not a number, where the CPU has one (or the other way round)"]
    if errors.max_steps is not None:
        if errors.max_steps > tolerance.max_steps:
            why.append(
                f"output {name}: {errors.max_steps:g} quantisation steps ({errors.max_error:g}) from the CPU, "
                f"{tolerance.max_steps:g} are allowed"
            )
    elif errors.share_of_range is not None and errors.share_of_range > tolerance.max_share:
        why.append(
            f"output {name}: {errors.max_error:g} from the CPU, {errors.share_of_range:.2%} of the output's range; "
            f"{tolerance.max_share:.2%} is allowed"
        )
    if errors.agreement is not None and errors.agreement < tolerance.min_agreement:
        why.append(
            f"output {name}: {errors.agreement:.2%} of the decisions agree with the CPU, "
            f"{tolerance.min_agreement:.2%} must"
        )
    return why
