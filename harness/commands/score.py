"""`score`: the accuracy of a run once more, or of predictions made without LoadGen."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from harness.cli import Outcome
from harness.errors import EXIT_INVALID, EXIT_VALID, ConfigError, UnknownName
from harness.report import metric

EXAMPLES = """\
examples:
  ./run.sh score results/DIR
  ./run.sh score --metric squad_f1 --predictions P.json --truth dev-v1.1.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A run's directory, or predictions with their truth."""
    parser.add_argument("directory", type=Path, nargs="?", help="the directory of an accuracy run")
    parser.add_argument("--metric", help=f"one of {', '.join(METRICS)}")
    parser.add_argument("--predictions", type=Path, help="what was answered, for --metric")
    parser.add_argument("--truth", type=Path, help="the ground truth, for --metric")


def main(arguments: argparse.Namespace) -> Outcome:
    """Scores what the options name."""
    if arguments.directory is not None:
        if arguments.metric:
            raise ConfigError("give a run's directory or --metric, not both")
        from harness.run import rescore

        found = rescore(arguments.directory)
        missed = any(value["passed"] is False for value in found.values())
        values = {name: value["value"] for name, value in found.items()}
        return Outcome(EXIT_INVALID if missed else EXIT_VALID, _text(values), values)
    if not (arguments.metric and arguments.predictions and arguments.truth):
        raise ConfigError("give a run's directory, or --metric with --predictions and --truth")
    if arguments.metric not in METRICS:
        raise UnknownName("metric", arguments.metric, METRICS)
    module = importlib.import_module(f"accuracy.{METRICS[arguments.metric]}")
    values = dict(module.score_files(arguments.predictions, arguments.truth))
    return Outcome(EXIT_VALID, _text(values), values)


def _text(values: dict[str, float]) -> str:
    width = max(len(name) for name in values)
    return "\n".join(f"{name:{width}}  {metric(name, value)}" for name, value in values.items())


METRICS = {
    "squad_f1": "squad_f1",
    "coco_ap": "coco_ap",
    "tflite_map": "tflite_map",
    "voc_map50": "voc_map",
    "miou": "mean_iou",
    "top1": "topk",
    "psnr_db": "psnr",
}
"""Name -> the module of accuracy/ whose `score_files` computes it."""
