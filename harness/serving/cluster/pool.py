"""Hands LoadGen's samples out to the actors of a cluster, and completes each exactly once.

LoadGen's thread only leaves queries here. One thread does all else, so nothing is locked: it sends indices in pieces as long
as each actor takes for a part of a second, two at most to an actor, and takes answers back in any order. A piece whose actor
is gone, or answers nothing for too long, goes to another; whichever answer comes first is LoadGen's, what comes later is
dropped here.
"""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic, monotonic_ns

from harness.errors import RunFailed
from harness.machine.control import STOP_WORD, Control
from harness.machine.json_line import decode
from harness.messages.actor import Loaded
from harness.messages.failure import Failed
from harness.serving.cluster.member import Member, Piece, answered
from harness.serving.cluster.on_nodes.answerer import Answered
from harness.serving.cluster.waiting import Waiting
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Frame, Kind
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.processes import Abandon, Completes
from harness.serving.dispatch.queue_times import QueueTimes

_CHUNKS_AT_ONCE = 2
"""To an actor: one that it works on and one that waits there."""
MOST_TOGETHER = 16384
_ANSWER_BYTES = 4_000_000
"""Of one piece's answers, about."""
_PATIENCE = 4
"""Times as long as a piece should take, an actor may take at least before it counts as silent."""
_TICK_S = 0.1


@dataclass(slots=True)
class Tallies:
    """What went otherwise than it should."""

    sent_again: int = 0
    late_answers: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    member: Member
    piece: Piece
    future: Future[Answered]


class _Closed:
    """The last word to the thread."""


