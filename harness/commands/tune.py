"""`tune`: the quickest configuration of a task on this machine. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from harness.commands import options
from harness.commands.input_options import add_input_range, add_input_shape
from harness.commands.outcome import Outcome
from harness.config.backend import parse_backend
from harness.config.files import find_benchmark, is_named, read_config
from harness.errors import EXIT_VALID, ConfigError
from harness.report.screen import Screen
from harness.units import DAY_S
from harness.user_paths import absolute
from harness.zoo.files.official import cache_dir

EXAMPLES = """\
examples:
  ./run.sh tune --task mobilebert
  ./run.sh tune --task mobilenet_edgetpu --scenario Offline --budget 120 --out here.yaml
  ./run.sh tune --model any.tflite --scenario Offline               # any model, on random inputs
  ./run.sh --task here.yaml

exit status: 0 the best is written; 2 something for you to fix, also a budget too short for two candidates; 3 the default broke
"""


FIELDS = {
    "scenario": options.FIELDS["scenario"],
    "model": options.ConfigOption(
        "model.use",
        "NAME|PATH",
        "a path, a model of the config or of a collection, official, standin or auto (default auto)",
    ),
    "dataset": options.FIELDS["dataset"],
    "signature": options.FIELDS["signature"],
    "state": options.FIELDS["state"],
}
"""Options that write a field of the config, by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to tune, for how long, and where the answer goes."""
    options.add_task(parser)
    for name, option in FIELDS.items():
        option.add_to(parser, name)
    add_input_shape(parser)
    add_input_range(parser)
    parser.add_argument(
        "--backend", metavar="NAME[:OPTIONS]", help="cpu (default), gpu, ... as of run: tune searches among its options"
    )
    parser.add_argument(
        "--budget", default="60", metavar="TIME", help="how long to search at most, as 90s or 5m (default 60s)"
    )
    parser.add_argument(
        "--allow-fp16", action="store_true", help="try half precision too: it must agree with the CPU all the same"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="the config to write (default results/<time>-<task>-<scenario>.yaml)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="any field of the config, kept in the answer"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Searches and writes."""
    return tune(arguments)


_PATHS = frozenset({"model.use", "dataset.use", "dataset.truth", "backend.options.library"})


def tune(arguments: argparse.Namespace) -> Outcome:
    """Runs what the options say.

    Raises:
        ConfigError: A mistake in them, or a file that is there already.
    """
    from harness.tuning.report import check_writable, render, result, write_config
    from harness.tuning.session import TuningSearch

    config = find_benchmark(options.task_of(arguments))
    budget_s = _budget(arguments.budget)
    overrides = _overrides(arguments)
    screen = Screen(quiet=arguments.json or arguments.quiet)
    session = TuningSearch(
        read_config(config), overrides, cache_dir(), budget_s=budget_s, fp16=arguments.allow_fp16, say=screen.say
    )
    file = Path(arguments.out) if arguments.out else _default_file(config.stem, session.spec.load.scenario)
    if file.exists() or file.is_symlink():
        raise ConfigError(f"{file} exists: tune never writes over a file; name another with --out")
    check_writable(file)
    found = session.search()
    # A benchmark of ours goes by its name, which holds wherever it is installed.
    base = config.stem if is_named(config) else str(config.resolve())
    write_config(found, base, overrides, file)
    return Outcome(EXIT_VALID, render(found, file), result(found, file))


def _overrides(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    found = options.overrides_of(arguments, FIELDS)
    if arguments.backend is not None:
        found += parse_backend(arguments.backend)
    # The file may lie anywhere, so what is a path here must be one there.
    return [(field, _absolute(value) if field in _PATHS else value) for field, value in found]


def _absolute(value: Any) -> Any:
    is_path = isinstance(value, str) and ("/" in value or Path(value).exists())
    return str(absolute(value)) if is_path else value


def _budget(text: str) -> float:
    budget_s = options.span("--budget", text)
    if not 0 < budget_s <= DAY_S:
        raise ConfigError(f"--budget is more than 0 and at most a day, as --budget 2m, not {text!r}")
    return budget_s


def _default_file(task: str, scenario: str) -> Path:
    return Path("results") / f"{time.strftime('%Y%m%d-%H%M%S')}-{task}-{scenario}.yaml"
