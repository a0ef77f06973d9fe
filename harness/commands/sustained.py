"""`sustained`: a long run minute by minute. Only its options: what it does is imported after `--help` has answered."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands import run
from harness.commands.elsewhere.forwarded import refuse_without_effect
from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError

EXAMPLES = """\
examples:
  ./run.sh sustained --minutes 30 --task mobilenet_edgetpu
  ./run.sh sustained --minutes 10 --model any.tflite --backend gpu --out results/warm
  ./run.sh sustained --of results/warm                                  the minutes of a finished run again

exit status: the run's own; 0 with --of (docs/history.md)
"""
_MOST_MINUTES = 24 * 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, and the options of run."""
    parser.add_argument("--minutes", metavar="N", help="how long LoadGen asks at least; two or more can be compared")
    parser.add_argument("--of", metavar="RUN", type=Path, help="a finished run, instead of a new one")
    run.add_arguments(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Runs, unless the run is there, and shows its minutes."""
    if (arguments.of is None) == (arguments.minutes is None):
        raise ConfigError("say how long with --minutes N, or which finished run with --of RUN")
    if arguments.of is not None:
        refuse_without_effect(
            arguments, add_arguments, ("of",), "changes nothing beside --of, whose run is over: leave it out"
        )
        text, data = _minutes_of(arguments.of)
        return Outcome(EXIT_VALID, text, data)
    _prepare(arguments)
    done = run.performed(arguments)
    text, data = _minutes_of(done.directory)
    return Outcome(done.status, f"{done.text}\n\n{text}", data, done.complaint)


def _prepare(arguments: argparse.Namespace) -> None:
    """Makes the options those of one long run whose queries are timed."""
    text = arguments.minutes
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:9]) <= _MOST_MINUTES:
        raise ConfigError(f"--minutes is a whole number from 1 to {_MOST_MINUTES:,}, not {text!r}")
    if arguments.mode not in (None, "performance"):
        raise ConfigError(f"--mode {arguments.mode} is not timed minute by minute: leave it out")
    if arguments.scenario == "Offline":
        raise ConfigError("Offline is one query, whose samples are not timed one by one: name another --scenario")
    if len(arguments.model or []) > 1 or len(arguments.backend or []) > 1 or arguments.repeat != "1":
        raise ConfigError("one model, one backend and one run at a time: the second would begin on a warm machine")
    if any(given.partition("=")[0].strip() == "load.min_duration_ms" for given in arguments.set):
        raise ConfigError("--minutes and --set load.min_duration_ms say the same: leave the latter out")
    arguments.set = [*arguments.set, f"load.min_duration_ms={int(text) * 60_000}"]


def _minutes_of(folder: Path) -> tuple[str, dict[str, object]]:
    from harness.json_records import to_json
    from harness.report.sustained import render_sustained, sustained
    from harness.results.files import read_result
    from harness.results.queries.query_times import read_query_times
    from harness.results.record import Result

    result = read_result(folder)
    if not isinstance(result, Result):
        raise ConfigError(f"{folder} is a series: name one of its runs")
    times = read_query_times(folder)
    if times is None:
        raise ConfigError(
            f"{folder} has no times of its queries: an accuracy run, Offline, --no-query-times, or of an earlier version"
        )
    found = sustained(times)
    return render_sustained(found, result.machine), to_json(found)
