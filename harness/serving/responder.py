"""LoadGen's answers: completed from a buffer made beforehand."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import mlperf_loadgen as lg

LARGE_BYTES = 1 << 16
"""An answer of so much is sent from where it lies: the copy would be felt."""


class Responder:
    """Completes queries from a buffer made beforehand. One per thread.

    LoadGen copies an answer inside `QuerySamplesComplete`, in an accuracy run; in a performance run it does not look at it. So
    the buffer may be used again as soon as that returns. Answers of one size, the usual case, go in as one copy, and the
    responses already know where each lies. Pictures are not copied: see `LARGE_BYTES`.
    """

    def __init__(self, slots: int) -> None:
        """Makes room for `slots` answers at once; `complete` takes no more than that."""
        self.send = lg.QuerySamplesComplete
        self.responses = [lg.QuerySampleResponse(0, 0, 0) for _ in range(slots)]
        self._buffer = memoryview(bytearray())
        self._address = 0
        self._even = -1
        """The size for which the responses are laid out evenly; -1 where they are not."""
        self._place = (0, -1)
        """Where `packed` has last laid them out, and for which size."""

    def room(self, size: int) -> memoryview:
        """Where answers of that size go from now on, one behind the other, before the `responses` are sent."""
        self._lay_out_evenly(size)
        return self._buffer

    def one(self, query_id: int, answer: bytes) -> None:
        """Completes a query of one sample."""
        size = len(answer)
        if size >= LARGE_BYTES:
            self._point_at([answer])
        else:
            if size != self._even:
                self._lay_out_evenly(size)
            self._buffer[:size] = answer
        self.responses[0].id = query_id
        self.send(self.responses)

    def complete(self, query_ids: Sequence[int], answers: Sequence[bytes]) -> None:
        """Completes several samples in one call."""
        count = len(answers)
        if len(answers[0]) >= LARGE_BYTES:
            self._point_at(answers)
        else:
            self._take_in(answers)
        responses = self.responses if count == len(self.responses) else self.responses[:count]
        for response, query_id in zip(responses, query_ids, strict=True):
            response.id = query_id
        self.send(responses)

    def _take_in(self, answers: Sequence[bytes]) -> None:
        count, size = len(answers), len(answers[0])
        joined = b"".join(answers)
        # No answer is longer than the first, and together they are as long as if all were: so all are.
        if len(joined) == count * size and max(map(len, answers)) == size:
            if size != self._even:
                self._lay_out_evenly(size)
        else:
            self._lay_out([len(answer) for answer in answers])
        self._buffer[: len(joined)] = joined

    def _point_at(self, answers: Sequence[bytes]) -> None:
        """Sends answers from where they lie; whoever has made them keeps them until they are sent."""
        self._even = -1
        for response, answer in zip(self.responses, answers, strict=False):
            response.data = ctypes.cast(ctypes.c_char_p(answer), ctypes.c_void_p).value or 0
            response.size = len(answer)

    def packed(self, query_ids: Sequence[int], address: int, size: int, sizes: Sequence[int]) -> None:
        """Completes samples whose answers lie in memory already, one behind the other. Not to be mixed with `complete`.

        Args:
            query_ids: At most `slots`.
            address: Where the first answer lies.
            size: Of each answer; negative where they differ.
            sizes: Of each answer where they differ.
        """
        if size < 0:
            self._point(address, sizes)
            self._place = (0, -1)
        elif (address, size) != self._place:
            self._point(address, [size] * len(self.responses))
            self._place = (address, size)
        count = len(query_ids)
        responses = self.responses if count == len(self.responses) else self.responses[:count]
        for response, query_id in zip(responses, query_ids, strict=True):
            response.id = query_id
        self.send(responses)

    def _lay_out_evenly(self, size: int) -> None:
        self._lay_out([size] * len(self.responses))
        self._even = size

    def _lay_out(self, sizes: Sequence[int]) -> None:
        """Tells the first responses where their answers will lie, one behind the other."""
        self._even = -1
        if sum(sizes) > len(self._buffer):
            # A slice of a view is written in a third of the time of a bytearray's.
            self._buffer = memoryview(bytearray(sum(sizes)))
            self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
        self._point(self._address, sizes)

    def _point(self, address: int, sizes: Sequence[int]) -> None:
        for response, size in zip(self.responses, sizes, strict=False):
            response.data = address
            response.size = size
            address += size


def abandon(query_ids: Sequence[int]) -> None:
    """Completes samples without an answer, so that LoadGen can end. Only ever done in a run that has failed already."""
    lg.QuerySamplesComplete([lg.QuerySampleResponse(query_id, 0, 0) for query_id in query_ids])
