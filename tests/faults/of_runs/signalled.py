"""Signals at every phase of a run, to every process of it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence

from harness.machine.control import Phase
from tests.faults.of_runs.runs import Ground, Run, gone_soon
from tests.faults.table import Group

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_SIGNALS = (*_STOPS, signal.SIGKILL, signal.SIGSTOP)
_TARGETS = ("parent", "worker", "peer", "group")
_PHASES = (Phase.STARTING, Phase.LOADING, Phase.CALIBRATING, Phase.PREPARING, Phase.RUNNING, Phase.WRITING)
_HELD_S = 0.2


def signals(where: Ground, moments: int, seed: int) -> Group:
    """Sends one signal to each of so many runs.

    Right is: the exit status and result.json say the same, nothing is torn, no run that was cut is called valid, and no process
    outlives the command.
    """
    group, dice = Group("signals by phase"), random.Random(f"{seed} signals")
    for number in range(moments):
        scenario, target = dice.choice(SCENARIOS), dice.choice(_TARGETS)
        which, phase = dice.choice(_SIGNALS), dice.choice(_PHASES)
        pool = scenario in ("Server", "Offline") and (target == "peer" or dice.random() < 0.5)
        if target == "peer" and not pool:
            scenario, pool = dice.choice(("Server", "Offline")), True
        if target == "peer":
            phase = dice.choice((Phase.PREPARING, Phase.RUNNING))
        words = ["--scenario", scenario, "--set", "load.target_qps=500"]
        words += ["--set", "backend.workers=processes"] if pool else []
        run = Run(where, where.folder / f"signal-{number}", *words)
        reached = run.reaches(phase)
        time.sleep(dice.random() * 0.02)
        worker = run.worker()
        peers = run.peers() if target == "peer" else []
        pid = {"worker": worker, "peer": dice.choice(peers) if peers else None}.get(target, run.process.pid)
        reached = reached and worker is not None and pid is not None and _send(pid, target, which)
        status, _, said = run.end()
        if not reached or worker is None:
            group.miss()
            continue
        wrong = _wrong(run, [worker, *peers], target, which, status, said)
        group.note(
            wrong
            and f"{which.name} to the {target} of {scenario}{' (processes)' if pool else ''} while {phase.name}: {wrong}"
        )
    return group


def _send(pid: int, target: str, which: signal.Signals) -> bool:
    """Whether there was somebody to send it to."""
    try:
        (os.killpg if target == "group" else os.kill)(pid, which)
        if which is signal.SIGSTOP:
            time.sleep(_HELD_S)
            (os.killpg if target == "group" else os.kill)(pid, signal.SIGCONT)
    except ProcessLookupError:
        return False
    return True


def _wrong(run: Run, started: Sequence[int], target: str, which: signal.Signals, status: int, said: str) -> str | None:
    found = run.status()
    if not all(map(gone_soon, started)):
        return "a process of its outlives the command"
    if found == "torn":
        return "result.json is torn"
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if (status == 0) != (found == "valid"):
        return f"exit status {status}, but the result says {found or 'nothing'}"
    if which is signal.SIGKILL and target not in ("worker", "peer"):
        return None if status == -signal.SIGKILL and found in ("started", "") else f"exit status {status}, {found}"
    if which in _STOPS and target not in ("worker", "peer"):
        # What came after the last word of the run is too late to stop it.
        return None if status in (128 + which, 0, 1) else f"exit status {status}: {said.strip()[-200:]}"
    return None if status in (0, 1, 3) else f"exit status {status}: {said.strip()[-200:]}"
