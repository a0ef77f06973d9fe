"""Reads safetensors files: eight bytes with the length of a JSON header, the header, and the values one behind the other.

The format is that of huggingface/safetensors (README, "Format"). It holds numbers and nothing that could run.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import ConfigError

_LENGTH = struct.Struct("<Q")
_MOST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_MOST_SIDES = 8
"""Of a tensor. No model has more, and numpy takes no more than 32 or 64."""
_METADATA = "__metadata__"


def read_floats(path: Path) -> Mapping[str, npt.NDArray[np.float32]]:
    """All tensors of real numbers, by name; those of integers (positions, masks) are left out.

    Raises:
        ConfigError: It cannot be read, is no such file, or is cut.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    header, start = _header(data, path)
    found = {}
    for name, said in header.items():
        if name == _METADATA:
            continue
        kind, shape, begin, end = _place(said, name, path)
        if kind not in _FLOATS:
            continue
        dtype = np.dtype(_FLOATS[kind])
        if end - begin != math.prod(shape) * dtype.itemsize or not 0 <= begin <= end <= len(data) - start:
            raise ConfigError(
                f"{path} is cut, or no safetensors file: {name!r} is {kind} {shape} at bytes {begin} to {end} of "
                f"{len(data) - start}"
            )
        # No weight is empty, and whatever needs one of that name says that it is not there.
        if end > begin:
            found[name] = _values(data, dtype, shape, start + begin, is_bfloat=kind == "BF16")
    return found


def _header(data: bytes, path: Path) -> tuple[Mapping[str, Any], int]:
    wrong = f"{path} is no safetensors file"
    if len(data) < _LENGTH.size:
        raise ConfigError(f"{wrong}: it has {len(data)} bytes")
    (length,) = _LENGTH.unpack_from(data)
    start = _LENGTH.size + length
    if length > _MOST_HEADER or start > len(data):
        raise ConfigError(f"{wrong}, or cut: its header should have {length} bytes, the whole file has {len(data)}")
    try:
        header = json.loads(data[_LENGTH.size : start])
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{wrong}: its header is no JSON ({error})") from None
    if not isinstance(header, dict):
        raise ConfigError(f"{wrong}: its header is no object")
    return header, start


def _place(said: Any, name: str, path: Path) -> tuple[str, list[int], int, int]:
    try:
        kind, shape = str(said["dtype"]), [int(side) for side in said["shape"]]
        begin, end = (int(one) for one in said["data_offsets"])
    except (TypeError, KeyError, ValueError, OverflowError):
        raise ConfigError(f"{path} is no safetensors file: what it says of {name!r} is {str(said)[:80]}") from None
    if any(side < 0 for side in shape) or len(shape) > _MOST_SIDES:
        raise ConfigError(f"{path} is no safetensors file: {name!r} has the shape {shape}")
    return kind, shape, begin, end


def _values(
    data: bytes, dtype: np.dtype[Any], shape: list[int], place: int, *, is_bfloat: bool
) -> npt.NDArray[np.float32]:
    stored = np.frombuffer(data, dtype, math.prod(shape), place).reshape(shape)
    # A bfloat16 is the upper half of a float32.
    return (stored.astype(np.uint32) << 16).view(np.float32) if is_bfloat else stored.astype(np.float32, copy=False)
