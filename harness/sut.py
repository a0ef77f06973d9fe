"""The system under test: one sample in, one answer out."""

from __future__ import annotations

import numpy as np

from backends.base import Backend
from harness.samples import SampleLibrary
from tasks.base import Codec

_FLOATS_PER_STAMPED_ROW = 7


class SystemUnderTest:
    """One backend with what the task needs around it. Used by one thread."""

    def __init__(self, backend: Backend, codec: Codec, samples: SampleLibrary) -> None:
        self.backend = backend
        self._rows = samples.rows
        self._invoke = backend.invoke
        self._postprocess = codec.postprocess
        if codec.stamps_index:
            # Chosen once, not per query.
            self.answer = self._stamped_answer  # type: ignore[method-assign]

    def answer(self, index: int) -> bytes:
        """The timed path: one look-up, one invoke, one post-processing."""
        return self._postprocess(self._invoke(self._rows[index]))

    def _stamped_answer(self, index: int) -> bytes:
        """As `answer`, for log formats whose rows open with the sample's index."""
        data = bytearray(self._postprocess(self._invoke(self._rows[index])))
        np.frombuffer(data, np.float32)[::_FLOATS_PER_STAMPED_ROW] = index
        return bytes(data)
