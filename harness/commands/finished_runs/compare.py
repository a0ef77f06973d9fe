"""`compare`: results held against each other. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.commands.any_model import subject as of_subject
from harness.commands.elsewhere.forwarded import refuse_without_effect
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.options import span
from harness.commands.outcome import Outcome
from harness.errors import ConfigError, unknown

if TYPE_CHECKING:
    from harness.comparison.live import LiveFigure, Match
    from harness.comparison.record import Subject

EXAMPLES = """\
examples:
  ./run.sh --task mobilebert --repeat 5 --out results/base        # and the same for results/new
  ./run.sh compare results/base results/new --allow-difference harness --max-regression p90=3%
  ./run.sh compare results/float results/int8 --allow-difference model --max-regression top1=0.5pt
  ./run.sh compare published/result.json results/new              # a published mobile result, or LoadGen's logs
  ./run.sh compare --live a.tflite b.tflite --max-regression p90=2%                 # measured now, in turns
  ./run.sh compare --live m.tflite m.tflite@cpu:xnnpack=false --max-regression p50=2% --budget 1m
  ./run.sh compare --live v1.2 ../my-checkout --task kws --max-regression p50=2%    # two checkouts of this harness

exit status: 0 nothing is shown to have regressed; 1 regressed; 2 something for you to fix: they cannot be compared
(docs/compare.md)
"""

_BUDGET = "3m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which results, and what may differ."""
    parser.add_argument("base", help="what the others are held against: a run, a series, or a published result")
    parser.add_argument("new", nargs="+", help="runs or series (--repeat); with --live a model, and so is the base")
    parser.add_argument(
        "--live",
        action="store_true",
        help="measure two models, each MODEL or MODEL@BACKEND[:OPTIONS], in turns now until it is clear, or the budget ends; "
        "with --task two checkouts of this harness, each a folder or a commit",
    )
    parser.add_argument("--budget", metavar="TIME", help=f"with --live: how long at most (default {_BUDGET})")
    parser.add_argument("--threads", metavar="N", help="with --live: CPU threads of each")
    parser.add_argument("--task", metavar="NAME|FILE", help="with --live: what two checkouts of this harness run")
    parser.add_argument("--model", metavar="NAME|PATH", help="with --task: the model that they run")
    parser.add_argument(
        "--max-regression",
        action="append",
        default=[],
        metavar="FIGURE=LIMIT",
        help="how much worse a figure may be, as p90=3%%,top1=0.5pt: p50, p90, p99, throughput, memory, size, or a metric",
    )
    of_subject.add_invocation(parser)
    add_format(parser)
    parser.add_argument(
        "--allow-difference",
        action="append",
        default=[],
        metavar="WHAT",
        help="what differs on purpose: model, data, rules or harness; several with commas",
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads, compares and tells."""
    from harness.comparison.asked import ComparisonRequest
    from harness.comparison.compare import compare
    from harness.comparison.limits import parse_limits
    from harness.comparison.report import render, verdict_of
    from harness.comparison.told import told_of_comparison
    from harness.json_records import to_json

    limits, allowed = parse_limits(arguments.max_regression), allowed_of(arguments.allow_difference)
    formats = asked_formats(arguments)
    if arguments.live:
        return _live(arguments, limits)
    why = "is of what is measured now: it needs --live"
    refuse_without_effect(arguments, add_arguments, ("max_regression", "allow_difference", "format"), why)
    found = compare(Path(arguments.base), [Path(new) for new in arguments.new], ComparisonRequest(limits, allowed))
    complaint = "; ".join(f"{pair.new}: {verdict_of(pair, found)}" for pair in found.pairs if pair.regressed)
    outcome = Outcome(found.exit_status, render(found), to_json(found), complaint)
    return formatted(formats, outcome, lambda: told_of_comparison(found))


def _live(arguments: argparse.Namespace, limits: Mapping[str, float]) -> Outcome:
    from harness.comparison.live import BENCH, FIGURES, LOADGEN, compare_live, render_live
    from harness.comparison.told import told_of_live
    from harness.json_records import to_json
    from harness.report.screen import Screen

    formats = asked_formats(arguments)
    figure = next((each for each in FIGURES if set(limits) == {each}), None)
    if figure is None or len(arguments.new) != 1 or arguments.allow_difference:
        raise ConfigError(
            "compare --live takes two models and one limit, of p50, p90 or p99: compare --live A B --max-regression p90=2%"
        )
    budget_s = span("--budget", arguments.budget or _BUDGET)
    screen = Screen(quiet=arguments.json or arguments.quiet)
    of_checkouts = arguments.task is not None
    names, standins, match = (_checkouts if of_checkouts else _models)(arguments, figure, screen.say)
    measured_by = LOADGEN if of_checkouts else BENCH
    found = compare_live(*names, match, figure, limits[figure], budget_s, screen.say, measured_by, standins)
    complaint = f"{names[1]} has regressed: {figure} {found.change:+.1%}" if found.exit_status else ""
    outcome = Outcome(found.exit_status, render_live(found), to_json(found), complaint)
    return formatted(formats, outcome, lambda: told_of_live(found))


def _models(
    arguments: argparse.Namespace, figure: LiveFigure, _say: Callable[[str], None]
) -> tuple[tuple[str, str], tuple[str, ...], Match]:
    from harness.bench.session import BenchCase
    from harness.comparison.live import match_of

    if arguments.model is not None:
        raise ConfigError("--model is what two checkouts run, with --task: without it the two words are models")
    threads = of_subject.whole_number("--threads", arguments.threads, of_subject.MOST_THREADS)
    names = arguments.base, arguments.new[0]
    cases = []
    for name in names:
        model, _, backend = name.partition("@")
        subject = of_subject.subject(model, arguments, backend or None, threads)
        cases.append(BenchCase(subject, backend or "cpu"))
    standins = tuple(name for name, case in zip(names, cases, strict=True) if case.subject.source == "standin")
    return names, tuple(dict.fromkeys(standins)), match_of(cases[0], cases[1], figure)


def _checkouts(
    arguments: argparse.Namespace, figure: LiveFigure, say: Callable[[str], None]
) -> tuple[tuple[str, str], tuple[str, ...], Match]:
    from harness.comparison.checkouts import checkout_of, match_of_checkouts
    from harness.zoo.files.official import cache_dir

    if arguments.signature or arguments.state or arguments.input_shape:
        raise ConfigError("of what two checkouts run --task, --model, --threads and --set are passed on, nothing else")
    threads = of_subject.whole_number("--threads", arguments.threads, of_subject.MOST_THREADS) or 1
    words = ["--task", arguments.task, "--threads", str(threads)]
    words += ["--model", arguments.model] if arguments.model is not None else []
    words += [word for text in arguments.set for word in ("--set", text)]
    cache = cache_dir()
    base, new = (checkout_of(text, cache, say) for text in (arguments.base, arguments.new[0]))
    return (base.name, new.name), (), match_of_checkouts(base, new, words, figure)


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
