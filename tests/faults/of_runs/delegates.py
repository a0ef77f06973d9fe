"""Delegates that misbehave in every way, at every point, in the worker and in the processes of a pool."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.faults.of_runs.delegate_parts import DelegateParts
from tests.faults.of_runs.runs import Ground, Run, told_alike
from tests.faults.table import Group
from tests.living import lives

_POINTS = ("load", "prepare", "invoke", "end")
_ENDS = ("crash", "abort", "exit", "close")
_STAYS = ("hang", "spin", "stop", "print")
"""Ended by the parent, when they have been silent for long enough."""
_BREAKS = ("broken=nan", "broken=inf", "broken=1000", "offset=nan", "offset=3")
_HARMLESS = ("forked=1", "daemon=1", "chdir=/")
_SCENARIOS = (("SingleStream",), ("Server",), ("Offline",), ("Offline", "processes"))
_TIMEOUT_S = 6
_MOST_LOG_BYTES = 1 << 30


def delegates(where: Ground, parts: DelegateParts | None, faults: int, seed: int) -> Group:
    """Runs so many with one that misbehaves.

    Right is: the run ends by itself; only one whose answers are the CPU's is called valid; all others are failed, say so alike
    in the exit status and in the result; nothing of theirs outlives the command, and what they print fills no disk.
    """
    group, dice = Group("delegates that misbehave"), random.Random(f"{seed} delegates")
    for number in range(faults):
        if parts is None:
            group.miss("no C compiler is here to build a delegate with")
            continue
        kind = dice.choice((*_ENDS, *_STAYS, *_BREAKS, *_HARMLESS))
        options = kind if "=" in kind else f"{kind}={dice.choice(_POINTS)}"
        if options.endswith("=invoke"):
            options += f",after={dice.choice((0, 5, 200, 2000))}"
        scenario, *workers = dice.choice(_SCENARIOS)
        words = ["--scenario", scenario, "--set", "load.target_qps=200"]
        # What does not stay is waited for, however busy the machine is.
        words += ["--set", f"backend.timeout_s={_TIMEOUT_S}"] if kind in _STAYS else []
        words += ["--set", "backend.workers=processes"] if workers else []
        run = Run(parts.ground(where, options), where.folder / f"delegate-{number}", *words)
        status, _, said = run.end()
        if options.endswith("=end") and status in (0, 1) and run.status() in ("valid", "invalid"):
            group.miss("the process was gone before its delegate was taken apart")
            continue
        wrong = _wrong(run, options, status, said)
        group.note(wrong and f"{options}, {scenario} {' '.join(workers)}: {wrong}")
    return group


def _wrong(run: Run, options: str, status: int, said: str) -> str | None:
    found = run.status()
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if wrong := told_alike(status, found):
        return f"{wrong}: {said.strip()[-300:]}"
    if left := _left(run.out):
        return f"process {left} outlives the command"
    log = run.out / "run.log"
    if log.is_file() and log.stat().st_size > _MOST_LOG_BYTES:
        return f"its words fill the disk: {log.stat().st_size:,} bytes"
    log.unlink(missing_ok=True)
    if options in _HARMLESS and status not in (0, 1):
        return f"not taken, though its answers are right: {said.strip()[-300:]}"
    # A moment that never came is one of a run in which all went well.
    late = ",after=" in options and not options.endswith(",after=0")
    if status in (0, 1) and not late and options not in _HARMLESS:
        return f"called {found}"
    return None


def _left(out: Path) -> int | None:
    """The process that a delegate has started and that is still there; given a moment to be gone."""
    for name in ("forked", "daemon"):
        if (out / name).is_file() and (text := (out / name).read_text(encoding="ascii")):
            end = time.monotonic() + 60
            while lives(int(text)):
                if time.monotonic() > end:
                    return int(text)
                time.sleep(0.01)
    return None
