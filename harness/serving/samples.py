"""The query sample library: preprocessed and encoded samples, ready to be handed to the model.

Preprocessing uses all cores. Where it is worth keeping (a picture takes a millisecond), the samples of one `load` are
kept as plain arrays in a folder named by the hash of all that made them, and memory-mapped the next time.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import warnings
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from backends.litert.tensor_memory import as_bytes
from harness.errors import RunFailed
from harness.json_records import from_json, to_json
from harness.zoo.files.sample_cache import DEFAULT_LIMIT, discard, make_room, making, touch
from tasks.base import Array, Codec, Tensor
from tasks.sets.digests import Digest

Row = tuple[Array, ...]
Raw = tuple[memoryview, ...]
_CACHE_VERSION = 5


@dataclass(frozen=True, slots=True)
class _Complete:
    """What is kept beside prepared samples; written last."""

    crc32: tuple[tuple[int, ...], ...]
    """By input: of each sample."""
    digests: tuple[Digest | None, ...]
    """Of what each sample was made of."""
    seal: str = ""
    """SHA-256 of all the others."""

    def sealed(self) -> _Complete:
        """With its seal."""
        bare = replace(self, seal="")
        return replace(bare, seal=hashlib.sha256(json.dumps(to_json(bare)).encode()).hexdigest())


class SampleLibrary:
    """Samples by index. `rows[index]` is the model's inputs, `raw[index]` the same as plain bytes; () while not loaded.

    One or the other is read while a query is timed.
    """

    def __init__(
        self,
        codec: Codec,
        total: int,
        *,
        workers: int,
        cache_dir: Path | None,
        on_sample: Callable[[], None],
        inputs: Sequence[Tensor] | None = None,
        cache_limit: int = DEFAULT_LIMIT,
    ) -> None:
        """Takes what makes samples and where to keep them.

        Args:
            codec: Prepares samples.
            total: The set's size.
            workers: Threads to use.
            cache_dir: Where prepared samples are kept; None for nowhere.
            on_sample: Called for each sample that is ready.
            inputs: The model's inputs, which samples are held against: nobody looks at them again while a query is timed.
            cache_limit: Bytes that all samples kept there may take; 0 keeps none.
        """
        self.rows: list[Row] = [()] * total
        self.raw: list[Raw] = [()] * total
        self.digests: dict[int, Digest] = {}
        """Of what was read for every sample that was ever loaded, by index, also where its preparation came from the cache."""
        self._inputs = inputs
        self._codec = codec
        self._workers = workers
        self._cache_dir = cache_dir if cache_limit else None
        self._cache_limit = cache_limit
        self._kept: set[Path] = set()
        """Folders of the cache that this run uses."""
        self.why_not_kept = ""
        """What kept samples from being kept, the first time."""
        self.on_sample = on_sample
        self._mapped = False

    def load(self, indices: Sequence[int]) -> None:
        """Brings samples into memory (LoadGen's LoadSamplesToRam). MultiStream names some of them twice.

        Raises:
            tasks.base.DataMissing: A sample cannot be read.
            RunFailed: A sample does not fit the model's inputs.
        """
        wanted = sorted(set(indices))
        self._bring(wanted)
        self._check(wanted)
        for index in wanted:
            # Texts have no bytes of their own; no backend takes them as such.
            row = self.rows[index]
            self.raw[index] = () if any(array.dtype.hasobject for array in row) else tuple(map(as_bytes, row))

    def _bring(self, wanted: Sequence[int]) -> None:
        """From where they are kept, or made anew."""
        key = self._codec.cache_key() if self._cache_dir is not None else None
        folder = None if key is None or self._cache_dir is None else self._cache_dir / _digest(key, wanted)
        self._mapped = folder is not None and self._map(folder, wanted)
        if self._mapped:
            return
        damaged = folder is not None and folder.exists()
        self._prepare(wanted)
        if folder is not None:
            self._keep(folder, wanted, damaged=damaged)

    def unload(self, indices: Sequence[int]) -> None:
        """Lets samples go (LoadGen's UnloadSamplesFromRam)."""
        for index in indices:
            self.rows[index] = self.raw[index] = ()

    @property
    def own_bytes(self) -> int:
        """What the loaded samples take of this process's own memory; mapped ones take none."""
        return 0 if self._mapped else sum(array.nbytes for row in self.rows for array in row)

    def _check(self, wanted: Sequence[int]) -> None:
        """A copy into a tensor's memory would stretch or convert what does not fit."""
        if self._inputs is None:
            return
        promised = self._promised()
        for index in wanted:
            found = [(array.shape, array.dtype) for array in self.rows[index]]
            if found != promised:
                raise RunFailed(
                    f"sample {index} was prepared as {_named(found)}, but the model takes {_named(promised)}"
                )

    def _promised(self) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
        return [(tensor.shape, tensor.dtype) for tensor in self._inputs or ()]

    def _prepare(self, wanted: Sequence[int]) -> None:
        if len(wanted) < 2 or self._workers < 2:
            for index in wanted:
                self.rows[index] = self._one(index)
            return
        with ThreadPoolExecutor(self._workers) as pool:
            for index, row in zip(wanted, pool.map(self._one, wanted), strict=True):
                self.rows[index] = row

    def _one(self, index: int) -> Row:
        prepared = self._codec.preprocess_with_digest(index)
        if prepared.digest is not None and self.digests.setdefault(index, prepared.digest) != prepared.digest:
            raise RunFailed(
                f"sample {index} changed during the run: it is not what was read of it before. Run once more"
            )
        self.on_sample()
        return prepared.inputs

    def _map(self, folder: Path, wanted: Sequence[int]) -> bool:
        """Maps samples kept earlier; anything unexpected means they are made anew."""
        try:
            return self._map_whole(folder, wanted)
        except Exception:
            # Whatever a damaged file makes of numpy's reader, which parses a header as Python's own parser does. Where damage
            # is not to blame, making the samples anew says so.
            return False

    def _map_whole(self, folder: Path, wanted: Sequence[int]) -> bool:
        """As `_map`; may raise anything."""
        complete = from_json(_Complete, json.loads((folder / "complete.json").read_text(encoding="ascii")))
        if complete != complete.sealed():
            return False
        files = [folder / f"{number}.npy" for number in range(len(complete.crc32))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            columns = [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]
        # An archive instead of an array has no shape.
        counts = [getattr(column, "shape", ())[:1] for column in columns]
        if not columns or len(complete.digests) != len(wanted) or any(count != (len(wanted),) for count in counts):
            return False
        # The checksums are of the samples alone: what damage says of their type or shape is held against the model.
        if self._inputs is not None and [(c.shape[1:], c.dtype) for c in columns] != self._promised():
            return False
        # Plain arrays over the mapped pages: numpy's memmap class would cost microseconds a look-up.
        plain = [column.view(np.ndarray) for column in columns]
        # This also touches every page now, or the first query of each sample would pay for it.
        found = [tuple(self._on_all_cores(lambda sample: zlib.crc32(sample), column)) for column in plain]
        if found != list(complete.crc32):
            return False
        self.digests |= {i: digest for i, digest in zip(wanted, complete.digests, strict=True) if digest is not None}
        for position, index in enumerate(wanted):
            self.rows[index] = tuple(column[position] for column in plain)
            self.on_sample()
        self._kept.add(folder)
        touch(folder)
        return True

    def _keep(self, folder: Path, wanted: Sequence[int], *, damaged: bool) -> None:
        """Writes samples for the next time, under another name until complete.

        A cache that cannot be written is no reason to stop: the samples are in memory. What is there already is either
        `damaged`, or another process was quicker.
        """
        first = self.rows[wanted[0]]
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            needed = sum(array.nbytes for index in wanted for array in self.rows[index])
            if why := make_room(folder.parent, self._cache_limit, needed, self._kept):
                self.why_not_kept = self.why_not_kept or why
                return
            with making(folder) as temporary:
                checksums = []
                for number, example in enumerate(first):
                    with (temporary / f"{number}.npy").open("wb") as file:
                        checksums.append(self._write_column(file, wanted, number, example))
                complete = _Complete(tuple(checksums), tuple(map(self.digests.get, wanted))).sealed()
                (temporary / "complete.json").write_text(json.dumps(to_json(complete)), encoding="ascii")
                if damaged:
                    discard(folder)
                _rename(temporary, folder)
            self._kept.add(folder)
        except _NotUniformError:
            return
        except OSError as error:
            self.why_not_kept = self.why_not_kept or f"{folder.parent} cannot be written ({error.strerror})"

    def _write_column(self, file: IO[bytes], wanted: Sequence[int], number: int, example: Array) -> tuple[int, ...]:
        """One input of all samples as an .npy file; returns each sample's checksum.

        Written, not mapped: on a full disk a mapped page kills the process.
        """
        header = {
            "descr": np.lib.format.dtype_to_descr(example.dtype),
            "fortran_order": False,
            "shape": (len(wanted), *example.shape),
        }
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        descriptor, start = file.fileno(), file.tell()

        def write(position: int) -> int:
            sample = self.rows[wanted[position]][number]
            if sample.shape != example.shape or sample.dtype != example.dtype:
                raise _NotUniformError
            data = np.ascontiguousarray(sample).reshape(-1).view(np.uint8).data
            _write_at(descriptor, data, start + position * example.nbytes)
            return zlib.crc32(data)

        return tuple(self._on_all_cores(write, range(len(wanted))))

    def _on_all_cores(self, work: Callable[[Any], int], items: Sequence[Any] | Array) -> list[int]:
        """The work done on each; what it calls lets the other threads go on."""
        with ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(work, items))


def _write_at(descriptor: int, data: memoryview, at: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, at)
        data, at = data[written:], at + written


def _named(arrays: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]) -> str:
    return ", ".join(f"{dtype} {list(shape)}" for shape, dtype in arrays)


def _rename(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError as error:
        # Another process was quicker.
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise


class _NotUniformError(Exception):
    """Samples of several shapes are not kept."""


def _digest(key: str, wanted: Sequence[int]) -> str:
    text = f"{_CACHE_VERSION}\n{key}\n{wanted!r}\n{np.__version__}"
    return hashlib.sha256(text.encode()).hexdigest()
