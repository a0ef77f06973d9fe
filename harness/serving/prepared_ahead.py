"""The samples of a whole set, prepared into the cache before a run needs them: a part at a time, by any number of processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from backends.base import TensorSpec
from harness.errors import ConfigError, RunFailed
from harness.messages.preparing import Begun, PartPrepared
from harness.serving.kept_samples import Complete, Growing, NotUniform, entry_name, open_entry, put_in_place
from harness.zoo.files.sample_cache import MAKING, discard, make_room, making, touch
from tasks.base import Codec

TOGETHER = 32
"""Samples of one part."""


class PreparedAhead:
    """One process's hand in it."""

    def __init__(self, codec: Codec, total: int, inputs: Sequence[TensorSpec], cache: Path, limit: int) -> None:
        """Takes what makes samples and where they are kept.

        Args:
            codec: Prepares samples.
            total: The set's size.
            inputs: The model's.
            cache: The folder of prepared samples.
            limit: Bytes that all kept samples may take.

        Raises:
            ConfigError: Such samples are never kept.
        """
        key = codec.cache_key()
        if key is None:
            raise ConfigError(
                "samples of this task are prepared so quickly that they are never kept: a run needs nothing done ahead"
            )
        self._codec, self._total, self._cache, self._limit = codec, total, cache, limit
        self._promised = [(tensor.shape, tensor.dtype) for tensor in inputs]
        self._bytes = total * sum(tensor.nbytes for tensor in inputs)
        self.folder = cache / entry_name(key, range(total))
        self._holding = contextlib.ExitStack()

    def begin(self) -> Begun:
        """Makes room for the entry and lays it out, unless it is there; once a cache.

        Raises:
            ConfigError: There is no room, or nothing can be written there.
        """
        found = open_entry(self.folder, self._total, self._promised)
        if found is not None and found.take(range(self._total), 1) is not None:
            touch(self.folder)
            return Begun(str(self.folder), "", found.seal)
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            if why := make_room(self._cache, self._limit, self._bytes, ()):
                raise ConfigError(f"the prepared samples cannot be kept: {why}")
            growing = self._holding.enter_context(making(self.folder))
            Growing(growing, self._total, self._promised).lay_out()
        except OSError as error:
            raise ConfigError(f"{self._cache} cannot be written ({error.strerror})") from None
        return Begun(str(self.folder), growing.name, "")

    def prepare(self, making_name: str, first: int, count: int) -> PartPrepared:
        """Prepares some samples into an entry that was begun.

        Raises:
            tasks.base.DataMissing: A sample cannot be read; the message names it.
            RunFailed: A sample does not fit the model's inputs, or the disk is full.
        """
        prepared = [self._codec.preprocess_with_digest(index) for index in range(first, first + count)]
        try:
            with self._growing(making_name).writing() as write:
                sums = [write(place, each.inputs) for place, each in enumerate(prepared, first)]
        except NotUniform:
            raise RunFailed(
                f"one of the samples {first} to {first + count - 1} does not fit the model's inputs"
            ) from None
        except OSError as error:
            raise RunFailed(f"prepared samples cannot be written to {self._cache}: {error.strerror}") from None
        return PartPrepared(tuple(zip(*sums, strict=True)), tuple(each.digest for each in prepared))

    def finish(self, making_name: str, complete: Complete) -> str:
        """All samples are there: gives the entry its name, reads it once more, returns its seal.

        Raises:
            RunFailed: It cannot be written, or does not read as it was written.
        """
        try:
            sealed = self._growing(making_name).finish(complete)
            if self.folder.exists():
                discard(self.folder)
            put_in_place(self._cache / making_name, self.folder)
        except OSError as error:
            raise RunFailed(f"prepared samples cannot be written to {self._cache}: {error.strerror}") from None
        found = open_entry(self.folder, self._total, self._promised)
        if found is None or found.seal != sealed.seal or found.take(range(self._total), 1) is None:
            raise RunFailed(f"{self.folder} does not read as it was written: is the disk broken?")
        return sealed.seal

    def close(self) -> None:
        """Takes away what was begun and not finished."""
        self._holding.close()

    def _growing(self, making_name: str) -> Growing:
        if not making_name.startswith(MAKING) or Path(making_name).name != making_name:
            raise RunFailed(f"{making_name!r} is no entry in the making")
        return Growing(self._cache / making_name, self._total, self._promised)


def parts_of(total: int) -> list[tuple[int, int]]:
    """The first sample and the number of each part of a set."""
    return [(first, min(TOGETHER, total - first)) for first in range(0, total, TOGETHER)]


def whole(parts: Iterable[PartPrepared]) -> Complete:
    """What all parts of a set come to, in their order."""
    told = list(parts)
    columns = zip(*(part.crc32 for part in told), strict=True)
    crc32 = tuple(tuple(value for part in column for value in part) for column in columns)
    return Complete(crc32, tuple(digest for part in told for digest in part.digests))
