"""Server and Offline with processes: for models of microseconds, which threads would spend waiting for each other's GIL.

The worker keeps LoadGen, the samples' loading and the completion. Indices go out in chunks, at most two of them to a peer, so
that it never waits and a socket never fills; answers come back packed, a chunk in a frame, and one thread completes them.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic_ns
from typing import Protocol

from backends.base import TensorSpec
from harness.errors import RunFailed
from harness.machine.control import STOP_WORD, Control
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Frame, Kind
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.peers import Outstanding, Peer
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.dispatch.shared_samples import pack_samples
from harness.serving.samples import Row

_CHUNKS_AT_ONCE = 2

Abandon = Callable[[Sequence[int]], None]


class Completes(Protocol):
    """`harness.serving.responder.Responder`, or what stands for it while calibrating."""

    def packed(self, query_ids: Sequence[int], address: int, size: int, sizes: Sequence[int]) -> None:
        """See `Responder.packed`."""


class ProcessPool:
    """Hands samples out to peers, the least loaded first, and completes what they answer."""

    def __init__(
        self,
        peers: Iterable[Peer],
        guard: Guard,
        control: Control,
        *,
        chunk: int,
        completer: Callable[[int], Completes],
        abandon: Abandon,
        times: Sequence[QueueTimes] = (),
        batch: int = 1,
    ) -> None:
        """Starts the thread that completes.

        Args:
            peers: Ready; not closed by this.
            guard: Hears of what goes wrong.
            control: Where answers are counted.
            chunk: Samples that are handed out together at most.
            completer: From `chunk`, one for each peer.
            abandon: Completes without an answer.
            times: One for each peer, in Server: where is written how long queries waited.
            batch: Samples that a peer answers at once; `chunk` holds whole ones.
        """
        self._peers = list(peers)
        self._guard, self._abandon, self._chunk = guard, abandon, chunk
        self._completers = [completer(chunk).packed for _ in self._peers]
        self._slots = [control.slot(number) for number in range(len(self._peers))]
        self._words = control.words
        self._times = times
        # Server's queries go to whoever is free rather than wait for a whole batch.
        self._unit = 1 if times else batch
        self._queue: deque[tuple[Sequence[int], Sequence[int], int]] = deque()
        """Query ids, sample indices, and in Server when LoadGen asked."""
        self._ids: Sequence[int] = ()
        self._indices: Sequence[int] = ()
        self._issued_ns = 0
        self._at = 0
        """What of the oldest query has been handed out."""
        self._issued = self._handed = 0
        """Samples; the one is written by LoadGen's thread alone, the other by who holds the lock."""
        self._done_ns = [0] * len(self._peers)
        """When each peer's last work was completed."""
        self._lock = threading.Lock()
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="completion", daemon=True)
        self._thread.start()

    def issue(self, query_ids: list[int], indices: list[int]) -> None:
        """LoadGen's callback: returns at once."""
        timed = len(self._times) > 0
        self._queue.append((query_ids, indices, monotonic_ns() if timed else 0))
        self._issued += len(query_ids)
        if timed:
            self._guard.judge_backlog(self._issued - self._handed)
        try:
            self._hand_out()
        except BaseException as error:
            self._guard.fail(error)
            self._hand_out()

    def load(self, rows: Sequence[Row], indices: Sequence[int], inputs: Sequence[TensorSpec]) -> None:
        """Gives samples to the peers; returns when all can be asked for them. See `pack_samples`."""
        with pack_samples(rows, sorted(set(indices)), inputs) as file:
            self._tell(Kind.SAMPLES, file.fileno())

    def unload(self) -> None:
        """Takes the samples from the peers."""
        self._tell(Kind.FORGET)

    def close(self) -> None:
        """Ends the thread; everything issued has been completed."""
        os.close(self._woken)
        self._thread.join()
        os.close(self._wake)

    def _tell(self, kind: Kind, file: int | None = None) -> None:
        for peer in self._peers:
            peer.acknowledged.clear()
            peer.send(frames.pack_text(kind), file)
        for peer in self._peers:
            peer.acknowledged.wait()

    def _hand_out(self) -> None:
        """Called by both threads; LoadGen's never waits for the other, which looks once more when it is done."""
        while self._issued > self._handed and (self._words[STOP_WORD] or self._freest() is not None):
            if not self._lock.acquire(blocking=False):
                return
            try:
                self._hand_out_alone()
            finally:
                self._lock.release()

    def _hand_out_alone(self) -> None:
        while (waiting := self._issued - self._handed) > 0:
            if self._words[STOP_WORD]:
                self._abandon(self._take(self._chunk)[0])
                continue
            peer = self._freest()
            if peer is None:
                return
            # Smaller pieces towards the end, so that all are busy until then.
            share = -(-waiting // (_CHUNKS_AT_ONCE * len(self._peers)))
            whole = -(-share // self._unit) * self._unit
            ids, indices, issued_ns = self._take(min(self._chunk, whole))
            peer.asked.append(Outstanding(ids, issued_ns, monotonic_ns() if issued_ns else 0))
            peer.sent += len(ids)
            peer.send(frames.pack_indices(indices))

    def _freest(self) -> Peer | None:
        """The peer with the least to do; None where all have enough."""
        best, least = None, 0
        for peer in self._peers:
            if len(peer.asked) < _CHUNKS_AT_ONCE:
                load = peer.sent - peer.answered
                if load == 0:
                    return peer
                if best is None or load < least:
                    best, least = peer, load
        return best

    def _take(self, most: int) -> tuple[list[int], list[int], list[int]]:
        """The oldest samples that wait: query ids, sample indices, and in Server when LoadGen asked."""
        ids: list[int] = []
        indices: list[int] = []
        issued_ns: list[int] = []
        while len(ids) < most and self._handed < self._issued:
            if self._at == len(self._ids):
                self._ids, self._indices, self._issued_ns = self._queue.popleft()
                self._at = 0
            stop = self._at + most - len(ids)
            piece = self._ids[self._at : stop]
            ids += piece
            indices += self._indices[self._at : stop]
            self._at += len(piece)
            self._handed += len(piece)
            if self._issued_ns:
                issued_ns.append(self._issued_ns)
        return ids, indices, issued_ns

    def _listen(self) -> None:
        """The completion thread: until `close`."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        by_file = {peer.socket.fileno(): peer for peer in self._peers}
        for file in by_file:
            poll.register(file, select.POLLIN)
        while True:
            for file, _ in poll.poll():
                if file == self._wake:
                    return
                peer = by_file[file]
                try:
                    self._receive(peer)
                except BaseException as error:
                    # Nothing more can be had from this one.
                    poll.unregister(file)
                    self._lose(peer, error)
            self._hand_out()

    def _receive(self, peer: Peer) -> None:
        peer.receive()
        while (frame := peer.inbox.next()) is not None:
            match frame.kind:
                case Kind.ANSWERS:
                    self._complete(peer, frame)
                case Kind.DONE:
                    peer.acknowledged.set()
                case _:
                    peer.refuse_failure(frame)
                    raise RunFailed(f"process {peer.number} of the pool sent {frame.kind!r}")

    def _complete(self, peer: Peer, frame: Frame) -> None:
        asked, ids = peer.asked[0], peer.asked[0].ids
        self._completers[peer.number](ids, peer.inbox.address + frame.start, frame.size, frame.sizes)
        if asked.issued_ns:
            self._note(peer.number, asked)
        peer.asked.popleft()
        peer.answered += len(ids)
        words, slot = self._slots[peer.number]
        words[slot] += len(ids)

    def _note(self, number: int, asked: Outstanding) -> None:
        """A peer takes one piece of work after the other, so this one began when it was there and the one before was done."""
        done_ns, add = monotonic_ns(), self._times[number].add
        began_ns = max(asked.handed_ns, self._done_ns[number])
        self._done_ns[number] = done_ns
        for issued_ns in asked.issued_ns:
            add(issued_ns, began_ns, done_ns)

    def _lose(self, peer: Peer, error: BaseException) -> None:
        self._guard.fail(error)
        # From now on nothing is handed out; what LoadGen's thread is handing out at this moment must be seen.
        with self._lock:
            while peer.asked:
                self._abandon(peer.asked.popleft().ids)
        peer.acknowledged.set()
