"""`compare-models`: models of one task side by side. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from harness.commands import options
from harness.commands.any_model import benchmark_model_flags as flags
from harness.commands.any_model.subject import whole_number
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.input_options import add_input_range, add_input_shape
from harness.commands.outcome import Outcome
from harness.errors import ConfigError

EXAMPLES = """\
examples:
  ./run.sh compare-models mobilenet_edgetpu_int8 mobilenet_edgetpu_float32 --task mobilenet_edgetpu
  ./run.sh compare-models a.tflite b.tflite --task classification --dataset DIR --count 500
  ./run.sh compare-models a.tflite b.tflite --task kws --dataset DIR --backend cpu --backend gpu --json
  ./run.sh compare-models int8.tflite f16.tflite --task tensors --reference-model float.tflite

exit status: 0 all were scored and timed, however they did; 2 something for you to fix, or a model is refused; 3 one broke
"""


FIELDS = {
    name: options.FIELDS[name]
    for name in (
        "dataset",
        "truth",
        "reference-model",
        "reference-backend",
        "profile",
        "signature",
        "state",
        "threads",
        "count",
        "allow-mismatch",
    )
}
"""Options that write a field of the config, by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The models, the task, behind what."""
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="paths, or models of the config; the first is what others are held against",
    )
    parser.add_argument(
        "--task", required=True, metavar="NAME|FILE", help="a benchmark of configs/, an alias (qa, ...), or a YAML file"
    )
    for name, option in FIELDS.items():
        option.add_to(parser, name)
    add_input_shape(parser)
    add_input_range(parser)
    parser.add_argument(
        "--backend",
        action="append",
        metavar="NAME[:OPTIONS]",
        help="cpu (default), gpu, ... as of run; repeat for several",
    )
    for flag in flags.PACE:
        parser.add_argument(f"--{flag.name}", metavar=flag.value, help=f"of the timing: {flag.help}")
    parser.add_argument(
        "--openings",
        metavar="N",
        help="how often each model is opened, for what loading and memory take (default 6, the fewest that give an interval)",
    )
    parser.add_argument("--out", metavar="DIR", help="for the runs (default results/<time>-<task>-compare-models)")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any field of the config")
    add_format(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Scores, times and tells."""
    if len(arguments.models) < 2:
        raise ConfigError(
            "compare-models takes two models or more; one alone: ./run.sh bench MODEL, or run --mode accuracy"
        )
    from harness.bench.session import Settings
    from harness.commands.options import overrides_of
    from harness.config.files import find_benchmark, kind_overrides
    from harness.json_records import to_json
    from harness.report.screen import Screen
    from harness.series.plan import plan_series
    from harness.side_by_side.compare import compare_models
    from harness.side_by_side.report import render_comparison
    from harness.side_by_side.told import told_of_models
    from harness.statistics.rounds import FEWEST_REPEATS
    from harness.zoo.files.official import cache_dir

    formats = asked_formats(arguments)
    config = find_benchmark(arguments.task)
    settings = Settings(**flags.pace_of(arguments))
    openings = whole_number("--openings", arguments.openings, most=100) or FEWEST_REPEATS
    series = plan_series(
        config,
        [*kind_overrides(arguments.task), *overrides_of(arguments, FIELDS), ("load.mode", "accuracy")],
        models=arguments.models,
        backends=arguments.backend or [],
        repeat=1,
        cache_dir=cache_dir(),
    )
    stamp = time.strftime("%Y%m%d-%H%M%S")
    out = Path(arguments.out) if arguments.out else Path("results") / f"{stamp}-{config.stem}-compare-models"
    found = compare_models(series, settings, out, Screen(quiet=arguments.json or arguments.quiet), openings)
    why = [f"{name}: {text}" for each in found.backends for name, text in each.failures.items()]
    why += [f"{row.name}: {row.refusal.why}" for each in found.backends for row in each.bench.rows if row.refusal]
    outcome = Outcome(found.exit_status, render_comparison(found), to_json(found), "; ".join(dict.fromkeys(why)))
    return formatted(formats, outcome, lambda: told_of_models(found))