class ClusterPool:
    """Queries in, answers out; `members` are ready, and not ended by this."""

    def __init__(
        self,
        members: Sequence[Member],
        guard: Guard,
        control: Control,
        *,
        target_ns: int,
        least_ns: int = 0,
        completer: Callable[[int], Completes],
        abandon: Abandon,
        is_loss: Callable[[BaseException], bool],
        resend_after_s: float,
        loaded: Callable[[Loaded], None] = lambda _: None,
        times: Sequence[QueueTimes] = (),
        batch: int = 1,
    ) -> None:
        """Starts the thread.

        Args:
            members: Who answers.
            guard: Hears of what goes wrong.
            control: Where answers are counted.
            target_ns: As long as this should an actor take for a piece.
            least_ns: Pieces are not made smaller than this towards the end: to send them takes time as well.
            completer: From a number of samples, what completes as many together.
            abandon: Completes without an answer.
            is_loss: Whether a call's error means that the actor is gone.
            resend_after_s: An actor that answers nothing for so long has its pieces sent to another.
            loaded: Hears of samples that were loaded as they were asked.
            times: In Server: where is written how long queries waited.
            batch: Samples that an actor answers at once.
        """
        self.tallies = Tallies()
        self._members = list(members)
        self._guard, self._control, self._words = guard, control, control.words
        self._target_ns, self._least_ns, self._completer, self._abandon = target_ns, least_ns, completer, abandon
        self._is_loss, self._resend_after_s, self._loaded = is_loss, resend_after_s, loaded
        self._times, self._unit = times, 1 if times else batch
        self._completers: dict[int, Completes] = {}
        self._inbox: SimpleQueue[_Answer | Member | type[_Closed] | None] = SimpleQueue()
        self._told = False
        self._waiting = Waiting()
        self._again: deque[Piece] = deque()
        self._nobody_since: float | None = None
        self._next_look = 0.0
        self._thread = threading.Thread(target=self._work, name="cluster", daemon=True)
        self._thread.start()

    def issue(self, query_ids: list[int], indices: list[int]) -> None:
        """LoadGen's callback: returns at once, however many actors there are."""
        timed = len(self._times) > 0
        self._waiting.put(query_ids, indices, monotonic_ns() if timed else 0)
        if timed:
            self._guard.judge_backlog(len(self._waiting))
        if not self._told:
            self._told = True
            self._inbox.put(None)

    def join(self, member: Member) -> None:
        """One more, ready. From any thread."""
        self._inbox.put(member)

    def close(self) -> None:
        """Ends the thread; everything issued has been completed."""
        self._inbox.put(_Closed)
        self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                event = self._inbox.get(timeout=_TICK_S)
            except Empty:
                event = None
            if event is _Closed:
                return
            try:
                if isinstance(event, _Answer):
                    self._take_back(event)
                elif isinstance(event, Member):
                    self._members.append(event)
                # Before the queue is looked at: what comes after says so once more.
                self._told = False
                self._hand_out()
                if (now := monotonic()) >= self._next_look:
                    self._next_look = now + _TICK_S
                    self._look_around(now)
            except BaseException as error:
                self._guard.fail(error)
                self._give_all_up()

    def _hand_out(self) -> None:
        if self._words[STOP_WORD]:
            self._give_all_up()
            return
        while self._again or self._waiting:
            member = self._freest()
            if member is None:
                return
            piece = self._next_piece(member)
            if piece is not None:
                self._send(member, piece)

    def _next_piece(self, member: Member) -> Piece | None:
        """What was lost goes first; None where that has been answered in the meantime."""
        if self._again:
            piece = self._again.popleft()
            return None if piece.answered else piece
        whole = self._target_ns / member.service_ns
        # Smaller pieces towards the end, so that all are busy until then.
        share = max(len(self._waiting) / (_CHUNKS_AT_ONCE * len(self._members)), self._least_ns / member.service_ns)
        count = int(min(whole, share, _ANSWER_BYTES / member.answer_bytes, MOST_TOGETHER))
        return self._waiting.take(max(1, -(-count // self._unit)) * self._unit)

    def _send(self, member: Member, piece: Piece) -> None:
        member.asked[piece] = monotonic_ns()
        future = member.actor.ask("answer", frames.pack_indices(piece.indices))
        future.add_done_callback(lambda done: self._inbox.put(_Answer(member, piece, done)))

    def _freest(self) -> Member | None:
        """Who has the least to do; None where all have enough."""
        best = None
        for member in self._members:
            if not member.silent and (count := len(member.asked)) < _CHUNKS_AT_ONCE:
                if count == 0:
                    return member
                best = best or member
        return best

    def _take_back(self, answer: _Answer) -> None:
        try:
            self._judge(answer)
        except BaseException:
            # To be let go with all others.
            self._again.append(answer.piece)
            raise

    def _judge(self, answer: _Answer) -> None:
        member, piece = answer.member, answer.piece
        sent_ns = member.asked.pop(piece, None)
        error = answer.future.exception()
        if error is not None:
            if not self._is_loss(error):
                raise error
            # Where it was given up before, the piece has gone to another already.
            self._lose(member, [] if sent_ns is None else [piece])
            return
        member.silent = False
        took_ns, data, loaded, frame = answered(answer.future.result(), member.node)
        if frame.kind is not Kind.ANSWERS:
            raise decode(data[frame.start :], Failed).error()
        if piece.answered:
            self.tallies.late_answers += len(piece.ids)
            return
        if frame.count != len(piece.ids):
            raise RunFailed(f"an instance answered {frame.count} of {len(piece.ids)} samples")
        piece.answered = True
        if loaded:
            self._loaded(decode(loaded, Loaded))
        self._complete(member, piece, data, frame)
        self._note(member, piece, sent_ns or member.done_ns)
        # A new node, or one that others use as well, is found out within a few pieces.
        member.service_ns += (took_ns / len(piece.ids) - member.service_ns) / 2
        member.answer_bytes = max(1.0, (len(data) - frame.start) / len(piece.ids))

    def _complete(self, member: Member, piece: Piece, data: bytes, frame: Frame) -> None:
        address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
        count = len(piece.ids)
        room = 1 << (count - 1).bit_length()
        complete = self._completers.get(room)
        if complete is None:
            complete = self._completers[room] = self._completer(room)
        complete.packed(piece.ids, address + frame.start, frame.size, frame.sizes)
        member.answered += count
        words, slot = self._control.slot(member.number)
        words[slot] += count

    def _note(self, member: Member, piece: Piece, sent_ns: int) -> None:
        """An actor takes one piece after the other, so this one began when it was there and the one before was done."""
        done_ns = monotonic_ns()
        began_ns, member.done_ns = max(sent_ns, member.done_ns), done_ns
        if piece.issued_ns:
            add = self._times[member.number % len(self._times)].add
            for at_ns in piece.issued_ns:
                add(at_ns, began_ns, done_ns)

    def _lose(self, member: Member, pieces: Sequence[Piece]) -> None:
        """It is gone, and so is all that it was asked."""
        if not member.lost:
            member.lost = True
            self._members.remove(member)
        self._send_again(member, pieces)

    def _send_again(self, member: Member, pieces: Sequence[Piece] = ()) -> None:
        """All that it was asked, and these, go to others."""
        lost = [piece for piece in (*pieces, *member.asked) if not piece.answered]
        member.asked.clear()
        self._again.extend(lost)
        self.tallies.sent_again += sum(len(piece.ids) for piece in lost)

    def _look_around(self, now: float) -> None:
        """A few times a second: who answers nothing any more, and whether anybody does."""
        now_ns = monotonic_ns()
        for member in self._members:
            if member.silent or not member.asked:
                continue
            piece, sent_ns = next(iter(member.asked.items()))
            patience_ns = max(self._resend_after_s * 1e9, _PATIENCE * member.service_ns * len(piece.ids))
            if now_ns - max(sent_ns, member.done_ns) > patience_ns:
                member.silent = True
                self._send_again(member)
        if any(not member.silent for member in self._members):
            self._nobody_since = None
        elif self._nobody_since is None:
            self._nobody_since = now
        elif now - self._nobody_since > self._resend_after_s and (self._again or self._waiting):
            raise RunFailed(
                f"no node of the cluster answers any more: all instances are gone or have said nothing for "
                f"{self._resend_after_s:g} s. Look at the nodes with `ray status`; --set "
                "dispatch.resend_after_s=... waits longer"
            )

    def _give_all_up(self) -> None:
        """The run is lost or stopped: LoadGen only has to be brought to its end."""
        while self._waiting:
            self._abandon(self._waiting.take(MOST_TOGETHER).ids)
        pieces = [*self._again, *(piece for member in self._members for piece in member.asked)]
        self._again.clear()
        for piece in pieces:
            if not piece.answered:
                piece.answered = True
                self._abandon(piece.ids)
