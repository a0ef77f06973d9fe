"""The query sample library: preprocessed and encoded samples, ready to be handed to the model.

Preprocessing uses all cores. Where it is worth keeping (a picture takes a millisecond), the samples of one `load` are
kept as plain arrays in a folder named by the hash of all that made them, and memory-mapped the next time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import TensorSpec
from backends.litert.tensor_memory import as_bytes
from harness.errors import RunFailed
from harness.serving.kept_samples import (
    Complete,
    Entry,
    Growing,
    NotUniform,
    entry_name,
    on_all_cores,
    open_entry,
    put_in_place,
)
from harness.zoo.files.sample_cache import DEFAULT_LIMIT, discard, make_room, making, touch
from tasks.base import Array, Codec
from tasks.sets.digests import Digest

Row = tuple[Array, ...]
Raw = tuple[memoryview, ...]
_UNKNOWN = object()


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
        inputs: Sequence[TensorSpec],
        cache_limit: int = DEFAULT_LIMIT,
        keeps: bool = True,
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
            keeps: False only takes what is kept: these samples will not be asked together again.
        """
        self.rows: list[Row] = [()] * total
        self.raw: list[Raw] = [()] * total
        self.digests: dict[int, Digest] = {}
        """Of what was read for every sample that was ever loaded, by index, also where its preparation came from the cache."""
        self._promised = [(tensor.shape, tensor.dtype) for tensor in inputs]
        self._sample_bytes = sum(tensor.nbytes for tensor in inputs)
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
        self._keeps = keeps
        self._whole: Entry | object | None = _UNKNOWN
        """What is kept of the whole set, once somebody has looked."""
        self._whole_folder = Path()

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
        if self._cache_dir is None:
            self._prepare(wanted)
            return
        key = self._codec.cache_key() if self._keeps else None
        folder = None if key is None else self._cache_dir / entry_name(key, wanted)
        self._mapped = (folder is not None and self._map(folder, wanted)) or self._map_some(self._cache_dir, wanted)
        if self._mapped:
            for _ in wanted:
                self.on_sample()
            return
        # What is prepared is mapped, too: it is in memory once, as the cache's.
        self._mapped = folder is not None and self._keep(folder, wanted)
        if not self._mapped:
            self._prepare(wanted)

    def unload(self, indices: Sequence[int]) -> None:
        """Lets samples go (LoadGen's UnloadSamplesFromRam)."""
        for index in indices:
            self.rows[index] = self.raw[index] = ()

    def discard_kept(self) -> None:
        """Removes what this run has kept or taken of prepared samples: they are of data that changed under it."""
        for folder in self._kept:
            with contextlib.suppress(OSError):
                discard(folder)

    @property
    def own_bytes(self) -> int:
        """What the loaded samples take of this process's own memory; mapped ones take none."""
        return 0 if self._mapped else sum(array.nbytes for row in self.rows for array in row)

    def _check(self, wanted: Sequence[int]) -> None:
        """A copy into a tensor's memory would stretch or convert what does not fit."""
        for index in wanted:
            found = [(array.shape, array.dtype) for array in self.rows[index]]
            if found != self._promised:
                raise RunFailed(
                    f"sample {index} was prepared as {_named(found)}, but the model takes {_named(self._promised)}"
                )

    def _prepare(self, wanted: Sequence[int]) -> None:
        for index, row in zip(wanted, on_all_cores(self._one, wanted, self._workers), strict=True):
            self.rows[index] = row

    def _one(self, index: int) -> Row:
        prepared = self._codec.preprocess_with_digest(index)
        if prepared.digest is not None and self.digests.setdefault(index, prepared.digest) != prepared.digest:
            raise RunFailed(
                f"sample {index} changed during the run: it is not what was read of it before. Run once more"
            )
        self.on_sample()
        return prepared.inputs

    def _map(self, folder: Path, wanted: Sequence[int], *, just_written: bool = False) -> bool:
        """Maps samples kept earlier, these and no others; anything unexpected means they are made anew."""
        entry = open_entry(folder, len(wanted), self._promised)
        return entry is not None and self._take(folder, entry, range(len(wanted)), wanted, just_written=just_written)

    def _map_some(self, cache_dir: Path, wanted: Sequence[int]) -> bool:
        """Likewise, of a whole set that was prepared ahead; looked for once."""
        if self._whole is _UNKNOWN:
            key = self._codec.cache_key()
            self._whole_folder = cache_dir / entry_name(key or "", range(len(self.rows)))
            found = None if key is None else open_entry(self._whole_folder, len(self.rows), self._promised)
            self._whole = found
        return isinstance(self._whole, Entry) and self._take(self._whole_folder, self._whole, wanted, wanted)

    def _take(
        self,
        folder: Path,
        entry: Entry,
        places: Sequence[int],
        wanted: Sequence[int],
        *,
        just_written: bool = False,
    ) -> bool:
        found = entry.take(places, self._workers, just_written=just_written)
        if found is None:
            return False
        for index, (row, digest) in zip(wanted, found, strict=True):
            self.rows[index] = row
            if digest is not None:
                self.digests[index] = digest
        self._kept.add(folder)
        touch(folder)
        return True

    def _keep(self, folder: Path, wanted: Sequence[int]) -> bool:
        """Prepares samples for this run and the next, each written as soon as it is made: under another name until complete.

        A cache that cannot be written is no reason to stop: they are made in memory then. What is there already is damaged,
        or another process was quicker.

        Returns:
            Whether they are there, and mapped.
        """
        damaged = folder.exists()
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            if why := make_room(folder.parent, self._cache_limit, len(wanted) * self._sample_bytes, self._kept):
                self.why_not_kept = self.why_not_kept or why
                return False
            with making(folder) as temporary:
                growing = Growing(temporary, len(wanted), self._promised)
                growing.lay_out()
                with growing.writing() as write:
                    sums = on_all_cores(
                        lambda place: write(place, self._one(wanted[place])), range(len(wanted)), self._workers
                    )
                by_input = tuple(zip(*sums, strict=True))
                growing.finish(Complete(by_input, tuple(map(self.digests.get, wanted))))
                if damaged:
                    discard(folder)
                just_written = put_in_place(temporary, folder)
        except NotUniform:
            return False
        except OSError as error:
            self.why_not_kept = self.why_not_kept or f"{folder.parent} cannot be written ({error.strerror})"
            return False
        return self._map(folder, wanted, just_written=just_written)


def _named(arrays: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]) -> str:
    return ", ".join(f"{dtype} {list(shape)}" for shape, dtype in arrays)
