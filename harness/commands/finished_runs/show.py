"""`show`: the result of a run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from accuracy.outside.border import reads
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.outcome import Outcome
from harness.errors import EXIT_BROKEN, ConfigError, message_of
from harness.json_records import to_json
from harness.report.figure_rows import told_of
from harness.report.run import render_run
from harness.report.series import render_series
from harness.results.files import read_result
from harness.results.record import Result, SeriesResult, status_of

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
        text = render_run(result, _outliers(directory, result) if result.performance else ())
    return Outcome(status_of(result), text, to_json(result))


def _outliers(directory: Path, result: Result) -> list[tuple[str, str]]:
    """What the slowest queries of a timed run coincide with, or why that is not known."""
    from harness.report.tail import tail_text, why_no_times
    from harness.results.queries.query_times import read_query_times
    from harness.results.queries.tail import tail_of

    try:
        times = read_query_times(directory)
        tail = tail_of(directory, times) if times is not None else None
    except ConfigError as error:
        return [("outliers", message_of(error))]
    if times is None:
        return [("outliers", f"n/a: {why_no_times(result)}")]
    return [("outliers", tail_text(tail))] if tail is not None else []
