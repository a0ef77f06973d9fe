"""Server and Offline: a pool of workers, each with an interpreter of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue

from harness.control import STOP_WORD, Control
from harness.dispatch.guard import Guard
from harness.loadgen import Responder
from harness.sut import SystemUnderTest

_Work = tuple[Sequence[int], Sequence[int]] | None


class Pool:
    """Worker threads that take (query ids, sample indices) from a queue. `invoke` releases the GIL, so they run at once."""

    def __init__(self, suts: Sequence[SystemUnderTest], guard: Guard, control: Control, *, chunk: int) -> None:
        """Starts one thread for each system under test; `chunk` samples at most are completed together."""
        self._queue: SimpleQueue[_Work] = SimpleQueue()
        self._chunk = chunk
        self._guard = guard
        self._control = control
        self._threads = [
            threading.Thread(target=self._work, args=(number, sut), name=f"worker-{number}", daemon=True)
            for number, sut in enumerate(suts)
        ]
        for thread in self._threads:
            thread.start()

    def issue(self, query_ids: list[int], indices: list[int]) -> None:
        """LoadGen's callback: returns at once."""
        put = self._queue.put
        chunk = self._chunk
        if len(query_ids) <= chunk:
            put((query_ids, indices))
            return
        for start in range(0, len(query_ids), chunk):
            put((query_ids[start : start + chunk], indices[start : start + chunk]))

    def close(self) -> None:
        """Ends the threads once the queue is empty."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, number: int, sut: SystemUnderTest) -> None:
        words, slot = self._control.slot(number)
        get, guard, answer = self._queue.get, self._guard, sut.answer
        complete = Responder(self._chunk).complete
        stop = STOP_WORD
        while (work := get()) is not None:
            query_ids, indices = work
            if words[stop]:
                guard.abandon(query_ids)
                continue
            try:
                complete(query_ids, [answer(index) for index in indices])
            except BaseException as error:
                guard.fail(error)
                guard.abandon(query_ids)
            words[slot] += len(query_ids)
