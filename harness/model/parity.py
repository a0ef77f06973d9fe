"""Proof before timing: a backend answers real samples of the task and is held against one thread of the CPU.

An accelerator that answers quickly and wrongly would win every benchmark. Errors are measured in the outputs' real units and
in quantisation steps (as LRT tflite/tools/evaluation/stages/inference_profiler_stage.cc has it: against one CPU thread),
and so are the decisions that the task makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.answers.wire import unpack_detections
from backends.base import Array, TensorSpec
from harness.config.backend import ParitySection

_MIN_SCORE = 0.3
"""Detections below it come and go with the last bit."""
_MIN_IOU = 0.8
_SCORE_COLUMN, _CLASS_COLUMN = 5, 6
Answers = Sequence[Sequence[Array]]
"""Outputs by sample."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from the CPU a backend may be. A decision that the CPU makes by less than half of the error allowed is open."""

    max_steps: float = 32.0
    """Quantised outputs, in quantisation steps. Two right kernels of MobileNetEdgeTPU uint8 differ by up to 21 of 256."""
    max_share: float = 0.02
    """Float outputs, as a fraction of their range; half precision stays below 0.01."""
    min_agreement: float = 1.0


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
) -> dict[str, Any]:
    """Holds a backend's outputs against the CPU's, for the same samples.

    Returns:
        `passed`, `why` (what is beyond the tolerance), the tolerance and the figures of every output.
    """
    if task == "detection":
        figures = [_boxes(expected, found, postprocess)]
    else:
        figures = [
            _tensor(task, spec, _column(expected, place), _column(found, place), tolerance)
            for place, spec in enumerate(outputs)
        ]
    why = [reason for figure in figures for reason in _beyond(figure, tolerance)]
    return {
        "passed": not why,
        "why": why,
        "samples": len(expected),
        "tolerance": asdict(tolerance),
        "outputs": figures,
    }


def _column(answers: Answers, place: int) -> Array:
    return np.stack([answer[place] for answer in answers])


def _tensor(task: str, spec: TensorSpec, expected: Array, found: Array, tolerance: Tolerance) -> dict[str, Any]:
    figure: dict[str, Any] = {
        "name": spec.name,
        "max_error": None,
        "mean_error": None,
        "max_steps": None,
        "share_of_range": None,
        "agreement": None,
    }
    if spec.dtype.kind in "iub" and not spec.scale:
        # Class maps and labels: every value is a decision.
        return figure | {"agreement": float(np.mean(expected == found))}
    step = spec.scale or None
    mine, theirs = expected.astype(np.float64), found.astype(np.float64)
    # Infinities and what is no number are right where the CPU has the same.
    same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    errors = np.abs(np.subtract(mine, theirs, out=np.zeros_like(mine), where=~same)) * (step or 1.0)
    worst = float(np.max(np.where(np.isfinite(errors), errors, np.inf), initial=0.0))
    known = mine[np.isfinite(mine)]
    span = float(np.ptp(known)) * (step or 1.0) if known.size else 0.0
    finite = bool(np.isfinite(worst))
    figure |= {
        "max_error": worst if finite else None,
        "mean_error": float(errors.mean()) if finite else None,
        "max_steps": worst / step if step and finite else None,
        "share_of_range": (worst / span if span else float(worst > 0)) if finite else None,
        "finite": finite,
    }
    axis = _decision_axis(task, spec)
    if axis is not None and finite:
        allowed = tolerance.max_steps * step if step else tolerance.max_share * span
        figure["agreement"] = _agreement(expected, found, axis, allowed / 2 / (step or 1.0))
    return figure


def _decision_axis(task: str, spec: TensorSpec) -> int | None:
    """The axis along which the task looks for the best value; None where it looks for none."""
    if task in ("classification", "keyword_spotting", "segmentation") and spec.shape and spec.shape[-1] > 1:
        return -1
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


def _boxes(expected: Answers, found: Answers, postprocess: Callable[[Sequence[Array]], bytes]) -> dict[str, Any]:
    """Detections, matched by class and overlap both ways: their order is nobody's affair."""
    matched = total = 0
    for one, other in zip(expected, found, strict=True):
        mine, theirs = unpack_detections(postprocess(one)), unpack_detections(postprocess(other))
        for these, those in ((mine, theirs), (theirs, mine)):
            sure = these[these[:, _SCORE_COLUMN] >= _MIN_SCORE]
            total += len(sure)
            matched += sum(_has_match(row, those) for row in sure)
    return {"name": "detections", "agreement": matched / total if total else 1.0, "compared": total}


def _has_match(row: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]) -> bool:
    same = rows[rows[:, _CLASS_COLUMN] == row[_CLASS_COLUMN]]
    if not len(same):
        return False
    low, high = np.maximum(same[:, 1:3], row[1:3]), np.minimum(same[:, 3:5], row[3:5])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(same[:, 3:5] - same[:, 1:3], axis=1) + np.prod(row[3:5] - row[1:3])
    return bool(np.max(shared / np.maximum(areas - shared, 1e-12)) >= _MIN_IOU)


def _beyond(figure: dict[str, Any], tolerance: Tolerance) -> list[str]:
    name = figure["name"]
    why = []
    if figure.get("finite") is False:
        return [f"output {name}: a value that is not a number, where the CPU has one (or the other way round)"]
    if figure.get("max_steps") is not None:
        if figure["max_steps"] > tolerance.max_steps:
            why.append(
                f"output {name}: {figure['max_steps']:g} quantisation steps ({figure['max_error']:g}) from the CPU, "
                f"{tolerance.max_steps:g} are allowed"
            )
    elif figure.get("share_of_range") is not None and figure["share_of_range"] > tolerance.max_share:
        why.append(
            f"output {name}: {figure['max_error']:g} from the CPU, {figure['share_of_range']:.2%} of the output's range; "
            f"{tolerance.max_share:.2%} is allowed"
        )
    if figure["agreement"] is not None and figure["agreement"] < tolerance.min_agreement:
        why.append(
            f"output {name}: {figure['agreement']:.2%} of the decisions agree with the CPU, "
            f"{tolerance.min_agreement:.2%} must"
        )
    return why
