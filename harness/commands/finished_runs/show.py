"""`show`: the result of a run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from accuracy.outside.border import reads
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.outcome import Outcome
from harness.errors import EXIT_BROKEN, ConfigError
from harness.json_records import to_json
from harness.report.figure_rows import told_of
from harness.report.run import render_run
from harness.report.series import render_series
from harness.results.files import read_result
from harness.results.record import SeriesResult, status_of

EXAMPLES = """\
examples:
  ./run.sh show results/DIR
  ./run.sh show results/DIR --json
  ./run.sh show results/DIR --format junit=run.xml --format markdown

exit status: the run's own (0 valid, 1 invalid or a target is missed); 3 for a run that failed or did not come to its end
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's directory."""
    parser.add_argument("directory", type=Path, help="a run's directory, or that of a series")
    add_format(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads result.json and shows it as the run did."""
    formats = asked_formats(arguments)
    outcome = _shown(arguments.directory)
    return formatted(formats, outcome, lambda: told_of(read_result(arguments.directory)))


@reads(ConfigError)
def _shown(directory: Path) -> Outcome:
    """Figures that no run has (a count of 0, a negative time) may come from somebody's hand."""
    result = read_result(directory)
    text = render_series(result) if isinstance(result, SeriesResult) else ""
    # A sweep goes on after a run that failed: its table says so, and its exit status.
    went_on = isinstance(result, SeriesResult) and result.exit_status
    if result.status in ("failed", "started") and not went_on:
        why = "; ".join(reason.what for reason in result.reasons) or "it did not come to its end"
        complaint = f"the run in {directory} is {result.status}: {why}"
        return Outcome(EXIT_BROKEN, text, to_json(result), complaint)
    if not isinstance(result, SeriesResult):
        # It reads times with NumPy, which `--help` is not to wait for.
        from harness.report.tail import outliers_of

        outliers = outliers_of(directory, result)
        data = to_json(result) | ({"tail": outliers.json()} if outliers else {})
        return Outcome(status_of(result), render_run(result, [outliers.row()] if outliers else ()), data)
    return Outcome(status_of(result), text, to_json(result))
