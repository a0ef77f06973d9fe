"""The system's clock is set before, while or after LoadGen measures: for all processes, as it is, or for the worker alone."""

from __future__ import annotations

import random
from dataclasses import replace

from harness.machine.control import Phase
from tests.conftest import REPOSITORY
from tests.faults.of_runs.runs import Ground, Run, told_alike
from tests.faults.table import Group
from tests.shared_library import shared_library

_PHASES = (Phase.STARTING, Phase.CALIBRATING, Phase.RUNNING, Phase.WRITING)
_STEPS_S = (20, -20, 3600, -3600, 1, -1)
_SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
_SAID = "the system's clock was set while LoadGen measured"


def clocks(where: Ground, steps: int, seed: int) -> Group:
    """Sets it once in each of so many runs, by a library that is preloaded; the clock that nobody sets stays true.

    Right is: a run that was measuring is failed and says so; one that was not is as good as any, with times that are; every run
    ends.
    """
    group, dice = Group("the system's clock is set"), random.Random(f"{seed} clocks")
    library = shared_library(REPOSITORY / "tests/harness/run/clock_step.c", where.folder)
    for number in range(steps):
        if library is None:
            group.miss("no C compiler is here")
            continue
        phase, step_s, scenario = dice.choice(_PHASES), dice.choice(_STEPS_S), dice.choice(_SCENARIOS)
        sign = where.folder / f"clock-{number}"
        environment = where.environment | {
            "LD_PRELOAD": str(library),
            "CLOCK_STEP_S": str(step_s),
            "CLOCK_STEP_SIGN": str(sign),
        }
        words = ["--scenario", scenario, "--set", "load.min_duration_ms=3000", "--set", "load.target_qps=500"]
        run = Run(replace(where, environment=environment), where.folder / f"run-clock-{number}", *words)
        reached = run.reaches(phase)
        at = run.phase()
        sign.touch()
        status, _, said = run.end()
        if not reached or at is not phase:
            group.miss()
            continue
        wrong = _wrong(run, phase, status, said)
        group.note(wrong and f"{step_s:+} s while {phase.name}, {scenario}: {wrong}")
    return group


def _wrong(run: Run, phase: Phase, status: int, said: str) -> str | None:
    if "Traceback" in said:
        return f"a traceback: {said.strip().splitlines()[-1]}"
    if wrong := told_alike(status, run.status()):
        return f"{wrong}: {said.strip()[-300:]}"
    if phase is Phase.RUNNING:
        return None if status == 3 and _SAID in said else f"exit status {status}: {said.strip()[-300:]}"
    if status == 3:
        # It may have come into the first or the last moment of what is measured.
        return None if _SAID in said else f"exit status {status}: {said.strip()[-300:]}"
    duration_s = run.duration_s()
    return None if duration_s is None or 0 < duration_s < 600 else f"took {duration_s} s"
