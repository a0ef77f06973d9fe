"""The processes that answer samples for the worker: how they are started, watched and ended."""

from __future__ import annotations

import contextlib
import selectors
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import RunFailed
from harness.machine import child_process
from harness.machine.child_process import LONGEST_START_S
from harness.machine.json_line import decode, encode
from harness.messages.failure import Failed
from harness.messages.peer import Ready
from harness.model.opening import Recipe
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Frame, Inbox, Kind

_GRACE_S, _LOOK_S = 2.0, 0.5


class Outstanding(NamedTuple):
    """Work that a peer has not answered yet."""

    ids: Sequence[int]
    """Of the queries."""
    issued_ns: Sequence[int]
    """When LoadGen asked each; empty where nobody wants to know."""
    handed_ns: int
    """When it went to the peer."""


class Peer:
    """One process, as the worker sees it."""

    def __init__(self, number: int, recipe: Recipe, folder: Path) -> None:
        """Starts it; it loads the model meanwhile (see `opens`)."""
        self.number = number
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = child_process.start("harness.serving.dispatch.peer", [theirs.fileno()], folder=folder)
        self.inbox = Inbox()
        self.acknowledged = threading.Event()
        self.asked: deque[Outstanding] = deque()
        """Oldest first."""
        self.sent = self.answered = 0
        """Samples; the one is written by who hands out, the other by who takes back."""
        self.device: str | None = None
        """Which one its backend runs on, where there are several."""
        self.own_bytes = 0
        """Its own memory before it opened the model."""
        self.began = False
        """Whether it has been heard of."""
        with contextlib.suppress(OSError):
            # Should it be dead already, that shows where its answer is awaited.
            self.socket.sendall(frames.pack_text(Kind.OPEN, encode(recipe)))

    def opens(self) -> bool:
        """Takes what has come of its opening, and says whether there is more to come.

        Raises:
            Reported: What the process says went wrong.
            RunFailed: It died, or says what nobody understands.
        """
        self.receive()
        while (frame := self.inbox.next()) is not None:
            self.began = True
            if frame.kind is Kind.STEP:
                continue
            self.refuse_failure(frame)
            ready = decode(self.inbox.text(frame), Ready)
            self.device, self.own_bytes = ready.device, ready.own_bytes
            return False
        return True

    def receive(self) -> None:
        """Takes what has come.

        Raises:
            RunFailed: The process is gone.
        """
        try:
            count = self.socket.recv_into(self.inbox.room())
        except ConnectionResetError:
            count = 0
        if count == 0:
            raise RunFailed(f"process {self.number} of the pool {self._end()}")
        self.inbox.arrived(count)

    def refuse_failure(self, frame: Frame) -> None:
        """Raises `Reported` where the frame is the process's last word."""
        if frame.kind is Kind.FAILED:
            raise decode(self.inbox.text(frame), Failed).error()

    def send(self, data: bytes, file: int | None = None) -> None:
        """Sends a frame; that the process is gone is heard where its answers are read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if file is None:
                self.socket.sendall(data)
            else:
                socket.send_fds(self.socket, [data], [file])

    def close(self) -> None:
        """Ends the process: it goes when it sees the end of its socket, or is killed."""
        self.socket.close()
        self._end()

    def _end(self) -> str:
        """How the process ended; it has closed its socket, or cannot get at it any more."""
        try:
            status = self.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "closed its socket and did not end"
        return child_process.how_it_ended(status)


class Peers:
    """Processes with an instance of the model each."""

    def __init__(self, recipes: Sequence[Recipe], folder: Path, tick: Callable[[], None]) -> None:
        """Starts one for each recipe, all at once, and waits until all have loaded the model.

        Args:
            recipes: What each opens.
            folder: The run's directory.
            tick: Called whenever one gets on, and while their modules are imported: a slow machine is no backend that hangs.

        Raises:
            Reported: What a process says went wrong.
            RunFailed: One died.
        """
        self._all: list[Peer] = []
        try:
            for number, recipe in enumerate(recipes):
                self._all.append(Peer(number, recipe, folder))
            self._wait(tick)
        except BaseException:
            self.close()
            raise

    def _wait(self, tick: Callable[[], None]) -> None:
        end = time.monotonic() + LONGEST_START_S
        with selectors.DefaultSelector() as selector:
            for peer in self._all:
                selector.register(peer.socket, selectors.EVENT_READ, peer)
            while selector.get_map():
                heard = selector.select(_LOOK_S)
                starts = time.monotonic() < end and not all(peer.began for peer in self._all)
                if heard or starts:
                    tick()
                for key, _ in heard:
                    if not key.data.opens():
                        selector.unregister(key.fileobj)

    def __iter__(self) -> Iterator[Peer]:
        """Each peer."""
        return iter(self._all)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)

    def pids(self) -> list[int]:
        """Their process ids, while they live."""
        return [peer.process.pid for peer in self._all]

    def close(self) -> None:
        """Ends all of them; a second time does nothing."""
        while self._all:
            self._all.pop().close()
