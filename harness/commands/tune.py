"""`tune`: the quickest configuration of a task on this machine. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse

from harness.cli import Outcome
from harness.commands import run

EXAMPLES = """\
examples:
  ./run.sh tune --task mobilebert
  ./run.sh tune --task mobilenet_edgetpu --scenario Offline --budget 120 --out here.yaml
  ./run.sh --task here.yaml

exit status: 0 the best is written; 2 something for you to fix, also a budget too short for two candidates; 3 the default broke
"""

FIELDS = {
    "scenario": run.FIELDS["scenario"],
    "model": ("model.use", "NAME|PATH", "a path, a model of the config, official, standin or auto (default auto)"),
    "dataset": run.FIELDS["dataset"],
}
"""Option -> the config field it writes, what its value is, and help."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to tune, for how long, and where the answer goes."""
    parser.add_argument(
        "--task", required=True, metavar="NAME|FILE", help="a benchmark of configs/, an alias (qa, ...), or a YAML file"
    )
    for name, (_, value, text) in FIELDS.items():
        parser.add_argument(f"--{name}", metavar=value, help=text)
    parser.add_argument(
        "--backend", metavar="NAME[:OPTIONS]", help="cpu (default), gpu, ... as of run: tune searches among its options"
    )
    parser.add_argument("--budget", default="60", metavar="SECONDS", help="how long to search at most (default 60)")
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
    from harness.tuning.command import tune

    return tune(arguments)
