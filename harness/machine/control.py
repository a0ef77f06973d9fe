"""A page of memory shared by the parent and the worker: counts go up to the parent, a wish to stop goes down.

Both sides only read or write whole 64-bit words, so neither ever waits for the other: the worker may look at it while a
query is timed (some 40 ns), and the parent may draw progress from it without the worker noticing.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from collections.abc import Callable
from enum import IntEnum
from typing import IO

from harness.machine.watched.clocks import pause

_WORDS = 512
_STOP, _PHASE, _TOTAL, _PAUSE_MS, _TICKS, _MEASURED, _DONE = 0, 1, 2, 3, 4, 5, 8
MAX_SLOTS = _WORDS - _DONE
_LONGEST_MEASURE_S, _MEASURE_TICK_S = 2.0, 0.0005

FAILED = 255
"""Written to the stop word by the worker itself when one of its callbacks failed; signal numbers are smaller."""


class Phase(IntEnum):
    """What the worker is doing, in the order of a run.

    The page starts as zeros, so a worker that has not come so far as to say anything is `STARTING`.
    """

    STARTING = 0
    LOADING = 1
    """The model goes into the backend."""
    PROVING = 2
    """The backend is held against the CPU."""
    CALIBRATING = 3
    WARMING_UP = 4
    PREPARING = 5
    """The samples are loaded that LoadGen will ask about."""
    RUNNING = 6
    WRITING = 7


class Control:
    """The shared page. `words` is for code that counts while a query is timed."""

    def __init__(self, file_descriptor: int) -> None:
        self._map = mmap.mmap(file_descriptor, _WORDS * 8)
        self.words = memoryview(self._map).cast("Q")

    @property
    def stop(self) -> int:
        """0, the number of the signal that asks to stop, or `FAILED`."""
        return self.words[_STOP]

    @stop.setter
    def stop(self, value: int) -> None:
        self.words[_STOP] = value

    @property
    def phase(self) -> Phase:
        """What the worker is doing."""
        return Phase(self.words[_PHASE])

    @property
    def total(self) -> int:
        """How much there is to do in this phase; 0 where nobody knows."""
        return self.words[_TOTAL]

    @property
    def done(self) -> int:
        """How much of it is done."""
        return sum(self.words[_DONE:])

    @property
    def pause_s(self) -> float:
        """How long this phase may rest without anything being wrong: Server waits for its queries."""
        return self.words[_PAUSE_MS] / 1000

    @property
    def heartbeat(self) -> tuple[int, int, int]:
        """Differs from an earlier one if the worker has got anywhere since."""
        return self.words[_PHASE], self.words[_TICKS], self.done

    def tick(self) -> None:
        """Called by the worker where it gets on with something that is not counted."""
        self.words[_TICKS] += 1

    def enter(self, phase: Phase, total: int = 0, pause_s: float = 0.0) -> None:
        """Called by the worker when it begins something else."""
        self.tick()
        self.words[_PAUSE_MS] = int(pause_s * 1000)
        self.words[_TOTAL] = 0
        for slot in range(_DONE, _WORDS):
            self.words[slot] = 0
        self.words[_PHASE] = phase
        self.words[_TOTAL] = total

    def measured(self) -> None:
        """Called by the parent when it has measured the worker's memory."""
        self.words[_MEASURED] += 1

    def hold_still(self, ask: Callable[[], None]) -> None:
        """Called by the worker, which asks the parent to measure it and does nothing meanwhile; not for long."""
        before, end = self.words[_MEASURED], time.monotonic() + _LONGEST_MEASURE_S
        ask()
        while self.words[_MEASURED] == before and time.monotonic() < end:
            pause(_MEASURE_TICK_S)

    def slot(self, number: int) -> tuple[memoryview, int]:
        """The word in which worker thread `number` counts what it has done, as (words, position)."""
        return self.words, _DONE + number % MAX_SLOTS


STOP_WORD = _STOP


def control_file() -> IO[bytes]:
    """A nameless file to share; it goes away with the last process that holds it."""
    file = _nameless_file("tflite-loadgen")
    file.truncate(_WORDS * 8)
    return file


def letter_file(text: str) -> IO[bytes]:
    """A nameless file with a message for a process, which reads it from its beginning."""
    file = _nameless_file("letter")
    file.write(text.encode())
    file.seek(0)
    return file


def _nameless_file(name: str) -> IO[bytes]:
    # In memory where the system can: on a full disk, a mapped page that was never written kills the process.
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(name), "w+b")
    return tempfile.TemporaryFile()  # the caller closes it
