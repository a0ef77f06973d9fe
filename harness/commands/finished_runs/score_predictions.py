"""`score --metric`: predictions made without LoadGen, scored by the metric alone."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from harness.commands.outcome import Outcome
from harness.errors import EXIT_INVALID, EXIT_VALID, ConfigError, UnknownName
from harness.report.accuracy import accuracy_text, exact_metric
from harness.report.requirements import missed_names, requirement_rows

METRICS = {
    "auc": "auc",
    "squad_f1": "squad_f1",
    "coco_ap": "coco_ap",
    "tflite_map": "tflite_map",
    "voc_map50": "voc_map",
    "miou": "mean_iou",
    "top1": "topk",
    "psnr_db": "psnr",
}
"""Name -> the module of accuracy/ whose `score_files` computes it."""


def score_predictions(arguments: argparse.Namespace) -> Outcome:
    """What the verb says of predictions, by `--metric`."""
    if arguments.metric not in METRICS:
        raise UnknownName("metric", arguments.metric, METRICS)
    if not (arguments.predictions and arguments.truth):
        raise ConfigError(f"--metric {arguments.metric} needs --predictions and --truth")
    from harness.results.verdict.gate import check_scored, judge_metrics, requirements

    module = importlib.import_module(f"accuracy.{METRICS[arguments.metric]}")
    scored = module.score_files(arguments.predictions, Path(arguments.truth))
    notes = list(getattr(scored, "notes", ()))
    asked = requirements(arguments.require, list(scored))
    check_scored(asked)
    verdicts = judge_metrics(scored, asked)
    rows = [(name, exact_metric(name, value)) for name, value in scored.items()]
    text = accuracy_text(rows + [("note", note) for note in notes] + requirement_rows(verdicts))
    # Standard output holds the figures alone where they are asked for as JSON.
    said = [*notes, *(f"MISSED: {name}" for name in missed_names(verdicts))] if arguments.json else []
    return Outcome(EXIT_INVALID if missed_names(verdicts) else EXIT_VALID, text, dict(scored), "; ".join(said))
