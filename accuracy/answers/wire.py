"""How labels, logits and detections are packed into LoadGen's accuracy log and unpacked: the one place that knows.

The layouts are those of MLCommons' own accuracy scripts (INF vision/.../accuracy-imagenet.py,
language/bert/accuracy-squad.py).
All numbers are little-endian.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from accuracy.answers.log import LogError

Array = npt.NDArray[Any]


# --- answer spans (SQuAD) ------------------------------------------------------------------------------------------
# INF language/bert writes start and end logits in pairs, float[sequence, 2]; the mobile app all starts, then all ends
# (MA flutter/cpp/datasets/squad_utils/types.h), which accuracy-squad.py calls --output_transposed.

LogitLayout = Literal["reference", "mobile"]
LogitDtype = Literal["float16", "float32", "float64"]
_ABSENT_LOGIT = -10000.0


def pack_logits(start: Array, end: Array, layout: LogitLayout = "reference", dtype: LogitDtype = "float32") -> bytes:
    """Packs one window's logits. On the timed path.

    Args:
        start: float [sequence].
        end: float [sequence].
        layout: `reference` interleaves the two, `mobile` puts one after the other.
        dtype: The logged type.
    """
    pairs = np.empty((len(start), 2) if layout == "reference" else (2, len(start)), dtype)
    if layout == "reference":
        pairs[:, 0] = start
        pairs[:, 1] = end
    else:
        pairs[0] = start
        pairs[1] = end
    return pairs.tobytes()


def unpack_logits(
    data: bytes, sequence: int, layout: LogitLayout = "reference", dtype: LogitDtype = "float32", *, tokens: int = 0
) -> tuple[Array, Array]:
    """The start and end logits of an answer, each float [sequence].

    Harnesses that cut a window's padding log fewer logits: the rest is -10000, as in INF accuracy-squad.py.

    Args:
        data: The answer.
        sequence: Tokens of a window, padding included.
        layout: As `pack_logits`.
        dtype: As `pack_logits`.
        tokens: Of this window without its padding, each of which needs its logits.

    Raises:
        LogError: The bytes are no pairs of this type, one is NaN or infinite (but for -inf, by which models leave
            tokens out), or there are more than the sequence is long or
            fewer than the window has tokens.
    """
    item = np.dtype(dtype).newbyteorder("<")
    if not data or len(data) % (2 * item.itemsize):
        raise LogError(
            f"an answer of {len(data)} bytes holds no pairs of {dtype} logits. Was it another task's log,"
            " or logged in another type?"
        )
    logits = np.frombuffer(data, item)
    finite = np.isfinite(logits)
    if finite.any():
        finite |= np.isneginf(logits)
    if not finite.all():
        at = int(finite.argmin())
        raise LogError(f"logit {at} of the answer is {logits[at]}: the model's output is broken, or not {dtype}")
    starts, ends = logits.reshape(-1, 2).T if layout == "reference" else logits.reshape(2, -1)
    if len(starts) > sequence:
        raise LogError(
            f"an answer with logits for {len(starts)} tokens; the windows have {sequence}{_logged_as(data, sequence)}"
        )
    if len(starts) < tokens:
        raise LogError(
            f"an answer with {dtype} logits for {len(starts)} tokens, but its window has {tokens}. "
            f"{_logged_as(data, sequence)}"
        )
    if len(starts) < sequence:
        rest = (0, sequence - len(starts))
        starts, ends = (np.pad(half, rest, constant_values=_ABSENT_LOGIT) for half in (starts, ends))
    return starts, ends


def _logged_as(data: bytes, sequence: int) -> str:
    """What an answer of this size would be, for an error message."""
    for dtype in get_args(LogitDtype):
        if len(data) == 2 * sequence * np.dtype(dtype).itemsize:
            return f"Its {len(data)} bytes hold a whole window in {dtype}: --set model.log_dtype={dtype} reads them"
    return "Is it the log of another data set, or of another type?"


# --- detections ----------------------------------------------------------------------------------------------------
# Seven float32 a detection, as INF vision/.../coco.py and the mobile app write them: sample index, ymin, xmin, ymax,
# xmax (fractions of the picture's sides), score, class.

DETECTION_FLOATS = 7
_DETECTION_BYTES = 4 * DETECTION_FLOATS


def pack_detections(boxes: Array, scores: Array, classes: Array) -> bytes:
    """Packs one sample's detections, their sample index left 0 for the caller to stamp. On the timed path.

    Args:
        boxes: [k, 4] ymin, xmin, ymax, xmax.
        scores: [k].
        classes: [k], as they are to be logged.
    """
    rows = np.zeros((len(scores), DETECTION_FLOATS), np.float32)
    rows[:, 1:5] = boxes
    rows[:, 5] = scores
    rows[:, 6] = classes
    return rows.tobytes()


def unpack_detections(data: bytes) -> npt.NDArray[np.float32]:
    """The detections of an answer, float32 [k, 7]; an empty answer means none.

    INF accuracy-coco.py passes over every answer of fewer than seven floats, and so scores a classifier's log as a
    detector that found nothing.

    Raises:
        LogError: The bytes are no rows of seven float32.
    """
    if len(data) % _DETECTION_BYTES:
        raise LogError(
            f"an answer of {len(data)} bytes holds no rows of {DETECTION_FLOATS} float32. Was it another task's log?"
        )
    return np.frombuffer(data, "<f4").reshape(-1, DETECTION_FLOATS)


# --- labels (classification, keyword spotting) ---------------------------------------------------------------------
# INF accuracy-imagenet.py reads data[0] as the label, of the type named with --dtype; the mobile app logs int32[1]
# (MA flutter/cpp/datasets/imagenet.cc). Further labels, next best first, do not disturb either.

LabelDtype = Literal["float32", "int32", "int64"]


def pack_labels(labels: Iterable[int], dtype: LabelDtype = "float32") -> bytes:
    """Packs the best labels of a sample, best first.

    Args:
        labels: Not negative; below 2^24, so that float32 holds them exactly.
        dtype: The logged type.
    """
    return np.fromiter(labels, np.dtype(dtype).newbyteorder("<")).tobytes()


def unpack_labels(data: bytes, class_count: int, dtype: LabelDtype = "float32") -> list[int]:
    """The labels of an answer, best first, at least one.

    Raises:
        LogError: No labels of this type, or one that is not of the classes 0 to `class_count` - 1.
    """
    item = np.dtype(dtype).newbyteorder("<")
    if not data or len(data) % item.itemsize:
        raise LogError(f"an answer of {len(data)} bytes holds no {dtype} labels. Was it another task's log?")
    values = np.frombuffer(data, item)
    wrong = ~((values >= 0) & (values < class_count))  # a NaN is wrong too
    wrong[~wrong] = values[~wrong] != np.trunc(values[~wrong])
    if wrong.any():
        raise LogError(
            f"an answer names the label {values[wrong][0]}; labels are 0 to {class_count - 1}. "
            f"Was it logged in another type than {dtype}?"
        )
    return [int(value) for value in values]
