"""`run`: one benchmark, or a series of runs of it. Only its options: what it does is imported after `--help` has answered."""

from __future__ import annotations

import argparse

from harness.cli import Outcome

EXAMPLES = """\
examples:
  ./run.sh --task mobilebert --scenario SingleStream
  ./run.sh --task mobilenet_edgetpu --mode accuracy --profile pillow --model M.tflite --dataset DIR
  ./run.sh --task mobilebert --scenario Server --preset quick --set load.target_qps=10
  ./run.sh --task mobilebert --mode submission --out results/mine
  ./run.sh --task mobilebert --scenario Server --mode find-peak --preset quick --set load.server_target_latency_ms=250
"""

FIELDS = {
    "scenario": ("load.scenario", "NAME", "SingleStream, MultiStream, Server or Offline (default SingleStream)"),
    "mode": (
        "load.mode",
        "NAME",
        "performance, accuracy, submission (both, in runs of their own) or find-peak: the highest load at which "
        "Server is VALID (default performance)",
    ),
    "preset": ("load.preset", "NAME", "rules, quick or rapid: how long (default rules)"),
    "round": ("load.round", "NAME", "the MLPerf round whose figures count (default: the newest that has the task)"),
    "dataset": (
        "dataset.use",
        "NAME|PATH",
        "a path, a data set of the config, official, builtin or auto (default auto)",
    ),
    "truth": ("dataset.truth", "PATH", "the ground truth (default: found in or beside the data set)"),
    "profile": (
        "dataset.profile",
        "NAME",
        "how pictures are prepared: mobile, tflite-eval, pillow or opencv (default mobile)",
    ),
    "threads": ("backend.threads", "N", "CPU threads of one instance, or auto (default)"),
    "instances": ("backend.instances", "N", "copies of the model in Server and Offline, or auto (default)"),
    "batch": ("backend.batch", "N", "samples of one invoke, or auto (default)"),
    "count": ("dataset.count", "N", "use the first N samples"),
    "max-sample-memory": (
        "load.max_sample_memory",
        "SIZE",
        "what the samples in memory at once may take, as 512MB (default half of the memory available)",
    ),
}
"""Option -> the config field it writes, what its value is, and help. The config checks the values."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the contract."""
    parser.add_argument(
        "--task", required=True, metavar="NAME|FILE", help="a benchmark of configs/, an alias (qa, ...), or a YAML file"
    )
    for name, (_, value, text) in FIELDS.items():
        parser.add_argument(f"--{name}", metavar=value, help=text)
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME|PATH",
        help="a path, a model of the config, official, standin or auto; repeat for a sweep",
    )
    parser.add_argument(
        "--backend",
        action="append",
        metavar="NAME[:OPTIONS]",
        help="cpu (default), gpu, nnapi, edgetpu, npu, null (no model: the harness alone), external:PATH[,key=value...] or "
        "a plug-in's name; :key=value,... for its options; repeat for a sweep; doctor says what works here",
    )
    parser.add_argument(
        "--require-full",
        nargs="?",
        const="1.0",
        metavar="FRACTION",
        help="at least this share of the ops in the delegate, else the run is refused with exit status 2 (as a flag: all)",
    )
    parser.add_argument(
        "--allow-mismatch", action="store_true", help="time a backend that disagrees with the CPU, and say so"
    )
    parser.add_argument("--repeat", default="1", metavar="N", help="N runs, the median and the spread (default 1)")
    parser.add_argument(
        "--out", metavar="DIR", help="the run's directory (default results/<time>-<task>-<backend>-<scenario>)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="any field of the config, as load.target_qps=10",
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Runs what the options say."""
    from harness.running import run

    return run(arguments)
