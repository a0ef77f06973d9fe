"""`show`: the result of a run again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.commands.outcome import Outcome
from harness.errors import EXIT_BROKEN, ConfigError
from harness.report.run import render
from harness.report.series import render_series
from harness.results.files import RESULT_FILE, read_result, status_of

EXAMPLES = """\
examples:
  ./run.sh show results/DIR
  ./run.sh show results/DIR --json

exit status: the run's own (0 valid, 1 invalid or a target is missed); 3 for a run that failed or did not come to its end
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's directory."""
    parser.add_argument("directory", type=Path, help="a run's directory, or that of a series")


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads result.json and shows it as the run did."""
    result = read_result(arguments.directory)
    try:
        return _shown(arguments.directory, result)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{arguments.directory / RESULT_FILE} is not whole, or was changed by hand "
            f"({type(error).__name__}: {error}): run once more"
        ) from None


def _shown(directory: Path, result: dict[str, Any]) -> Outcome:
    series = "runs" in result
    # A sweep goes on after a run that failed: its table says so, and its exit status.
    if result["status"] in ("failed", "started") and not result.get("exit_status"):
        why = "; ".join(reason["what"] for reason in result["reasons"]) or "it did not come to its end"
        complaint = f"the run in {directory} is {result['status']}: {why}"
        return Outcome(EXIT_BROKEN, render_series(result) if series else "", result, complaint)
    return Outcome(status_of(result), render_series(result) if series else render(result), result)
