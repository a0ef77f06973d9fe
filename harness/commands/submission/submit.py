"""`submit`: the tree of a round, written out of finished runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from accuracy.outside.shown import printable
from harness.commands.outcome import Outcome

EXAMPLES = """\
examples:
  ./run.sh submit results/DIR --suite inference --rules v6.1 --division open --submitter Acme --infer
  ./run.sh submit results/A results/B --suite mobile --rules v6.0 --division open --submitter Acme --rehearsal --out trees
  ./run.sh submit results/DIR --suite inference --rules v6.1 --division open --submitter Acme --field cooling=passive
  ./run.sh check submission

RUN is the directory of a run or of a series. What is told of a system (--field) is kept, and asked for on a terminal where it
lacks. Runs that are no submission are refused, with every reason, unless --rehearsal is given (docs/submission.md).

exit status: 0 written; 2 something for you to fix, also runs that are no submission; 3 the disk is full
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The runs, for whom, and what else is told."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the directory of a run or of a series")
    parser.add_argument("--suite", required=True, metavar="NAME", help="inference, mobile or tiny")
    parser.add_argument("--rules", required=True, metavar="ROUND", help="the round, as v6.1 or inference-v6.1")
    parser.add_argument("--division", required=True, metavar="NAME", help="open or closed")
    parser.add_argument("--submitter", required=True, metavar="ORG", help="the organisation, as its folder is named")
    parser.add_argument("--system", metavar="FOLDER", help="the system's name (default: processor and backend)")
    parser.add_argument(
        "--out", type=Path, default=Path("submission"), metavar="DIR", help="the tree (default submission)"
    )
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="a field of the system's description; repeat; kept",
    )
    parser.add_argument(
        "--model-field", action="append", default=[], metavar="NAME=TEXT", help="a field of measurements.json; repeat"
    )
    parser.add_argument(
        "--infer",
        action="store_true",
        help="inference: MultiStream and Offline out of SingleStream, as the policy allows",
    )
    parser.add_argument(
        "--rehearsal", action="store_true", help="write the tree of runs that are no submission, with REHEARSAL.md"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Writes the tree."""
    from harness.errors import EXIT_VALID
    from harness.json_records import to_json
    from harness.submission.forms.submit import TreeRequest, submit
    from harness.zoo.files.official import cache_dir

    asked = TreeRequest(
        suite=arguments.suite,
        rules=arguments.rules,
        division=arguments.division,
        submitter=arguments.submitter,
        system=arguments.system,
        fields=_pairs("--field", arguments.field),
        model_fields=_pairs("--model-field", arguments.model_field),
        infer=arguments.infer,
        rehearsal=arguments.rehearsal,
        kept=cache_dir() / "systems",
        ask=None if arguments.json or not (sys.stdin.isatty() and sys.stderr.isatty()) else _ask,
    )
    done = submit(arguments.runs, arguments.out, asked)
    lines = [f"{name}: {score}" for name, score in done.results.items()]
    lines += [f"rehearsal: {reason}" for reason in done.rehearsal] + [f"note: {note}" for note in done.notes]
    files = f"{done.written:,} files written, {done.there_already:,} were there already"
    text = "\n".join([*lines, "", done.good_for, f"{done.tree}: {done.rules}, {done.division}, {files}"])
    return Outcome(EXIT_VALID, text, to_json(done))


def _ask(name: str, what: str) -> str:
    """One line of the terminal's; on standard error, since standard output is for the answer."""
    sys.stderr.write(printable(f"{name} ({what}): "))
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    from harness.errors import ConfigError

    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value.strip()):
            raise ConfigError(f"{option} {text}: write it as NAME=TEXT, for example {option} cooling=air")
        found[name] = value
    return found
