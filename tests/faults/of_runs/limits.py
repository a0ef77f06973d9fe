"""Too little of what the system gives: address space, descriptors, file size, memory of a group, and allocations that fail."""

from __future__ import annotations

import random
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from harness.machine.control import Phase
from tests.faults.of_runs.runs import Ground, Run, gone_soon, told_alike
from tests.faults.table import Group
from tests.shared_library import shared_library

_PHASES = (Phase.STARTING, Phase.LOADING, Phase.CALIBRATING, Phase.PREPARING, Phase.RUNNING, Phase.WRITING)
_WAYS = (
    ("--scenario", "SingleStream"),
    ("--scenario", "Server", "--set", "load.target_qps=500"),
    ("--scenario", "Offline", "--set", "load.target_qps=500", "--set", "backend.workers=processes"),
    ("--mode", "accuracy"),
)
_TIMEOUT = ("--set", "backend.timeout_s=20")
_GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
Limit = Callable[[int, random.Random], bool]


def limits(where: Ground, faults: int, seed: int) -> Group:
    """Takes from one process of each of so many runs at one of its phases.

    Right is: the run ends; it is as good as any, or failed and says so alike in exit status and result; no process outlives it.
    """
    group, dice = Group("limits: address space, descriptors, file size, group memory"), random.Random(f"{seed} limits")
    for number in range(faults):
        kind, limit = dice.choice(_LIMITS)
        target, phase, way = dice.choice(("parent", "worker")), dice.choice(_PHASES), dice.choice(_WAYS)
        run = Run(where, where.folder / f"limit-{number}", *way, *_TIMEOUT)
        reached = run.reaches(phase)
        worker = run.worker()
        pid = run.process.pid if target == "parent" else worker
        with suppress(ProcessLookupError):
            reached = reached and pid is not None and limit(pid, dice)
        status, _, said = run.end()
        if not reached or worker is None:
            group.miss("" if kind != "group memory" else "no memory group can be made here")
            continue
        wrong = _wrong(run, worker, target, status, said)
        group.note(wrong and f"{kind} of the {target} while {phase.name}, {' '.join(way)}: {wrong}")
    return group


def failing_allocations(where: Ground, faults: int, seed: int) -> Group:
    """Lets allocations of so many runs fail after a while, in the command or its worker; right is as in `limits`."""
    group, dice = Group("allocations that fail"), random.Random(f"{seed} malloc")
    library = shared_library(Path(__file__).with_name("failing_malloc.c"), where.folder)
    for number in range(faults):
        if library is None:
            group.miss("no C compiler is here")
            continue
        target, way = dice.choice(("parent", "worker")), dice.choice(_WAYS)
        good, least = int(10 ** dice.uniform(0, 5)), dice.choice((0, 512, 4096, 65536))
        environment = where.environment | {
            "LD_PRELOAD": str(library),
            "MALLOC_WHERE": target,
            "MALLOC_GOOD": str(good),
            "MALLOC_LEAST": str(least),
        }
        run = Run(replace(where, environment=environment), where.folder / f"malloc-{number}", *way, *_TIMEOUT)
        status, _, said = run.end()
        begun = "in start" in said or not ("frozen runpy" in said or "Fatal Python error" in said)
        if not begun and not run.out.exists():
            group.miss("Python itself had not begun")
            continue
        if target == "parent" and not least and status == 1 and run.status() in ("started", "failed", ""):
            # Where nothing at all is to be had, Python cannot even say so: an exit status other than 0 is all there is.
            group.note(None)
            continue
        wrong = _wrong(run, None, target, status, said)
        group.note(wrong and f"the {target}'s after {good} of {least} bytes, {' '.join(way)}: {wrong}")
    return group


def _address_space(pid: int, dice: random.Random) -> bool:
    used = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    most = used + dice.choice((0, 1 << 16, 1 << 20, 1 << 23, 1 << 26))
    resource.prlimit(pid, resource.RLIMIT_AS, (most, most))
    return True


def _descriptors(pid: int, dice: random.Random) -> bool:
    most = dice.choice((4, 8, 12, 16, 24))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
    return True


def _file_size(pid: int, dice: random.Random) -> bool:
    most = dice.choice((0, 100, 4096, 1 << 16))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
    return True


def _group_memory(pid: int, dice: random.Random) -> bool:
    """A memory group of its own, with little more than it has."""
    for root in _GROUPS:
        group = root / f"tflite-loadgen-faults-{pid}"
        with suppress(OSError):
            group.mkdir()
            first = root.name == "memory"
            used = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
            most = used // 4 + dice.choice((1 << 20, 1 << 22, 1 << 24))
            (group / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(most), encoding="ascii")
            (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
            return True
        with suppress(OSError):
            group.rmdir()
    return False


_LIMITS: tuple[tuple[str, Limit], ...] = (
    ("address space", _address_space),
    ("descriptors", _descriptors),
    ("file size", _file_size),
    ("group memory", _group_memory),
)


def remove_groups() -> None:
    """Those that `limits` has made and whose processes are gone."""
    for root in _GROUPS:
        for group in root.glob("tflite-loadgen-faults-*"):
            with suppress(OSError):
                group.rmdir()


def _wrong(run: Run, worker: int | None, target: str, status: int, said: str) -> str | None:
    found = run.status()
    if worker is not None and not gone_soon(worker):
        return "the worker outlives the command"
    killed = target == "parent" and status in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS)
    if killed and found != "torn":
        # By the system, in the middle of things or after the last.
        return None
    # What a run's log ends with is quoted, and further in.
    if any(line.startswith("Traceback") for line in said.splitlines()):
        return f"a traceback: {said.strip().splitlines()[-1]}"
    wrong = told_alike(status, found, lost=target == "parent")
    return f"{wrong}: {said.strip()[-400:]}" if wrong else None
