"""`fleet`: one benchmark on a rack of devices. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import run
from harness.commands.elsewhere.forwarded import given_words
from harness.commands.outcome import Outcome
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.series.plan import Series

EXAMPLES = """\
examples:
  ./run.sh fleet devices.yaml --task kws --preset quick
  ./run.sh fleet devices.yaml --task mobilenet_edgetpu --mode submission --out results/rack    the same again goes on
  ./run.sh fleet devices.yaml --task mobilebert --json

devices.yaml:
  devices:
    here: local
    pi: ssh://pi@board
    phone: {target: "adb:R58M123ABC", tool: ./benchmark_model, taskset: f0}

exit status: the worst of the devices' (docs/targets.md)
"""
_NOT_FORWARDED = ("target", "attach", "clean", "format", "history", "out", "backend", "help")
_NOT_HERE = ("target", "attach", "clean", "format", "history")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and the options of run."""
    parser.add_argument("file", metavar="devices.yaml", help="names the devices (docs/targets.md)")
    run.add_arguments(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Plans, runs, sums up."""
    from harness.fleet.file import read_fleet
    from harness.fleet.perform import perform_fleet
    from harness.fleet.plan import plan_fleet
    from harness.fleet.record import FLEET_FILE
    from harness.fleet.report import render_fleet
    from harness.fleet.summary import summed_up
    from harness.json_records import to_json
    from harness.report.screen import Screen
    from harness.whole_file import write_json

    for name in _NOT_HERE:
        # --attach alone is an empty text.
        if getattr(arguments, name) not in (None, False, []):
            raise ConfigError(f"--{name} is of one run: fleet takes its devices from {arguments.file}, and has --json")
    file = Path(arguments.file)
    fleet = read_fleet(file)
    out = Path(arguments.out) if arguments.out else Path("results") / f"{time.strftime('%Y%m%d-%H%M%S')}-fleet"
    words = given_words(arguments, run.add_arguments, _NOT_FORWARDED)
    devices = plan_fleet(fleet, file, words, arguments.backend or [], _series(arguments), out)
    outcomes = perform_fleet(devices, out, Screen(quiet=arguments.json or arguments.quiet))
    result = summed_up(devices, outcomes, out)
    write_json(out / FLEET_FILE, to_json(result))
    failed = "; ".join(f"{row.device}: {row.why}" for row in result.rows if row.status == "failed")
    return Outcome(result.exit_status, f"{render_fleet(result)}\n{out}", to_json(result), failed)


def _series(arguments: argparse.Namespace) -> Series:
    """What the options come to on this machine: most mistakes show here, before any device begins."""
    from harness.commands.options import overrides_of, repeats, task_of
    from harness.config.files import find_benchmark, kind_overrides
    from harness.config.official.compliance_tests import named_tests
    from harness.series.plan import plan_series
    from harness.zoo.files.official import cache_dir

    task = task_of(arguments)
    return plan_series(
        find_benchmark(task),
        [*kind_overrides(task), *overrides_of(arguments)],
        models=arguments.model or [],
        backends=arguments.backend or [],
        repeat=repeats(arguments.repeat),
        cache_dir=cache_dir(),
        require=arguments.require,
        retry=arguments.retry,
        compliance=named_tests(arguments.compliance),
    )
