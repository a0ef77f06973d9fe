"""The parent's side of a process in which a contender is measured: it is asked in records, one line each, and answers in such.

`harness.turns.answering` is the other side.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.errors import FilesChanged, HarnessError, RunFailed
from harness.machine import child_process
from harness.machine.control import control_file
from harness.machine.json_line import decode, encode
from harness.messages.failure import CHANGED, Failed
from harness.scratch_folder import ScratchFolder

_LOG = "probe.log"
_LAST_LINES = 3
A = TypeVar("A")


class CandidateFailed(HarnessError):  # noqa: N818
    """A contender cannot be measured: the backend refuses, disagrees, crashes or takes too long."""

    def __init__(self, message: str, kind: str, status_of_run: int | None, *, by_a_fault: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        """`refused`, `crashed` or `too slow`."""
        self.status_of_run = status_of_run
        """What a run of it would exit with; None where it did not get that far."""
        self.by_a_fault = by_a_fault
        """Whether one in native code ended its process."""


class MeasuringProcess:
    """A process that measures. Whoever makes one closes it, however far it came."""

    def __init__(
        self, module: str, *words: str, purpose: str, prepare: Callable[[Path], None] = lambda _: None
    ) -> None:
        """Nothing is started yet.

        Args:
            module: Its `main` calls `harness.turns.answering.answer_questions`.
            words: What else it is told.
            purpose: In the name of its folder, which is its current directory.
            prepare: Puts into that folder what it reads.
        """
        self._module, self._words, self._prepare = module, words, prepare
        self._folder = ScratchFolder(purpose)
        self._process: child_process.Child | None = None
        self._ends: list[int] = []
        self._ask = self._told = -1
        self._rest = b""

    @property
    def folder(self) -> Path:
        """Its current directory, which goes when it is closed."""
        return Path(self._folder.name)

    def start(self) -> None:
        """Starts it, and does not wait: it gets ready while its parent does. Once is enough."""
        if self._process is None:
            self._start()

    def open(self, kind: type[A], seconds: float) -> A:
        """Starts it unless it was, and waits for what it tells by itself.

        Raises:
            CandidateFailed: It refuses, crashes, or takes longer than this.
            FilesChanged: What it should open is another file now.
        """
        self.start()
        return self._hear(kind, seconds)

    def ask(self, question: object, kind: type[A], seconds: float) -> A:
        """Asks it something.

        Raises:
            CandidateFailed: See `open`.
        """
        try:
            os.write(self._ask, f"{encode(question)}\n".encode("ascii"))
        except BrokenPipeError:
            raise self._crashed() from None
        return self._hear(kind, seconds)

    def close(self) -> None:
        """Ends the process and takes its folder away; once is enough."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        while self._ends:
            os.close(self._ends.pop())
        self._folder.cleanup()

    def _start(self) -> None:
        self._prepare(self.folder)
        asked, self._ask = os.pipe()
        self._told, told = os.pipe()
        self._ends = [self._ask, self._told]
        try:
            with control_file() as page, (self.folder / _LOG).open("wb") as log:
                descriptors = (asked, told, page.fileno())
                # Ctrl-C is for the parent, which ends its children.
                self._process = child_process.start(
                    self._module, descriptors, *self._words, folder=self.folder, log=log, own_session=True
                )
        finally:
            for end in (asked, told):
                os.close(end)

    def _hear(self, kind: type[A], seconds: float) -> A:
        kinds: tuple[type[A] | type[Failed], ...] = (kind, Failed)
        try:
            heard = decode(self._line(seconds), *kinds)
        except RunFailed as error:
            raise CandidateFailed(str(error), "crashed", None) from None
        if isinstance(heard, Failed):
            if heard.kind in CHANGED:
                raise FilesChanged(heard.message)
            raise CandidateFailed(heard.message, "refused", heard.exit_status)
        return heard

    def _line(self, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._told, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise CandidateFailed(f"no answer within {seconds:.0f} s", "too slow", None)
                piece = os.read(self._told, 1 << 16)
                if not piece:
                    raise self._crashed()
                self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _crashed(self) -> CandidateFailed:
        status = self._process.wait() if self._process is not None else 0
        said = "; ".join(child_process.last_lines(self.folder / _LOG, _LAST_LINES))
        how = f"its process {child_process.how_it_ended(status)}"
        fault = child_process.crashed(status)
        return CandidateFailed(f"{how}: {said}" if said else how, "crashed", None, by_a_fault=fault)
