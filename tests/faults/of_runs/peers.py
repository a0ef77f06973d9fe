"""Pools in which one is slow, stopped, stopped for a while or dead: what is slow is no hang, and what is stopped is one."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

from harness.machine.control import Phase
from tests.faults.of_runs.delegate_parts import DelegateParts
from tests.faults.of_runs.runs import Ground, Run, gone_soon, told_alike
from tests.faults.table import Group

_TIMEOUT_S, _NEVER_S = 4, 600
_SLOW_US = 1_500_000
"""Seven such calls in a row are more than the time-out allows; a sample of 100 s at its default is as long."""
_POOLS = (("Server", "threads"), ("Server", "processes"), ("Offline", "threads"), ("Offline", "processes"))
_FAULTS = ("slow", "stopped", "stopped for a while", "dead")
_AWHILE_S = 1.5


def pool_peers(where: Ground, parts: DelegateParts | None, faults: int, seed: int) -> Group:
    """Does so to one process of so many pools, or to the worker of one of threads.

    Right is: slow and stopped for a while are as good as any; stopped and dead are failed in the time that is allowed, and say
    so; no process outlives the command.
    """
    group, dice = Group("pools whose processes are slow, stopped or dead"), random.Random(f"{seed} peers")
    for number in range(faults):
        started: list[int] = []
        fault, (scenario, workers) = dice.choice(_FAULTS), dice.choice(_POOLS)
        words = ["--scenario", scenario, "--set", f"backend.workers={workers}", "--instances", "2"]
        # One that is stopped for a while stays so for as long as others keep this process from its CPU.
        words += ["--set", f"backend.timeout_s={_TIMEOUT_S if fault in ('slow', 'stopped') else _NEVER_S}"]
        if fault == "slow":
            if parts is None:
                group.miss("no C compiler is here to build a delegate with")
                continue
            words += ["--set", "load.min_query_count=6", "--set", "load.target_qps=1", "--count", "2"]
            run = Run(parts.ground(where, f"sleep_us={_SLOW_US}"), where.folder / f"peer-{number}", *words)
            reached = True
        else:
            words += ["--set", "load.target_qps=500", "--set", "load.min_duration_ms=2000"]
            # Offline answers as soon as it can: for some seconds, too.
            words += ["--set", "load.min_query_count=400000"] if scenario == "Offline" else []
            run = Run(where, where.folder / f"peer-{number}", *words)
            reached, started = _do(run, fault, workers, dice)
        status, _, said = run.end()
        if not reached:
            group.miss()
            continue
        wrong = _wrong(run, fault, started, status, said)
        group.note(wrong and f"{fault}, {scenario} by {workers}: {wrong}")
    return group


def _do(run: Run, fault: str, workers: str, dice: random.Random) -> tuple[bool, list[int]]:
    """Whether there was somebody to do it to, and all that were there."""
    reached = run.reaches(Phase.RUNNING)
    worker, peers = run.worker(), run.peers()
    whom = dice.choice(peers) if workers == "processes" and peers else worker
    if not reached or worker is None or whom is None:
        return False, []
    with suppress(ProcessLookupError):
        os.kill(whom, signal.SIGKILL if fault == "dead" else signal.SIGSTOP)
        in_time = run.phase() is Phase.RUNNING
        if fault == "stopped for a while" or not in_time:
            time.sleep(_AWHILE_S)
            os.kill(whom, signal.SIGCONT)
        return in_time, [worker, *peers]
    return False, []


def _wrong(run: Run, fault: str, started: list[int], status: int, said: str) -> str | None:
    if not all(map(gone_soon, started)):
        return "a process of its outlives the command"
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if wrong := told_alike(status, run.status()):
        return f"{wrong}: {said.strip()[-300:]}"
    if fault in ("slow", "stopped for a while"):
        return None if status in (0, 1) else f"called a failure: {said.strip()[-300:]}"
    words = "made no progress" if fault == "stopped" else "was killed by SIGKILL"
    return None if status == 3 and words in said else f"exit status {status}: {said.strip()[-300:]}"
