"""Two and eight runs at once that share a cache, of which some are killed in between."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from harness.machine.control import Phase
from tests.faults.of_runs.runs import Ground, Run, told_alike
from tests.faults.table import Group

_PHASES = (Phase.STARTING, Phase.LOADING, Phase.CALIBRATING, Phase.PREPARING, Phase.RUNNING)
_KINDS = (
    ("--task", "kws", "--dataset", "builtin", "--threads", "1"),
    ("--task", "ic", "--threads", "1", "--count", "20"),
)
"""Both find nothing in the cache: a built-in set and a stand-in have to be made."""
_SETTINGS = (
    "load.min_duration_ms=300",
    "load.min_query_count=64",
    "load.expected_latency_ns=100000",
    "load.warm_up_s=0.1",
)
_WAYS = (("--scenario", "SingleStream"), ("--mode", "accuracy"))


def sharing(where: Ground, rounds: int, seed: int) -> Group:
    """So many rounds of two or eight runs with one cache, which is empty or damaged when they begin; each run counts as one.

    Right is: those that were not killed are valid, and all accuracy runs of a kind score the same; of those that were killed
    nothing half made is used; afterwards a run alone scores the same again.
    """
    group, dice = Group("two and eight runs that share a cache"), random.Random(f"{seed} sharing")
    scores: dict[str, str] = {}
    for number in range(rounds):
        folder = where.folder / f"shared-{number}"
        (folder / "cache").mkdir(parents=True)
        environment = where.environment | {"TFLITE_LOADGEN_CACHE": str(folder / "cache")}
        kind = dice.choice(_KINDS)
        words = [*kind, *(word for each in _SETTINGS for word in ("--set", each))]
        here = replace(where, environment=environment, words=words)
        ways = [dice.choice(_WAYS) for _ in range(dice.choice((2, 2, 2, 8)))]
        runs = [Run(here, folder / f"run-{place}", *way) for place, way in enumerate(ways)]
        killed = {run for run in runs[1:] if dice.random() < 0.5 and _kill(run, dice)}
        ends = [(run, way, *run.end()) for run, way in zip(runs, ways, strict=True)]
        last = Run(here, folder / "last", "--mode", "accuracy")
        ends.append((last, ("--mode", "accuracy"), *last.end()))
        for run, way, status, _, said in ends:
            wrong = _wrong(run, status, said, killed=run in killed)
            if not wrong and run not in killed and way[0] == "--mode":
                score = scores.setdefault(kind[1], run.score())
                wrong = None if score == run.score() else f"scores {run.score()} where others score {score}"
            group.note(wrong and f"{kind[1]}, {len(runs)} at once, {len(killed)} killed, {' '.join(way)}: {wrong}")
        if left := _left(folder / "cache"):
            group.note(f"left in the cache: {left}")
        shutil.rmtree(folder, ignore_errors=True)
    return group


def _kill(run: Run, dice: random.Random) -> bool:
    """Whether it was still there to be killed, with all it has started."""
    if not run.reaches(dice.choice(_PHASES)):
        return False
    time.sleep(dice.random() * 0.1)
    with suppress(ProcessLookupError):
        os.kill(run.process.pid, signal.SIGKILL)
        return True
    return False


def _wrong(run: Run, status: int, said: str, *, killed: bool) -> str | None:
    found = run.status()
    if killed:
        # The signal may have come after the last word.
        return None if found != "torn" and status in (-signal.SIGKILL, 0, 1) else f"exit status {status}, {found}"
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if status not in (0, 1):
        return f"exit status {status}: {said.strip()[-300:]}"
    return told_alike(status, found) or None


def _left(cache: Path) -> str:
    """What somebody has begun and nobody ended, that the runs after it should have taken away."""
    return next((str(path) for path in cache.rglob("*") if path.name.startswith((".making-", ".going-"))), "")
