"""What the parent hears of a worker: its messages, its page, its silence; and what is known of it when it has ended."""

from __future__ import annotations

import os
import selectors
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import EXIT_USER, ConfigError, HarnessError, RunFailed
from harness.machine import child_process
from harness.machine.control import Control, Phase
from harness.machine.json_line import decode
from harness.machine.memory import MemoryFigures, MemoryMeter, Residents
from harness.machine.watched.clocks import Clocks, read_clocks, step_of
from harness.machine.watched.sampler import Sampler
from harness.messages.failure import Failed
from harness.messages.worker import FROM_WORKER, Done, FromWorker, Opened, Proven
from harness.statistics.drift import QueryPace

RUN_LOG = "run.log"
_TICK_S = 0.5
_QUICK_S = 0.1
_GRACE_S = 3.0
_LAST_LINES = 5
_MOST_LOG_BYTES = 100 << 20
"""Of what a backend prints; a driver that never stops would fill the disk."""


class Progress(Protocol):
    """Where progress is shown."""

    def progress(self, phase: Phase, done: int, total: int, elapsed_s: float) -> None:
        """Called twice a second; must take microseconds, since a query may be timed on the core it runs on."""

    def end_progress(self) -> None:
        """The worker has ended."""


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """All that is known of a worker that has ended: also of one that failed, as far as it got."""

    end: Done | HarnessError
    """Its last word, or why there is none: `ConfigError` for a mistake that the user must fix, `RunFailed` for a worker that
    failed, crashed, hung or was killed, `Interrupted` where a signal to stop came."""
    opened: Opened | None
    proven: Proven | None
    memory: MemoryFigures | None
    latency_drift: float | None
    """See `Pace.drift`."""
    crashed_while: Phase | None = None
    """What it was doing when a fault in native code took it down; None where it ended otherwise."""
    machine_trace: array[int] | None = None
    """What the machine did while queries were timed, as `harness.machine.watched.sampler` has it; None where nobody asked."""


