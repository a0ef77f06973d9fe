"""Models opened again and again, each time in a process of its own: what loading takes, and how much memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.bench.result import BenchResult, BenchRow
from harness.bench.session import BenchCase, Contestant, Settings
from harness.model.subject import measured_unchanged
from harness.report.screen import Screen
from harness.turns.process import CandidateFailed


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that a model was opened. None: the system does not tell."""

    load_ns: int
    load_bytes: int | None
    overall_bytes: int | None


Openings = Sequence[Sequence[Opening | None]]
"""For each model its openings, in the order of the turns; None where one failed."""


def open_in_turns(
    cases: Sequence[BenchCase], measured: BenchResult, settings: Settings, times: int, screen: Screen
) -> Openings:
    """Opens each so often, who goes first going round; the opening that was timed is one of them.

    Args:
        cases: The models.
        measured: What was found of them, in the same order.
        settings: Of the timing.
        times: How often each is opened in all, once at least.
        screen: Draws how far it is.

    Raises:
        RunFailed: A file has changed.
    """
    found = [[_opening(row)] for row in measured.rows]
    once = replace(settings, num_runs=1, min_secs=0.0, warmup_runs=1, warmup_min_secs=0.0)
    with measured_unchanged(case.subject for case in cases):
        for turn in range(1, times):
            screen.say(f"opening all again, {turn} of {times - 1}")
            for place in range(len(cases)):
                at = (place + turn) % len(cases)
                if measured.rows[at].refusal is None:
                    found[at].append(_opened_again(cases[at], once))
    return found


def _opened_again(case: BenchCase, settings: Settings) -> Opening | None:
    entry = Contestant(case, settings)
    try:
        entry.open()
        entry.run_all()
        entry.finish()
    except CandidateFailed:
        # What it fails of was seen when it was timed, or its turns would not be there; one opening less is said.
        return None
    finally:
        entry.process.close()
    return _opening(entry.row)


def _opening(row: BenchRow) -> Opening | None:
    if row.opened is None or row.found is None:
        return None
    return Opening(row.opened.load_ns, row.found.memory.load_bytes, row.found.memory.overall_bytes)
