"""A model's output as it stands, in the accuracy log: for answers that are scored against the sample itself or a whole stream.

Neither MLCommons' scripts nor the mobile app log such answers, so the layout is ours: a header of 16 bytes that says what the
values mean, then the values as the model gave them, little-endian. The same bytes in performance and accuracy runs.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.answers.log import LogError

Array = npt.NDArray[Any]
_HEADER = struct.Struct("<4sBBHfi")  # magic, version, type, nothing, scale, zero point
_MAGIC, _VERSION = b"TENS", 1
_TYPES = ("float32", "int8", "uint8", "int16")


def tensor_header(dtype: str, scale: float, zero_point: int) -> bytes:
    """The opening of an answer.

    Args:
        dtype: Of the values.
        scale: Quantisation scale, 0.0 where the values are meant as they stand.
        zero_point: Quantisation zero point.

    Raises:
        ValueError: Another type than are logged.
    """
    if dtype not in _TYPES:
        raise ValueError(f"outputs of {dtype} are not logged as they stand; {', '.join(_TYPES)} are")
    return _HEADER.pack(_MAGIC, _VERSION, _TYPES.index(dtype), 0, scale, zero_point)


def unpack_tensor(data: bytes, count: int) -> npt.NDArray[np.float32]:
    """The values of an answer, dequantised, float32 [count].

    Raises:
        LogError: Not such an answer, of another version, of another length, or with values that are no numbers.
    """
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise LogError(
            f"an answer of {len(data)} bytes that opens with {data[:4]!r} is no output tensor. Is it another task's?"
        )
    _, version, kind, _, scale, zero_point = _HEADER.unpack_from(data)
    if version != _VERSION or kind >= len(_TYPES):
        raise LogError(
            f"an output tensor of layout version {version}, type {kind}; this program reads version {_VERSION}"
        )
    item = np.dtype(_TYPES[kind]).newbyteorder("<")
    if len(data) - _HEADER.size != count * item.itemsize:
        raise LogError(
            f"an output tensor of {(len(data) - _HEADER.size) / item.itemsize:g} values; {count} are expected. "
            "Is it the log of another model or data set?"
        )
    raw = np.frombuffer(data, item, offset=_HEADER.size).astype(np.float32)
    values: npt.NDArray[np.float32] = (raw - np.float32(zero_point)) * np.float32(scale) if scale else raw
    if not np.isfinite(values).all():
        raise LogError(
            f"value {int(np.isfinite(values).argmin())} of the answer is no number: the model's output is broken"
        )
    return values