class Hearing:
    """What the parent hears of one worker."""

    def __init__(
        self,
        child: child_process.Child,
        pipe: int,
        control: Control,
        progress: Progress,
        timeout_s: float,
        log: int,
        *,
        timed: bool,
        traced: bool,
    ) -> None:
        self._child, self._pipe, self._control = child, pipe, control
        self._progress, self._timeout_s, self._log = progress, timeout_s, log
        self._rest = b""
        self._opened: Opened | None = None
        self._proven: Proven | None = None
        self._last: Done | Failed | None = None
        self._meter = MemoryMeter()
        self._memory: MemoryFigures | None = None
        self._pace = QueryPace()
        self._timed, self._traced = timed, traced
        self._sampler: Sampler | None = None
        self._clocks: Clocks | None = None
        """When LoadGen began, where it measures."""

    def until_the_end(self) -> None:
        """Until the worker closes its pipe; one that was told to stop gets a few seconds to bring LoadGen to its end.

        Raises:
            RunFailed: It hangs, or says what nobody understands.
        """
        clock = _Clock()
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while True:
                if selector.select(self._rest_s()):
                    piece = os.read(self._pipe, 1 << 16)
                    if not piece:
                        return
                    self._hear(piece)
                    continue
                if self._child.poll() is not None:
                    # Something that the backend started still holds the pipe.
                    return
                self._sample()
                if time.monotonic() - clock.now < _TICK_S - _QUICK_S / 2:
                    continue
                self._tick(clock)
                if clock.stopped_s > _GRACE_S:
                    self._child.kill()
                    return

    def _rest_s(self) -> float:
        """How long to wait for the worker's word: not for long where the first query is near."""
        if self._sampler is not None:
            return min(self._sampler.every_s, _TICK_S)
        return _QUICK_S if self._traced and self._control.phase is Phase.PREPARING else _TICK_S

    def _sample(self) -> None:
        """While queries are timed."""
        if not self._traced:
            return
        running = self._control.phase is Phase.RUNNING
        if running and self._sampler is None:
            self._sampler = Sampler(self._child.pid, os.sched_getaffinity(0))
        if running and self._sampler is not None:
            self._sampler.sample()

    def close(self) -> None:
        """The worker has ended."""
        if self._sampler is not None:
            self._sampler.close()

    def _hear(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._note(decode(line, *FROM_WORKER))

    def _note(self, message: FromWorker) -> None:
        match message:
            case Opened():
                self._opened = message
            case Proven():
                self._proven = message
            case Residents():
                self._meter.measure(message)
                self._control.measured()
                self._memory = self._meter.figures()
            case Done() | Failed():
                # The first failure is the cause; what follows it is not.
                if not isinstance(self._last, Failed):
                    self._last = message

    def _tick(self, clock: _Clock) -> None:
        control = self._control
        clock.tick(control)
        if clock.phase is Phase.RUNNING:
            self._pace.note(clock.now, control.done)
            self._watch_the_clock()
        self._progress.progress(clock.phase, control.done, control.total, clock.now - clock.phase_began)
        if (size := os.fstat(self._log).st_size) > _MOST_LOG_BYTES:
            raise RunFailed(
                f"the worker wrote {size:,} bytes to {RUN_LOG}, the limit is {_MOST_LOG_BYTES:,}, and was ended: the "
                "backend or its driver prints without end. Switch its logging off"
            )
        # Until it says so no backend is at work that could hang.
        limit_s = self._timeout_s if clock.began else max(self._timeout_s, child_process.LONGEST_START_S)
        if clock.silent_s > limit_s + control.pause_s:
            raise RunFailed(
                f"the worker made no progress for {limit_s:g} s while {clock.phase.name.lower()}, after "
                f"{control.done} queries, and was ended: something in the backend or its driver hangs. If it only is that "
                "slow, allow more with --set backend.timeout_s=..."
            )

    def _watch_the_clock(self) -> None:
        """Twice a second, outside the worker: where the clock is set back by a day, LoadGen may wait for one."""
        if self._timed:
            now = read_clocks()
            if self._clocks is None:
                self._clocks = now
            if step := step_of(self._clocks, now):
                raise RunFailed(step)

    def verdict(self, log: Path) -> Done | HarnessError:
        """What came of the worker, which has ended."""
        last, status = self._last, self._child.returncode
        if isinstance(last, Done) and status == 0:
            return last
        if isinstance(last, Failed):
            if last.exit_status == EXIT_USER:
                return ConfigError(last.message, log_says_more=last.log_says_more)
            return RunFailed(f"{last.kind}: {last.message} (the traceback is in {log})")
        tail = "\n".join(f"  {line}" for line in child_process.last_lines(log, _LAST_LINES))
        return RunFailed(
            f"the worker {child_process.how_it_ended(status)} while {self._control.phase.name.lower()}, after "
            f"{self._control.done} queries; the end of {log}:\n{tail}"
        )

    def report(self, end: Done | HarnessError) -> WorkerReport:
        """All that was heard."""
        crashed = self._last is None and child_process.crashed(self._child.returncode)
        phase = self._control.phase if crashed else None
        trace = self._sampler.samples if self._sampler is not None else None
        return WorkerReport(end, self._opened, self._proven, self._memory, self._pace.drift(), phase, trace)


class _Clock:
    """Since when the worker has been in its phase, said nothing, or been told to stop. Read every half second."""

    def __init__(self) -> None:
        self.now = self.phase_began = self._alive_at = time.monotonic()
        self.phase = Phase.STARTING
        self._heartbeat: tuple[int, int, int] = (Phase.STARTING, 0, 0)
        """As a page is made: a worker that was there before may have said the last it ever says by now."""
        self.began = False
        """Whether it has said anything."""
        self._stop_seen: float | None = None

    def tick(self, control: Control) -> None:
        """Reads the page."""
        self.now = time.monotonic()
        if control.phase != self.phase:
            self.phase_began, self.phase = self.now, control.phase
        if control.heartbeat != self._heartbeat:
            self._alive_at, self._heartbeat, self.began = self.now, control.heartbeat, True
        if control.stop and self._stop_seen is None:
            self._stop_seen = self.now

    @property
    def silent_s(self) -> float:
        """For so long it has got nowhere."""
        return self.now - self._alive_at

    @property
    def stopped_s(self) -> float:
        """So long ago it was told to stop; 0 where it was not."""
        return 0.0 if self._stop_seen is None else self.now - self._stop_seen
