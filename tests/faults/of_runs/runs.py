"""Short real runs for faults to meet: started off a warm process, watched by the page that the run's own parent watches."""

from __future__ import annotations

import mmap
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.machine.control import Phase
from harness.results.files import read_result
from harness.results.read_data import ReadData, load_read_data
from harness.results.record import Result
from tests.conftest import REPOSITORY, write_keyword_data, write_keyword_model
from tests.living import lives
from tests.warm_processes import Nursery

_WAIT_S = 300.0
_POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class Ground:
    """Where runs take place."""

    nursery: Nursery
    environment: dict[str, str]
    folder: Path
    words: Sequence[str]
    """Of a run of a second or so, but for `--out`."""


@contextmanager
def ground() -> Iterator[Ground]:
    """A cache, a model and data of its own."""
    with tempfile.TemporaryDirectory(prefix="tflite-loadgen-faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_keyword_data(folder / "keywords", 12)
        model = write_keyword_model(folder / "keywords.tflite")
        (folder / "cache").mkdir()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "TFLITE_", "XDG_"))}
        environment = kept | {"TFLITE_LOADGEN_CACHE": str(folder / "cache"), "PYTHONPATH": str(REPOSITORY)}
        settings = (
            "load.min_duration_ms=300",
            "load.min_query_count=64",
            "load.expected_latency_ns=20000",
            "load.warm_up_s=0.1",
        )
        words = ["--task", "kws", "--model", str(model), "--dataset", str(folder / "keywords"), "--threads", "1"]
        words += [word for setting in settings for word in ("--set", setting)]
        nursery = Nursery(environment)
        try:
            yield Ground(nursery, environment, folder, words)
        finally:
            nursery.close()


def _without(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """The words, less each `--set` of a field that the others set, too: a command takes it once."""
    fields = {value.partition("=")[0] for option, value in pairwise(others) if option == "--set"}
    left = list(words)
    for place in range(len(left) - 2, -1, -1):
        if left[place] == "--set" and left[place + 1].partition("=")[0] in fields:
            del left[place : place + 2]
    return left


class Run:
    """One run under way."""

    def __init__(self, where: Ground, out: Path, *words: str) -> None:
        """Starts it."""
        self.out = out
        self._said = (tempfile.TemporaryFile(), tempfile.TemporaryFile())  # noqa: SIM115 - closed by `end`
        given = [*_without(where.words, words), *words, "--out", str(out)]
        self.process: Any = where.nursery.command(given, where.folder, where.environment, *self._said, own_session=True)
        self._page: mmap.mmap | None = None

    def reaches(self, phase: Phase) -> bool:
        """Waits until the run is in this phase or beyond; False where it ended before."""
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end and self.process.poll() is None:
            page = self._open_page()
            if page is not None and int.from_bytes(page[8:16], "little") >= phase:
                return True
            time.sleep(_POLL_S)
        return False

    def phase(self) -> Phase | None:
        """What the worker is doing; None where nobody knows any more."""
        page = self._open_page()
        return None if page is None else Phase(int.from_bytes(page[8:16], "little"))

    @contextmanager
    def held(self) -> Iterator[bool]:
        """The command stands still meanwhile; gives whether its worker, after whose end it judges, is there yet."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGSTOP)
        worker = self.worker()
        try:
            yield worker is not None and lives(worker)
        finally:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT)

    def worker(self) -> int | None:
        """The worker's process id; None where there is none."""
        return next(iter(_children(self.process.pid)), None)

    def peers(self) -> list[int]:
        """The process ids of the worker's pool."""
        worker = self.worker()
        if worker is None:
            return []
        # The first child of a forked worker is what the pool's processes are forked off.
        with suppress(OSError):
            forked = b"warm_processes" in Path(f"/proc/{worker}/cmdline").read_bytes()
            return sorted(_children(worker))[int(forked) :]
        return []

    def end(self) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of the ended run."""
        try:
            status = self.process.wait(_WAIT_S)
        finally:
            self.process.kill()
        texts = []
        for file in self._said:
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        return status, texts[0], texts[1]

    def status(self) -> str:
        """That result.json says; empty where there is none, `torn` where it is none."""
        if not (self.out / "result.json").exists():
            return ""
        try:
            return read_result(self.out).status
        except ConfigError:
            return "torn"

    def duration_s(self) -> float | None:
        """How long LoadGen says that it measured."""
        result = read_result(self.out)
        return result.performance.duration_s if isinstance(result, Result) and result.performance else None

    def score(self) -> str:
        """All that an accuracy run has scored."""
        result = read_result(self.out)
        accuracy = result.accuracy if isinstance(result, Result) and result.accuracy else {}
        return ", ".join(f"{name} {metric.value!r}" for name, metric in accuracy.items())

    def names(self, folder: Path) -> bool:
        """Whether it was told to use something in this folder, by what it has kept of that."""
        spec = self.out / "spec.yaml"
        return spec.exists() and f"{folder}/" in spec.read_text(encoding="utf-8")

    def read_data(self) -> ReadData:
        """What it says that it has read."""
        found = load_read_data(self.out)
        if found is None:
            raise ValueError(f"{self.out} has kept nothing of its data")
        return found

    def _open_page(self) -> mmap.mmap | None:
        if self._page is None:
            with suppress(OSError, ValueError, LookupError):
                for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
                    if "memfd:tflite-loadgen" in str(link.readlink()):
                        with link.open("rb") as file:
                            self._page = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                        break
        return self._page


def told_alike(status: int, found: str, *, lost: bool = False) -> str:
    """What is wrong between an exit status and what result.json says; "" where they say the same.

    Args:
        status: The command's.
        found: See `Run.status`.
        lost: The result cannot be written any more, so that the one from the start may lie there, or none.
    """
    if found == "torn":
        return "result.json is torn"
    wanted = {0: ("valid",), 1: ("invalid",), 2: ("failed", ""), 3: ("failed",)}.get(status)
    if wanted is None:
        return f"exit status {status}, {found or 'no result'}"
    if found in wanted or (lost and status in (2, 3) and found in ("started", "")):
        return ""
    return f"exit status {status}, but the result says {found or 'nothing'}"


def _children(pid: int) -> list[int]:
    """Of all threads of a process."""
    found: list[int] = []
    with suppress(OSError, ValueError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def gone_soon(pid: int) -> bool:
    """Whether it is gone, at the latest after a while that no machine is too busy for."""
    end = time.monotonic() + _WAIT_S
    while lives(pid) and time.monotonic() < end:
        time.sleep(_POLL_S)
    return not lives(pid)
