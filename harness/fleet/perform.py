"""A fleet, run: a command for each device in a process of its own, those of one machine one after the other."""

from __future__ import annotations

import ctypes
import hashlib
import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accuracy.outside.plain_files import read_plain
from harness.errors import ConfigError, Interrupted
from harness.fleet.outcome import DeviceOutcome, read_outcome, write_outcome
from harness.fleet.plan import PlannedDevice
from harness.machine import stop_signals
from harness.machine.child_process import python_words
from harness.machine.import_path import safe_environment
from harness.report.screen import Screen
from harness.results.files import RESULT_FILE
from harness.results.own_directory import alone_in
from harness.series.journal import Journal, read_journal
from harness.series.on_top import require_empty
from harness.series.resume import Before, is_begun
from harness.way_in import COMPLAINT

_PR_SET_PDEATHSIG = 1
_KEPT = ("0", "1")
"""Exit statuses of what need not be done again."""
_TICK_S = 0.5


@dataclass
class _RunningDevice:
    """A device's command while it runs."""

    device: PlannedDevice
    process: subprocess.Popen[bytes]
    said: bytes = b""
    complaint: list[str] = field(default_factory=list)


def perform_fleet(devices: Sequence[PlannedDevice], out: Path, screen: Screen) -> dict[str, DeviceOutcome]:
    """Runs what is planned, or goes on with it: what ended is kept, what broke or was cut is done again.

    Args:
        devices: What is planned.
        out: The fleet's directory.
        screen: Where progress is shown.

    Returns:
        What came of each device, by name.

    Raises:
        ConfigError: The directory is of another fleet, or cannot be written.
        Interrupted: By a signal, which all devices were told of.
    """
    with alone_in(out):
        return _performed(devices, out, screen)


def _performed(devices: Sequence[PlannedDevice], out: Path, screen: Screen) -> dict[str, DeviceOutcome]:
    before = _before(devices, out) if is_begun(out) else None
    if before is None:
        require_empty(out)
    journal = Journal(out, goes_on=before is not None)
    for device in devices:
        if before is None or device.name not in before.ended:
            journal.write("planned", device.name, device.identity)
    found: dict[str, DeviceOutcome] = {}
    waiting: dict[str, list[PlannedDevice]] = {}
    for device in devices:
        if before and (kept := _kept(before, device, out)) is not None:
            screen.say(f"{device.name}: is there already")
            found[device.name] = kept
        else:
            if before:
                for name in (device.name, f"{device.name}.result.json"):
                    if aside := before.put_aside(name):
                        screen.say(f"{device.name}: {aside}")
            waiting.setdefault(device.machine, []).append(device)
    with stop_signals.noted() as asked:
        _Rack(out, screen, journal, found, waiting, asked).run()
        if asked:
            screen.say(f"what came to its end is kept: the same command with --out {out} goes on")
            raise Interrupted(asked[0])
    return found


def _before(devices: Sequence[PlannedDevice], out: Path) -> Before:
    """What is there already. A device that broke may have been corrected since; finished ones are never mixed with others.

    Raises:
        ConfigError: One that came to its end had other settings.
    """
    ended = {line.run: line for line in read_journal(out) if line.what == "ended"}
    for device in devices:
        line = ended.get(device.name)
        if line is not None and line.status in _KEPT and line.identity != device.identity:
            raise ConfigError(
                f"{out} was begun with other settings: of {device.name} the options, the model, the data, the harness, a "
                "version or the machine is not what it was. Finished runs are never mixed with others: give another --out"
            )
    return Before(out, ended, {})


def _kept(before: Before, device: PlannedDevice, out: Path) -> DeviceOutcome | None:
    line, outcome = before.ended.get(device.name), read_outcome(out, device.name)
    if line is None or line.status not in _KEPT or outcome is None:
        return None
    if line.digest != _digest(out, device):
        raise ConfigError(
            f"what {device.name} left in {out} was changed since: take {device.name}.json away to have it run again"
        )
    return outcome


def _digest(out: Path, device: PlannedDevice) -> str:
    """Of how it ended, and of its result."""
    result = out / f"{device.name}.result.json" if device.is_android else out / device.name / RESULT_FILE
    files = [out / f"{device.name}.json", result]
    return hashlib.sha256(b"".join(read_plain(file) for file in files if file.exists())).hexdigest()


class _Rack:
    """All devices."""

    def __init__(
        self,
        out: Path,
        screen: Screen,
        journal: Journal,
        found: dict[str, DeviceOutcome],
        waiting: Mapping[str, list[PlannedDevice]],
        asked: Sequence[int],
    ) -> None:
        self._out, self._screen, self._journal, self._found = out, screen, journal, found
        self._waiting, self._asked = waiting, asked
        self._told = False

    def run(self) -> None:
        """Until every device has ended."""
        with selectors.DefaultSelector() as selector:
            for machine in self._waiting:
                self._next(machine, selector)
            try:
                while selector.get_map():
                    for key, _ in selector.select(_TICK_S):
                        self._hear(key.data, selector)
                    if self._asked and not self._told:
                        self._told = True
                        for key in selector.get_map().values():
                            key.data.process.send_signal(self._asked[0])
            finally:
                for key in selector.get_map().values():
                    key.data.process.kill()

    def _next(self, machine: str, selector: selectors.BaseSelector) -> None:
        if self._waiting[machine] and not self._asked:
            device = self._waiting[machine].pop(0)
            self._journal.write("began", device.name, device.identity)
            self._screen.say(f"{device.name}: begins on {device.target}")
            running = _RunningDevice(device, _start(device, self._out))
            assert running.process.stderr is not None
            selector.register(running.process.stderr, selectors.EVENT_READ, running)

    def _hear(self, running: _RunningDevice, selector: selectors.BaseSelector) -> None:
        pipe = running.process.stderr
        assert pipe is not None
        piece = os.read(pipe.fileno(), 1 << 16)
        *lines, running.said = (running.said + piece).split(b"\n")
        if not piece and running.said:
            lines.append(running.said)
        for line in lines:
            self._say(running, line.decode(errors="replace"))
        if not piece:
            selector.unregister(pipe)
            pipe.close()
            self._end(running)
            self._next(running.device.machine, selector)

    def _say(self, running: _RunningDevice, line: str) -> None:
        if line.startswith(COMPLAINT) or running.complaint:
            running.complaint.append(line.removeprefix(COMPLAINT))
        elif line:
            self._screen.say(f"{running.device.name}: {line}")

    def _end(self, running: _RunningDevice) -> None:
        device, status = running.device, running.process.wait()
        complaint = "\n".join(running.complaint)
        if complaint:
            self._screen.say(f"{device.name}: {complaint}")
        outcome = DeviceOutcome(status if status >= 0 else 128 - status, complaint)
        self._found[device.name] = outcome
        write_outcome(self._out, device.name, outcome)
        self._journal.write("ended", device.name, device.identity, str(outcome.status), _digest(self._out, device))


def _start(device: PlannedDevice, out: Path) -> subprocess.Popen[bytes]:
    """What it writes goes to a file, what it says comes here. It is told to stop where this process is killed."""
    libc = ctypes.CDLL(None)
    with (out / f"{device.name}.result.json").open("wb") as result:
        return subprocess.Popen(
            python_words("harness", *device.words),
            env=safe_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=result,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0),
        )
