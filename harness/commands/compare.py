"""`compare`: results held against each other. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.commands.outcome import Outcome
from harness.errors import ConfigError, unknown

if TYPE_CHECKING:
    from harness.comparison.record import Subject

EXAMPLES = """\
examples:
  ./run.sh --task mobilebert --repeat 5 --out results/base        # and the same for results/new
  ./run.sh compare results/base results/new --allow-difference harness --max-regression p90=3%
  ./run.sh compare results/float results/int8 --allow-difference model --max-regression top1=0.5pt
  ./run.sh compare published/result.json results/new              # a published mobile result, or LoadGen's logs

exit status: 0 nothing is shown to have regressed; 1 regressed; 2 something for you to fix: they cannot be compared
(docs/compare.md)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which results, and what may differ."""
    parser.add_argument(
        "base", type=Path, help="what the others are held against: a run, a series, or a published result"
    )
    parser.add_argument("new", type=Path, nargs="+", help="runs or series (--repeat)")
    parser.add_argument(
        "--max-regression",
        action="append",
        default=[],
        metavar="FIGURE=LIMIT",
        help="how much worse a figure may be, as p90=3%%,top1=0.5pt: p50, p90, p99, throughput, memory, size, or a metric",
    )
    parser.add_argument(
        "--allow-difference",
        action="append",
        default=[],
        metavar="WHAT",
        help="what differs on purpose: model, data, rules or harness; several with commas",
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads, compares and tells."""
    from harness.comparison.asked import Asked
    from harness.comparison.compare import compare
    from harness.comparison.limits import parse_limits
    from harness.comparison.report import render, verdict_of
    from harness.json_records import to_json

    asked = Asked(parse_limits(arguments.max_regression), allowed_of(arguments.allow_difference))
    found = compare(arguments.base, arguments.new, asked)
    complaint = "; ".join(f"{pair.new}: {verdict_of(pair, found)}" for pair in found.pairs if pair.regressed)
    return Outcome(found.exit_status, render(found), to_json(found), complaint)


def allowed_of(texts: list[str]) -> tuple[Subject, ...]:
    """What `--allow-difference` names.

    Raises:
        ConfigError: Something that no difference is called.
    """
    from harness.comparison.record import SUBJECTS

    words = [word.strip() for text in texts for word in text.split(",")]
    for word in words:
        if word not in SUBJECTS:
            raise ConfigError(f"--allow-difference: {unknown('difference', word, SUBJECTS)}")
    return cast("tuple[Subject, ...]", tuple(dict.fromkeys(words)))
