"""`suite`: all benchmarks and scenarios of a suite in one go. Only its options: the rest is imported after `--help`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from harness.commands import options
from harness.commands.elsewhere.forwarded import refuse_without_effect
from harness.commands.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from harness.suite.plan import AskedSuite, SuitePlan

EXAMPLES = """\
examples:
  ./run.sh suite --plan                                        what mobile's newest round asks for, and how long it may take
  ./run.sh suite --out results/mine                            the same again goes on where it was interrupted
  ./run.sh suite --rules inference-v6.1 --tasks mobilenet_edgetpu,mobilebert
  ./run.sh suite --budget 45m --cooldown 0s                    as many runs of official length as 45 minutes allow
  ./run.sh suite --tasks kws.yaml --scenarios SingleStream,Offline --preset quick --mode performance

exit status: 0 every benchmark can be handed in (docs/submission.md), in other modes: every run is valid; 1 one cannot, and the
last line says why; 2 something for you to fix; 3 a run broke
"""

_MODES = ("submission", "performance", "accuracy")
_PRESETS = ("rules", "quick", "rapid")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which benchmarks, by which rules, and in how much time."""
    parser.add_argument(
        "--tasks", metavar="NAME,...", help="benchmarks, aliases or YAML files (default: all of the suite)"
    )
    parser.add_argument("--scenarios", metavar="NAME,...", help="in place of those that the rules ask for")
    parser.add_argument(
        "--rules",
        metavar="NAME",
        help="the rule set (default: mobile's newest; where --tasks are named, each one's own)",
    )
    parser.add_argument(
        "--mode", default=_MODES[0], choices=_MODES, metavar="NAME", help=f"{', '.join(_MODES)} (default {_MODES[0]})"
    )
    parser.add_argument(
        "--preset",
        default=_PRESETS[0],
        choices=_PRESETS,
        metavar="NAME",
        help="rules (default), quick or rapid: how long a run is at most",
    )
    parser.add_argument(
        "--budget",
        metavar="TIME",
        help="for all runs together, as 45m or 2h: those that do not fit are shorter than the rules say",
    )
    parser.add_argument(
        "--cooldown",
        metavar="TIME",
        help="how long the machine rests before each performance run but the first; 0s for not at all, which the result says "
        "(default: what the rules say)",
    )
    parser.add_argument(
        "--retry",
        action="store_true",
        help="run once more what is INVALID for what the calibration found; both are kept",
    )
    parser.add_argument("--backend", default="cpu", metavar="NAME[:OPTIONS]", help="as of run (default cpu)")
    parser.add_argument("--plan", action="store_true", help="show the plan and stop")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="the suite's directory; one that was interrupted goes on (default results/<time>-suite)",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="any field of the config, for all benchmarks"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Plans, shows the plan, runs."""
    from harness.json_records import to_json
    from harness.report.screen import Screen
    from harness.suite.perform import default_out, perform_suite
    from harness.suite.plan import plan_suite
    from harness.suite.report import plan_lines
    from harness.zoo.files.official import cache_dir

    if arguments.mode == "accuracy":
        taken = vars(arguments).keys() - {"cooldown", "retry"}
        refuse_without_effect(arguments, add_arguments, taken, "changes nothing in accuracy runs: leave it out")
    screen = Screen(quiet=arguments.json or arguments.quiet)
    plan = plan_suite(_asked(arguments), cache_dir())
    lines = plan_lines(plan)
    if arguments.plan:
        return Outcome(0, "\n".join(lines), _as_data(plan))
    for line in lines:
        screen.say(line)
    top, text, status = perform_suite(plan, _folder(arguments.out) or default_out(), screen)
    return Outcome(status, text, to_json(top))


def _asked(arguments: argparse.Namespace) -> AskedSuite:
    from harness.config.fields import parse_assignment
    from harness.suite.plan import AskedSuite

    return AskedSuite(
        tasks=_names("--tasks", arguments.tasks),
        scenarios=_names("--scenarios", arguments.scenarios),
        rules=arguments.rules,
        mode=arguments.mode,
        preset=arguments.preset,
        backend=arguments.backend,
        overrides=tuple(parse_assignment(text) for text in arguments.set),
        budget_s=None if arguments.budget is None else options.span("--budget", arguments.budget),
        rest_s=None if arguments.cooldown is None else options.span("--cooldown", arguments.cooldown),
        retry=arguments.retry,
    )


def _names(option: str, text: str | None) -> tuple[str, ...]:
    from harness.errors import ConfigError

    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ConfigError(f"{option} takes names with commas between them, not {text!r}")
    return names


def _folder(out: str | None) -> Path | None:
    from pathlib import Path

    return Path(out) if out else None


def _as_data(plan: SuitePlan) -> dict[str, object]:
    return {
        "expected_s": plan.expected_s,
        "budget_s": plan.budget_s,
        "runs": [
            {
                "directory": run.name,
                "rules": run.spec.load.rules,
                "preset": run.spec.load.preset,
                "model": run.spec.model.name,
                "expected_s": run.expected_s,
            }
            for run in plan.series.runs
        ],
        "left_out": [{"name": one.name, "why": one.why} for one in plan.left_out],
    }
