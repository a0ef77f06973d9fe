"""`report`: one HTML file of runs. Only its options: what makes it is imported after `--help` has answered."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.any_model import subject as of_subject
from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError

EXAMPLES = """\
examples:
  ./run.sh report results/DIR                             writes results/DIR/report.html
  ./run.sh report results/DIR -o mine.html
  ./run.sh report results/A results/B -o both.html        several runs, side by side first
  ./run.sh report results/DIR --profile profile.json      with a profile that `profile --json` wrote
  ./run.sh report results/DIR --no-gallery                without the samples, whose data are then not read

The file needs no network and no script. Charts need the extra `report` (./run.sh install report); without it they are tables.

exit status: 0 written, whatever the runs' verdicts; 2 something for you to fix (docs/report.md)
"""
REPORT_FILE = "report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Runs, and where the file goes."""
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="a run's directory, or that of a series")
    parser.add_argument(
        "-o", "--out", metavar="FILE", help=f"where to write (default RUN/{REPORT_FILE} of a single one)"
    )
    parser.add_argument(
        "--profile", action="append", default=[], metavar="FILE", type=Path, help="a profile's JSON; repeat for several"
    )
    parser.add_argument(
        "--no-gallery", action="store_true", help="leave out the samples: their data are not read again"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads the runs and writes the file, whole or not at all."""
    out = of_subject.output_file("--out", arguments.out)
    if out is None and len(arguments.runs) > 1:
        raise ConfigError(f"{len(arguments.runs)} runs make one file: say where it goes with -o FILE.html")
    from harness.html_report.gathered import gather, series_among
    from harness.html_report.page import render
    from harness.profiling.kept import read_profile
    from harness.way_in import as_entered
    from harness.whole_file import replacing

    path = out or arguments.runs[0] / REPORT_FILE
    found = gather(arguments.runs, gallery=not arguments.no_gallery)
    profiles = [read_profile(profile) for profile in arguments.profile]
    page = as_entered(render(found, profiles, _compared(arguments.runs), series_among(arguments.runs))).encode()
    with replacing(path) as file:
        file.write(page)
    lacking = [f"{run.name}: not shown: {text}" for run in found for text in run.lacking]
    text = "\n".join([f"{path}: {len(found)} run{'s' if len(found) > 1 else ''}, {len(page) / 1e6:.2f} MB", *lacking])
    return Outcome(
        EXIT_VALID, text, {"report": str(path), "bytes": len(page), "runs": len(found), "not_shown": lacking}
    )


def _compared(runs: list[Path]) -> str:
    """The first held against the others, or why it cannot be; nothing for one."""
    if len(runs) < 2:
        return ""
    from accuracy.answers.log import LogError
    from accuracy.errors import TruthError
    from harness.comparison.asked import ComparisonRequest
    from harness.comparison.compare import compare
    from harness.comparison.report import render
    from harness.errors import HarnessError, message_of
    from tasks.base import DataMissing

    try:
        return render(compare(runs[0], runs[1:], ComparisonRequest({}, ())))
    except (HarnessError, DataMissing, LogError, TruthError) as error:
        return f"not compared: {message_of(error)}"
