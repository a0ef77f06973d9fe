"""Queries that LoadGen has asked and nobody has been given yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from harness.serving.cluster.member import Piece


class Waiting:
    """Filled by LoadGen's thread, emptied by another one, without a lock: each writes one of the two counts alone."""

    def __init__(self) -> None:
        self._queue: deque[tuple[Sequence[int], Sequence[int], int]] = deque()
        """Query ids, sample indices, and in Server when LoadGen asked; the first may have been taken in part."""
        self._at = 0
        self._issued = self._taken = 0

    def put(self, query_ids: Sequence[int], indices: Sequence[int], at_ns: int) -> None:
        """A query, and when it was asked; 0 where nobody wants to know."""
        self._queue.append((query_ids, indices, at_ns))
        self._issued += len(query_ids)

    def __len__(self) -> int:
        """Samples."""
        return self._issued - self._taken

    def take(self, most: int) -> Piece:
        """The oldest samples."""
        ids: list[int] = []
        indices: list[int] = []
        issued_ns: list[int] = []
        while len(ids) < most and self._issued > self._taken:
            of_query, of_samples, at_ns = self._queue[0]
            stop = self._at + most - len(ids)
            part = of_query[self._at : stop]
            ids += part
            indices += of_samples[self._at : stop]
            if at_ns:
                issued_ns += [at_ns] * len(part)
            self._taken += len(part)
            self._at += len(part)
            if self._at == len(of_query):
                self._queue.popleft()
                self._at = 0
        return Piece(ids, indices, issued_ns)
