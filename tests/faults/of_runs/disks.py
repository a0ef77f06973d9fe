"""Disks that are full, read-only or out of inodes: where a run writes, where it keeps things, where it puts what is passing."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from harness.machine.control import Phase
from tests.faults.of_runs.runs import Ground, Run, told_alike
from tests.faults.table import Group

_PHASES = (
    None,
    Phase.STARTING,
    Phase.LOADING,
    Phase.CALIBRATING,
    Phase.PREPARING,
    Phase.RUNNING,
    Phase.WRITING,
)
"""None: before it starts."""
_PLACES = ("out", "cache", "TMPDIR")
_FAULTS = ("full", "read-only", "no inodes")
_WAYS = (
    ("--scenario", "SingleStream"),
    ("--scenario", "Offline", "--set", "load.target_qps=500", "--set", "backend.workers=processes"),
    ("--mode", "accuracy"),
)
_SIZE, _INODES = "2m", 60
_SAID = ("No space left", "Read-only file system", "cannot write", "cannot be written", "not kept", "disk")


def disks(where: Ground, faults: int, seed: int) -> Group:
    """Takes the room of so many runs, one place of each.

    Right is: the run ends; exit status and result say the same; a run that is lost says why, in its result as well wherever
    that can still be written; one that does not need the place is as good as any; and nothing is left half written.
    """
    group, dice = Group("disks: full, read-only, out of inodes"), random.Random(f"{seed} disks")
    for number in range(faults):
        place, fault, phase, way = dice.choice(_PLACES), dice.choice(_FAULTS), dice.choice(_PHASES), dice.choice(_WAYS)
        folder = where.folder / f"disk-{number}"
        with _disk(folder) as mounted:
            if not mounted:
                group.miss("no file system may be mounted here")
                continue
            run, reached = _run(where, folder, place, fault, phase, way)
            status, out, said = run.end()
            if not reached:
                group.miss("the run was over, or a file that it was writing kept the disk from becoming read-only")
                continue
            wrong = _wrong(run, place, fault, status, said + out)
        words = f"{place} {fault} while {phase.name if phase is not None else 'not begun'}, {' '.join(way)}"
        group.note(wrong and f"{words}: {wrong}")
    return group


def _run(
    where: Ground, disk: Path, place: str, fault: str, phase: Phase | None, way: Sequence[str]
) -> tuple[Run, bool]:
    variable = {"cache": "TFLITE_LOADGEN_CACHE", "TMPDIR": "TMPDIR"}.get(place)
    environment = where.environment | ({variable: str(disk)} if variable else {})
    out = (disk if place == "out" else where.folder) / f"run-of-{disk.name}"
    reached = _take(disk, fault) if phase is None else True
    run = Run(replace(where, environment=environment), out, *way)
    if phase is not None:
        reached = run.reaches(phase) and _take(disk, fault)
    return run, reached


def _take(disk: Path, fault: str) -> bool:
    """Makes the fault; False where it cannot be."""
    if fault == "read-only":
        return subprocess.run(["mount", "-o", "remount,ro", disk], capture_output=True, check=False).returncode == 0
    with suppress(OSError):
        if fault == "full":
            with (disk / "filler").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1 << 12))
        for number in range(2 * _INODES):
            (disk / f"filler-{number}").touch()
    return True


@contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},nr_inodes={_INODES}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    mounted = mounted and subprocess.run(words, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            # Lazily: what is still open must not keep it.
            subprocess.run(["umount", "-l", folder], check=False)


def _wrong(run: Run, place: str, fault: str, status: int, said: str) -> str | None:
    found = run.status()
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if wrong := told_alike(status, found, lost=fault != "full" and place == "out"):
        return f"{wrong}: {said.strip()[-300:]}"
    if status in (2, 3) and not any(words in said for words in _SAID):
        return f"does not say why: {said.strip()[-300:]}"
    if place != "out" and status not in (0, 1) and place != "cache":
        return f"needs {place}: {said.strip()[-300:]}"
    left = [path.name for path in run.out.glob(".result*")] if run.out.is_dir() and fault != "read-only" else []
    return f"leaves {left[0]}" if left else None
