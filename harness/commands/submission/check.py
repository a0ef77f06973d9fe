"""`check`: a tree of results against MLPerf's rules, before a reviewer does it."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.outcome import Outcome

EXAMPLES = """\
examples:
  ./run.sh check submission
  ./run.sh check inference_results_v6.1 --suite inference --rules v6.1
  ./run.sh check submission --json | jq '.findings[] | select(.severity == "error")'

It looks at everything that the official checkers test, and at what they let pass, in trees of any submitter, and goes on to the
end whatever is missing or broken. Suite and round are found out where nobody names them (docs/submission.md).

exit status: 0 no error; 1 errors were found; 2 it could not be judged: no tree, or no such rules
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tree, and what it is held against."""
    parser.add_argument("tree", type=Path, help="the folder that holds closed/ or open/")
    parser.add_argument("--suite", metavar="NAME", help="inference, mobile or tiny (default: by the folders' names)")
    parser.add_argument(
        "--rules",
        metavar="ROUND",
        help="the round, as v6.1 or inference-v6.1 (default: the round whose seeds the logs have)",
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Holds the tree against the rules."""
    from harness.errors import EXIT_INVALID, EXIT_VALID
    from harness.json_records import to_json
    from harness.submission.check.tree import check_tree
    from harness.submission.shown import render_report

    report = check_tree(arguments.tree, arguments.suite, arguments.rules)
    return Outcome(EXIT_INVALID if report.errors else EXIT_VALID, render_report(report), to_json(report))
