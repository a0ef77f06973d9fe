"""`budget`: models held against limits of latency, memory, difference, size, accuracy and power that a file states."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.commands.any_model import subject as of_subject
from harness.commands.outcome import Outcome
from harness.errors import EXIT_INVALID, EXIT_USER, EXIT_VALID, ConfigError

EXAMPLES = """\
examples:
  ./run.sh budget chromeos                                       configs/budgets/chromeos.yaml
  ./run.sh budget chromeos --models /models --backend gpu        the models of a folder, on another backend
  ./run.sh budget budget.yaml --junit budget.xml                 for CI: exit status 1 on a miss
  ./run.sh budget budget.yaml --only detector --min_secs 5 --json

exit status: 0 all rows hold; 1 a limit is missed, or a row could not be measured (--allow-unmeasured, or optional: true in the
file); 2 a mistake, or nothing could be measured; 3 it broke (docs/budget.md)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which budget, which models, and where the verdict goes."""
    parser.add_argument("file", help="a budget file, or the name of one that ships with the harness (chromeos)")
    parser.add_argument("--models", metavar="DIR", help="where the models are looked for first, by name (MODEL.tflite)")
    parser.add_argument("--only", action="append", default=[], metavar="ROW", help="this row alone; repeat for several")
    parser.add_argument(
        "--allow-unmeasured", action="store_true", help="a row that could not be measured does not count as missed"
    )
    parser.add_argument("--junit", metavar="FILE", help="the verdicts as JUnit XML")
    parser.add_argument("--backend", metavar="NAME[:OPTIONS]", help="of every row that does not name its own")
    parser.add_argument("--threads", metavar="N", help="of every row that does not name its own")
    for name, what in (
        ("num_runs", "runs of every row at least"),
        ("min_secs", "seconds of every row's runs at least"),
        ("max_secs", "seconds after which no run begins"),
        ("run_delay", "seconds to sleep after each run"),
    ):
        parser.add_argument(f"--{name}", metavar="N", help=f"{what}, whatever the file says: for a first look")


def main(arguments: argparse.Namespace) -> Outcome:
    """Measures row by row."""
    from harness.budgets.file import find_budget, only, read_budget
    from harness.budgets.judge import judge
    from harness.budgets.models import ModelFolder
    from harness.budgets.report import junit_cases, render
    from harness.json_records import to_json
    from harness.report.for_programs.junit import junit_xml
    from harness.report.screen import Screen
    from harness.whole_file import replacing
    from harness.zoo.files.official import cache_dir

    file = of_subject.output_file("--junit", arguments.junit)
    budget = only(read_budget(find_budget(arguments.file), _defaults(arguments), _changes(arguments)), arguments.only)
    folder = ModelFolder(Path(arguments.models) if arguments.models else None)
    screen = Screen(quiet=arguments.json or arguments.quiet)
    result = judge(budget, folder, cache_dir(), allow_unmeasured=arguments.allow_unmeasured, say=screen.say)
    if file is not None:
        with replacing(file) as opened:
            opened.write(junit_xml(result.title, junit_cases(result)))
    status, complaint = EXIT_VALID, ""
    if not result.measured:
        status, complaint = EXIT_USER, "nothing of this budget could be measured here"
    elif result.missed:
        status = EXIT_INVALID
        complaint = f"the budget is missed: {', '.join(row.name for row in result.rows if row.missed)}"
    return Outcome(status, render(result), to_json(result), complaint)


def _defaults(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fields of every row that does not have them itself."""
    found: dict[str, Any] = {"backend": arguments.backend} if arguments.backend is not None else {}
    if arguments.threads is not None:
        found["threads"] = of_subject.whole_number("--threads", arguments.threads, of_subject.MOST_THREADS)
    return found


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fields of every row."""
    found: dict[str, Any] = {}
    if arguments.num_runs is not None:
        found["num_runs"] = of_subject.whole_number("--num_runs", arguments.num_runs)
    for name in ("min_secs", "max_secs", "run_delay"):
        if (text := getattr(arguments, name)) is not None:
            found[name] = _seconds(f"--{name}", text)
    return found


def _seconds(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigError(f"{option} is a number of seconds, not {text!r}")
    return value
