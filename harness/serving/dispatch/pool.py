"""Server and Offline: a pool of workers, each with an interpreter of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from time import monotonic_ns

from harness.machine.control import STOP_WORD, Control
from harness.machine.placement import Placement, pin
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.responder import Responder
from harness.serving.sut import Renew, SystemUnderTest

_Work = tuple[Sequence[int], Sequence[int], Sequence[int]]
"""Query ids, sample indices, and in Server when LoadGen asked for each."""


class Pool:
    """Worker threads that take work from a queue. `invoke` releases the GIL, so they run at once."""

    def __init__(
        self,
        suts: Sequence[SystemUnderTest],
        guard: Guard,
        control: Control,
        *,
        chunk: int,
        times: Sequence[QueueTimes] = (),
        placement: Placement | None = None,
    ) -> None:
        """Starts one thread for each system under test.

        Args:
            suts: One for each worker.
            guard: Hears of what goes wrong.
            control: Where answers are counted.
            chunk: Samples that are completed together at most.
            times: One for each worker, in Server: where it writes how long queries waited.
            placement: Where each worker works.
        """
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._chunk = chunk
        self._guard = guard
        self._control = control
        self._placement = placement or Placement()
        self.issue = self._issue_one if times else self._issue_many
        """LoadGen's callback: returns at once."""
        self._threads = [
            threading.Thread(
                target=self._work,
                args=(number, sut, times[number] if times else None),
                name=f"worker-{number}",
                daemon=True,
            )
            for number, sut in enumerate(suts)
        ]
        for thread in self._threads:
            thread.start()

    def _issue_one(self, query_ids: list[int], indices: list[int]) -> None:
        """Server's."""
        self._queue.put((query_ids, indices, (monotonic_ns(),)))
        self._guard.judge_backlog(self._queue.qsize())

    def _issue_many(self, query_ids: list[int], indices: list[int]) -> None:
        """Offline's."""
        put = self._queue.put
        chunk = self._chunk
        for start in range(0, len(query_ids), chunk):
            put((query_ids[start : start + chunk], indices[start : start + chunk], ()))

    def close(self) -> None:
        """Ends the threads once the queue is empty."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, number: int, sut: SystemUnderTest, times: QueueTimes | None) -> None:
        pin(self._placement.of(number))
        words, slot = self._control.slot(number)
        get, guard, answer_all = self._queue.get, self._guard, sut.answer_all
        gathers = times is not None and sut.batch > 1
        complete, renew = Responder(self._chunk).complete, sut.renew
        stop, now = STOP_WORD, monotonic_ns
        if renew is not None:
            self._put_back(renew)
        while (work := get()) is not None:
            query_ids, indices, issued_ns = self._with_those_waiting(work, sut.batch) if gathers else work
            if words[stop]:
                guard.abandon(query_ids)
                continue
            began_ns = now() if issued_ns else 0
            try:
                complete(query_ids, answer_all(indices))
            except BaseException as error:
                guard.give_up(query_ids, error)
            if renew is not None:
                self._put_back(renew)
            if times is not None:
                done_ns = now()
                for at_ns in issued_ns:
                    times.add(at_ns, began_ns, done_ns)
            words[slot] += len(query_ids)

    def _put_back(self, renew: Renew) -> None:
        try:
            renew()
        except BaseException as error:
            self._guard.fail(error)

    def _with_those_waiting(self, work: _Work, batch: int) -> _Work:
        """Server's queries that wait already, as many as make a batch: all workers have something to do, or none would wait."""
        together = tuple(map(list, work))
        while len(together[0]) < batch and self._queue.qsize():
            try:
                other = self._queue.get_nowait()
            except Empty:
                # Another worker was quicker.
                break
            if other is None:
                self._queue.put(None)
                break
            for mine, more in zip(together, other, strict=True):
                mine += more
        ids, indices, issued_ns = together
        return ids, indices, issued_ns
