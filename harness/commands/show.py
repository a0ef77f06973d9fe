"""`show`: the result of a run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli import Outcome
from harness.errors import RunFailed
from harness.report import render
from harness.results import read_result
from harness.run import status_of

EXAMPLES = """\
examples:
  ./run.sh show results/DIR
  ./run.sh show results/DIR --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's directory."""
    parser.add_argument("directory", type=Path, help="a run's directory")


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads result.json and shows it."""
    result = read_result(arguments.directory)
    runs = result.get("runs", [result])
    for run in [result, *runs]:
        if run["status"] in ("failed", "started"):
            why = "; ".join(reason["what"] for reason in run["reasons"]) or "it did not come to its end"
            raise RunFailed(f"the run in {arguments.directory} is {run['status']}: {why}")
    return Outcome(status_of(result), "\n\n".join(render(run) for run in runs), result)
