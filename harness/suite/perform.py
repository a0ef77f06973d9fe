"""A suite, run: from its plan to its result."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from harness.errors import Interrupted
from harness.report.screen import Screen
from harness.results import files as results
from harness.results.record import SeriesResult, status_of
from harness.series.execute import execute_series
from harness.series.journal import JOURNAL_FILE
from harness.suite.plan import SuitePlan


def perform_suite(plan: SuitePlan, out: Path, screen: Screen) -> tuple[SeriesResult, str, int]:
    """Runs what is planned, or goes on with it.

    Args:
        plan: The runs.
        out: The suite's directory.
        screen: Where progress is shown.

    Returns:
        The result on top, the text for the terminal and the exit status.
    """
    try:
        top, text = execute_series(plan.series, out, screen, may_go_on=True)
    except Interrupted:
        if (out / JOURNAL_FILE).is_file():
            screen.say(f"what came to its end is kept: the same command with --out {out} goes on")
        raise
    if plan.left_out:
        lines = [f"left out of the suite: {one.name}: {one.why}" for one in plan.left_out]
        top = replace(top, warnings=(*lines, *top.warnings))
        results.keep(out, top)
        text = "\n".join([*lines, text])
    return top, text, status_of(top)


def default_out() -> Path:
    """A directory of its own below results/."""
    return Path("results") / f"{time.strftime('%Y%m%d-%H%M%S')}-suite"
