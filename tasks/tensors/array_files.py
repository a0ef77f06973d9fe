"""Arrays in `.npy` and `.npz` files, read without trusting them: nothing is unpickled, no size is believed unchecked."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from accuracy.outside.border import reads
from accuracy.outside.zip_lists import open_zip
from tasks.base import Array, DataMissing

_MOST_BYTES = 1 << 31
"""Of one array, and of all that a file unpacks to."""
_MOST_ARRAYS = 10_000
"""More inputs or outputs than any model has."""
_PLACES = "arr_"
"""How numpy names arrays that were saved without a name: `arr_0`, `arr_1`."""


@reads(DataMissing)
def read_npy(name: str, data: bytes) -> Array:
    """The array of a `.npy` file.

    Args:
        name: Of the file, for messages.
        data: Its bytes.

    Raises:
        DataMissing: No such file, cut, or one that holds pickled objects, which are never read.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of the format is not read")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_column, dtype = read(file)
    except (ValueError, EOFError, OSError, RecursionError, MemoryError) as error:
        raise DataMissing(f"{name} is no .npy file that can be read: {_first_line(error)}") from None
    if dtype.hasobject:
        raise DataMissing(
            f"{name} holds pickled objects, which may run any program when they are read, so they are not: save plain arrays "
            "(texts as numpy's S or U)"
        )
    rest, size = len(data) - file.tell(), math.prod(shape) * dtype.itemsize
    if rest != size:
        raise DataMissing(
            f"{name} is cut or corrupt: its shape {list(shape)} of {dtype} takes {size:,} bytes, it has {rest:,}"
        )
    values: Array = np.frombuffer(data, dtype, math.prod(shape), file.tell())
    native = values.reshape(shape, order="F" if by_column else "C")
    return native.astype(dtype.newbyteorder("="), order="C", copy=False)


@reads(DataMissing)
def read_npz(name: str, data: bytes) -> Mapping[str, Array]:
    """The arrays of a `.npz` file by their names.

    Args:
        name: Of the file, for messages.
        data: Its bytes.

    Raises:
        DataMissing: No such file, damaged, or with two arrays of one name; and as `read_npy`.
    """
    found: dict[str, Array] = {}
    total = 0
    try:
        with open_zip(data, _MOST_ARRAYS) as archive:
            for info in archive.infolist():
                key = info.filename.removesuffix(".npy")
                if key == info.filename:
                    raise DataMissing(f"{name} holds {info.filename}, which is no array: it is no .npz file of numpy's")
                if key in found:
                    raise DataMissing(f"{name} holds two arrays of the name {key!r}: which is meant?")
                total += info.file_size
                if total > _MOST_BYTES:
                    raise DataMissing(
                        f"{name}: with array {key!r} it unpacks to {total:,} bytes, more than the limit of {_MOST_BYTES:,}"
                    )
                found[key] = read_npy(f"{name}: array {key!r}", archive.read(info))
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise DataMissing(f"{name} is no .npz file that can be read: {_first_line(error)}") from None
    if not found:
        raise DataMissing(f"{name} holds no array")
    return found


def by_name(name: str, arrays: Mapping[str, Array], wanted: list[str], what: str) -> dict[int, Array]:
    """Arrays of a file by the place of the tensor that they are of.

    Args:
        name: Of the file.
        arrays: Its own.
        wanted: Names of the tensors, in order. Two may have one name: then only places tell them apart.
        what: `inputs` or `outputs`, for messages.

    Raises:
        DataMissing: A name that is no tensor's, or one that two tensors have.
    """
    if arrays.keys() <= {f"{_PLACES}{place}" for place in range(len(wanted))} and not arrays.keys() & set(wanted):
        return {int(key.removeprefix(_PLACES)): array for key, array in arrays.items()}
    twice = sorted({each for each in wanted if wanted.count(each) > 1})
    found = {}
    for key, array in arrays.items():
        if key in twice:
            raise DataMissing(
                f"{name} names {key!r}, but the model has several {what} of that name: save them by place, as arr_0, arr_1"
            )
        if key not in wanted:
            raise DataMissing(
                f"{name} holds {key!r}, which is none of the model's {what}: {', '.join(map(repr, wanted))}"
            )
        found[wanted.index(key)] = array
    return found


def told_apart(names: Sequence[str]) -> list[str]:
    """Names of tensors; those of several of one name each with its place behind it, `y[1]`."""
    return [name if names.count(name) == 1 else f"{name}[{place}]" for place, name in enumerate(names)]


def _first_line(error: BaseException) -> str:
    text: Any = str(error).splitlines()
    return text[0] if text else type(error).__name__
