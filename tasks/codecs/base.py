"""What every codec promises: a task bound to one model. `tasks.base` has these names for whoever writes a task.

A sample becomes the model's inputs untimed; the model's outputs become the logged answer while a query is timed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from tasks.sets.digests import Digest

Array = npt.NDArray[Any]
Postprocess = Callable[[Sequence[Array]], bytes]
"""See `Codec.postprocess`."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One sample, ready for the model."""

    inputs: tuple[Array, ...]
    """See `Codec.preprocess`."""
    digest: Digest | None
    """Of the bytes that they were made of; None where the sample is no piece of data of its own."""


class Codec(ABC):
    """One task bound to one model: encodes samples into its inputs and decodes its outputs into logged answers.

    `preprocess` and `postprocess` are called from several threads at once and must not keep state between calls.
    """

    stamps_index: ClassVar[bool] = False
    """True where the log format opens with the sample's index: the caller then overwrites the first float32 of
    every seven of the answer with it, since post-processing never gets to know which sample it answers."""

    judges_outputs: ClassVar[bool] = False
    """True where the task itself says of an answer that it holds NaN, or is of another shape than the model promised: such a
    one is then no failure of the run."""

    @abstractmethod
    def preprocess(self, index: int) -> tuple[Array, ...]:
        """Untimed: one sample as the model's inputs, in the model's order, types and shapes (batch 1), C-contiguous.

        Raises:
            DataMissing: The sample cannot be read; the message names the file.
        """

    def preprocess_with_digest(self, index: int) -> Prepared:
        """As `preprocess`, with the digest of the very bytes that were read for it."""
        return Prepared(self.preprocess(index), None)

    @abstractmethod
    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """Timed: the model's raw outputs for one sample (batch 1, the model's order and types) as the logged answer."""

    def answerer(self) -> Postprocess:
        """`postprocess` of one backend on one thread, called for every query: it may remember the arrays it is given."""
        return self.postprocess

    def input_ranges(self) -> Mapping[str, tuple[float, float]]:
        """The least and the largest value that an input of real numbers can be given, where that is known: of pixels, say.

        A model that is quantised takes these, not what a few samples happen to reach.
        """
        return {}

    def cache_key(self) -> str | None:
        """Text that names all that made a preprocessed sample (options, code, data, input types), else None.

        None means preprocessing is so cheap that a cache would not pay.
        """
        return None
