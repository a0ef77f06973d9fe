"""The parent's side of a candidate's process."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.machine.control import control_file
from harness.spec.schema import Spec, write_spec

_LOG = "probe.log"
_LAST_LINES = 3


class CandidateFailed(HarnessError):  # noqa: N818
    """A candidate cannot be measured: the backend refuses, disagrees, crashes or takes too long."""

    def __init__(self, message: str, kind: str, status: int | None) -> None:
        super().__init__(message)
        self.kind = kind
        """`refused`, `crashed` or `too slow`."""
        self.exit_status = status
        """What a run of it would exit with; None where it did not get that far."""


class Child:
    """A candidate's process. Whoever makes one closes it, however far it came."""

    def __init__(self, spec: Spec) -> None:
        """Nothing is started yet."""
        self._spec = spec
        self._folder = tempfile.TemporaryDirectory(prefix="tflite-loadgen-tune-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._ends: list[int] = []
        self._ask = self._told = -1
        self._rest = b""

    def ready(self, seconds: float) -> dict[str, Any]:
        """Starts it, and waits until it is open and calibrated.

        Raises:
            CandidateFailed: It refuses, crashes, or takes longer than this.
        """
        self._start(Path(self._folder.name))
        return self._hear(seconds)

    def _start(self, folder: Path) -> None:
        write_spec(self._spec, folder)
        asked, self._ask = os.pipe()
        self._told, told = os.pipe()
        self._ends = [self._ask, self._told]
        try:
            with control_file() as page, (folder / _LOG).open("wb") as log:
                words = map(str, (asked, told, page.fileno(), os.getpid()))
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "harness.tuning.probe", *words],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(asked, told, page.fileno()),
                    # Ctrl-C is for the parent, which ends its children.
                    start_new_session=True,
                )
        finally:
            for end in (asked, told):
                os.close(end)

    def ask(self, question: str, seconds: float) -> dict[str, Any]:
        """One question, as `harness.tuning.probe` knows them.

        Raises:
            CandidateFailed: See `ready`.
        """
        try:
            os.write(self._ask, f"{question}\n".encode("ascii"))
        except BrokenPipeError:
            raise self._crashed() from None
        return self._hear(seconds)

    def close(self) -> None:
        """Ends the process and takes its folder away; once is enough."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        while self._ends:
            os.close(self._ends.pop())
        self._folder.cleanup()

    def _hear(self, seconds: float) -> dict[str, Any]:
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
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "failed":
            raise CandidateFailed(event["message"], "refused", event["status"])
        return event

    def _crashed(self) -> CandidateFailed:
        code = self._process.wait() if self._process is not None else 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        try:
            said = (Path(self._folder.name) / _LOG).read_text(errors="replace").strip().splitlines()[-_LAST_LINES:]
        except OSError:
            said = []
        return CandidateFailed(": ".join([f"its process {how}", *(["; ".join(said)] if said else [])]), "crashed", None)
