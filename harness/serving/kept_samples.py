"""Prepared samples as the cache keeps them: a folder with an `.npy` file an input and `complete.json`, which is written last.

The folder is named by the hash of all that made the samples. It is written under another name, by several processes where a
set is prepared ahead on several machines, and renamed into place whole.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import mmap
import os
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from harness.json_records import from_json, to_json
from tasks.base import Array
from tasks.sets.digests import Digest

Promised = Sequence[tuple[tuple[int, ...], np.dtype[Any]]]
"""Shape and type of a sample, by input."""
Write = Callable[[int, Sequence[Array]], tuple[int, ...]]
"""From a sample's place and its inputs to the checksum of each."""
T = TypeVar("T")
_CACHE_VERSION = 5
_COMPLETE = "complete.json"


@dataclass(frozen=True, slots=True)
class Complete:
    """What is kept beside prepared samples; written last."""

    crc32: tuple[tuple[int, ...], ...]
    """By input: of each sample."""
    digests: tuple[Digest | None, ...]
    """Of what each sample was made of."""
    seal: str = ""
    """SHA-256 of all the others."""

    def sealed(self) -> Complete:
        """With its seal."""
        bare = replace(self, seal="")
        return replace(bare, seal=hashlib.sha256(json.dumps(to_json(bare)).encode()).hexdigest())


class Entry:
    """Samples that are kept: mapped, so that they are in memory as far as the system has them there."""

    def __init__(self, columns: Sequence[Array], complete: Complete) -> None:
        """Use `open_entry`."""
        self._columns, self._complete = columns, complete
        self.seal = complete.seal

    def take(
        self, places: Sequence[int], workers: int, *, just_written: bool = False
    ) -> list[tuple[tuple[Array, ...], Digest | None]] | None:
        """Some samples, each with the digest of what it was made of; None where one is not as it was written.

        Brings their pages into this process, so that no query has to.

        Args:
            places: Which.
            workers: Threads to use.
            just_written: By this process, so that nothing can have happened to them: they are not held against their checksums.
        """
        for column, sums in zip(self._columns, self._complete.crc32, strict=True):
            if just_written:
                on_all_cores(partial(_touch, column), places, workers)
            elif on_all_cores(partial(_crc32, column), places, workers) != [sums[place] for place in places]:
                return None
        digests = self._complete.digests
        return [(tuple(column[place] for column in self._columns), digests[place]) for place in places]


class NotUniform(Exception):  # noqa: N818 - it is what was found
    """Samples of several shapes are not kept."""


def entry_name(key: str, indices: Sequence[int]) -> str:
    """The folder of these samples.

    Args:
        key: See `tasks.codecs.base.Codec.cache_key`.
        indices: In ascending order.
    """
    text = f"{_CACHE_VERSION}\n{key}\n{list(indices)!r}\n{np.__version__}"
    return hashlib.sha256(text.encode()).hexdigest()


def open_entry(folder: Path, count: int, promised: Promised | None) -> Entry | None:
    """Opens what was kept; None where it is not there, or not as it was written.

    Args:
        folder: The entry.
        count: Samples that it has.
        promised: What the model takes; None where that is not known.
    """
    try:
        return _open_entry(folder, count, promised)
    except Exception:
        # Whatever a damaged file makes of numpy's reader, which parses a header as Python's own parser does. Where damage
        # is not to blame, making the samples anew says so.
        return None


def _open_entry(folder: Path, count: int, promised: Promised | None) -> Entry | None:
    complete = from_json(Complete, json.loads((folder / _COMPLETE).read_text(encoding="ascii")))
    if complete != complete.sealed() or any(len(sums) != count for sums in complete.crc32):
        return None
    files = [folder / f"{number}.npy" for number in range(len(complete.crc32))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]
    # An archive instead of an array has no shape.
    counts = [getattr(column, "shape", ())[:1] for column in columns]
    if not columns or len(complete.digests) != count or any(each != (count,) for each in counts):
        return None
    # The checksums are of the samples alone: what damage says of their type or shape is held against the model.
    if promised is not None and [(column.shape[1:], column.dtype) for column in columns] != list(promised):
        return None
    # Plain arrays over the mapped pages: numpy's memmap class would cost microseconds a look-up.
    return Entry([column.view(np.ndarray) for column in columns], complete)


class Growing:
    """An entry in the making, in a folder of its own. Each sample is written once, by whoever prepares it."""

    def __init__(self, folder: Path, count: int, promised: Promised) -> None:
        """Writes nothing yet; see `lay_out`.

        Args:
            folder: In which it grows.
            count: Samples that it will have.
            promised: Of each.
        """
        self._folder, self._count, self._promised = folder, count, promised

    def lay_out(self) -> None:
        """Writes the files' headers, once, and sees that what is written there can be mapped.

        Raises:
            OSError: The disk is full, or maps no files.
        """
        for number, (shape, dtype) in enumerate(self._promised):
            header = {
                "descr": np.lib.format.dtype_to_descr(dtype),
                "fortran_order": False,
                "shape": (self._count, *shape),
            }
            with self._path(number).open("w+b") as file:
                np.lib.format.write_array_header_1_0(file, header)
                file.flush()
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ).close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Write]:
        """Gives what writes one sample, from any thread, and returns the checksum of each of its inputs.

        Written, not mapped: on a full disk a mapped page kills the process. `Write` raises NotUniform for a sample of
        another shape or type than promised, and OSError where the disk is full.

        Raises:
            OSError: The files are not there.
        """
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(self._path(number).open("r+b")) for number in range(len(self._promised))]
            starts = [_skip_header(file) for file in files]
            sizes = [int(np.prod(shape, dtype=np.int64)) * dtype.itemsize for shape, dtype in self._promised]

            def write(place: int, row: Sequence[Array]) -> tuple[int, ...]:
                if [(array.shape, array.dtype) for array in row] != list(self._promised):
                    raise NotUniform
                sums = []
                for array, file, start, size in zip(row, files, starts, sizes, strict=True):
                    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
                    _write_at(file.fileno(), data, start + place * size)
                    sums.append(zlib.crc32(data))
                return tuple(sums)

            yield write

    def finish(self, complete: Complete) -> Complete:
        """All samples are there; returns it with its seal.

        Raises:
            OSError: The disk is full.
        """
        sealed = complete.sealed()
        (self._folder / _COMPLETE).write_text(json.dumps(to_json(sealed)), encoding="ascii")
        return sealed

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.npy"


def put_in_place(growing: Path, folder: Path) -> bool:
    """The entry is whole: gives it its name, unless another process was quicker.

    Returns:
        Whether it is this one that is there.

    Raises:
        OSError: It cannot be renamed.
    """
    try:
        growing.rename(folder)
        return True
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False


def on_all_cores(work: Callable[[int], T], items: Sequence[int], workers: int) -> list[T]:
    """The work done on each; what it calls lets the other threads go on."""
    if len(items) < 2 or workers < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, items))


def _skip_header(file: BinaryIO) -> int:
    """Where an array's samples begin in its file."""
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    return file.tell()


def _crc32(column: Array, place: int) -> int:
    return zlib.crc32(column[place])


def _touch(column: Array, place: int) -> int:
    return int(column[place].reshape(-1).view(np.uint8)[:: mmap.PAGESIZE].max(initial=0))


def _write_at(descriptor: int, data: memoryview, at: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, at)
        data, at = data[written:], at + written
