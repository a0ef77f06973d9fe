"""The command line that all metrics share: `python -m accuracy.<metric> --predictions P --truth F`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from accuracy.answers.log import LogError
from accuracy.errors import TruthError
from accuracy.metric.score import Score
from accuracy.outside.shown import bounded, printable

ScoreFiles = Callable[[Path, Path], Mapping[str, float]]
"""(predictions, truth) -> {metric: value}. Everything in the truth counts, since nothing records what was asked.
A `Score` has notes besides."""


def run(score_files: ScoreFiles, about: str, arguments: Sequence[str] | None = None) -> int:
    """Scores the files that the arguments name and writes {metric: value} as JSON.

    Args:
        score_files: The metric.
        about: One line for --help: what the files are.
        arguments: None for the process's own.

    Returns:
        The exit status: 0, or 2 where a file cannot be used.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--predictions", type=Path, required=True, help="what was answered")
    parser.add_argument("--truth", type=Path, required=True, help="the ground truth; everything in it counts")
    chosen = parser.parse_args(arguments)
    try:
        metrics = score_files(chosen.predictions, chosen.truth)
    except (TruthError, LogError) as error:
        sys.stderr.write(f"{printable(bounded(str(error)))}\n")
        return 2
    for note in metrics.notes if isinstance(metrics, Score) else ():
        sys.stderr.write(f"{printable(note)}\n")
    sys.stdout.write(json.dumps(dict(metrics)) + "\n")
    return 0
