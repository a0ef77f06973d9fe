"""Runs, each in a folder and a session of its own, which no connection ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from harness.remote.far_end.machine import boot_id, started_at
from harness.remote.far_end.store import FileStore
from harness.remote.far_end.wire import Refused

_AS_WRITTEN = {"TFLITE_LOADGEN_BY_SCRIPT": "1"}
"""What names a command is put into the words of the way in where a person reads it (`harness.way_in`)."""
_NOT_THEIRS = ("SSH_", "TFLITE_LOADGEN_", "PYTHON", "LC_", "LANG")
_UTF8 = {"LC_ALL": "C.UTF-8"}
"""Files were sent under their names as UTF-8, whatever the device's own language is."""


class JobFolder:
    """Those of one folder."""

    def __init__(self, store: FileStore) -> None:
        self._store, self._folder = store, store.folder / "jobs"

    def names(self) -> list[str]:
        """All that are here, in the order of their names."""
        there = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted(each.name for each in there if (each / "job.json").exists())

    def folder(self, name: str) -> Path:
        """Of a job.

        Raises:
            Refused: There is none.
        """
        if name not in self.names():
            raise Refused("unknown", name)
        return self._folder / name

    def state(self, name: str) -> dict[str, Any]:
        """`running`; `ended`, with what it left; `rebooted` or `died` where something else ended it."""
        place = self._folder / name
        process = _read(place / "process.json", "pid", "started", "boot")
        if process is None:
            return {"state": "died"}
        same_boot = process["boot"] == boot_id()
        running = same_boot and started_at(process["pid"]) == process["started"] != ""
        # Looked at last: it may have ended just now.
        if (ended := _read(place / "ended.json")) is not None:
            return {"state": "ended", "ended": ended}
        return {"state": "running" if running else "died" if same_boot else "rebooted"}

    def refuse_a_second(self) -> None:
        """One at a time: two would disturb each other.

        Raises:
            Refused: One is under way.
        """
        for name in self.names():
            if self.state(name)["state"] == "running":
                raise Refused("busy", name)

    def start(self, name: str, env: str, job: dict[str, Any]) -> None:
        """Starts one.

        Args:
            name: Of its folder.
            env: The key of the harness that does it.
            job: What that reads.

        Raises:
            Refused: Another one is under way.
        """
        self.refuse_a_second()
        place = self._folder / name
        place.mkdir(parents=True)
        (place / "job.json").write_text(json.dumps(job))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_THEIRS)}
        with (place / "log").open("wb") as log:
            started = subprocess.Popen(
                [
                    str(self._store.folder / "envs" / env / "bin" / "python"),
                    "-I",
                    "-X",
                    "utf8",
                    "-m",
                    "harness.job",
                    str(place),
                ],
                cwd=place,
                env={**kept, "TFLITE_LOADGEN_CACHE": str(self._store.folder / "cache"), **_AS_WRITTEN, **_UTF8},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process = {"pid": started.pid, "started": started_at(started.pid), "boot": boot_id(), "env": env}
        new = place / ".process.json"
        new.write_text(json.dumps(process))
        new.replace(place / "process.json")

    def stop(self, name: str, number: int) -> None:
        """Passes a signal on to one that is under way."""
        process = _read(self.folder(name) / "process.json", "pid")
        if process and self.state(name)["state"] == "running":
            with contextlib.suppress(ProcessLookupError):
                os.kill(process["pid"], number)

    def left(self, name: str) -> tuple[Path, list[tuple[str, int]]]:
        """A run's directory, and the files in it with their sizes."""
        run = self.folder(name) / "run"
        files = (file for file in sorted(run.rglob("*")) if file.is_file() and not file.is_symlink())
        return run, [(str(file.relative_to(run)), file.stat().st_size) for file in files]

    def remove(self, name: str) -> None:
        """Takes one away that is not under way."""
        place = self.folder(name)
        if self.state(name)["state"] == "running":
            raise Refused("busy", name)
        shutil.rmtree(place, ignore_errors=True)


def _read(file: Path, *keys: str) -> dict[str, Any] | None:
    """A mapping that has these keys; None for anything else, as the middle of a write that a power cut left."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and all(key in found for key in keys) else None
