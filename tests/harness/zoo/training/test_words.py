"""A network is trained on the built-in words, written as a TFLite file and scored by a run: few steps show that it learns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.zoo.training.words import HIDDEN, WORDS, _gradient, main


def test_the_script_trains_a_model_that_a_run_scores_far_above_a_guess(
    call: Callable[..., Any], tmp_path: Path, read_result: Callable[[Path], dict[str, Any]]
) -> None:
    main([str(tmp_path / "words.tflite"), "--steps", "60"])
    words = ["--task", "kws", "--model", tmp_path / "words.tflite", "--dataset", "builtin", "--mode", "accuracy"]
    done = call(*words, "--scenario", "Offline", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert result["dataset"]["source"] == "builtin"
    assert result["accuracy"]["top1"]["value"] > 0.6


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    random = np.random.default_rng(0)
    weights = {
        "hidden/weight": random.normal(0, 0.3, (HIDDEN, 5)),
        "hidden/bias": random.normal(0, 0.3, HIDDEN),
        "words/weight": random.normal(0, 0.3, (WORDS, HIDDEN)),
        "words/bias": random.normal(0, 0.3, WORDS),
    }
    features, labels = random.normal(0, 1, (7, 5)), random.integers(0, WORDS, 7)

    def loss() -> float:
        hidden = np.maximum(features @ weights["hidden/weight"].T + weights["hidden/bias"], 0)
        logits = hidden @ weights["words/weight"].T + weights["words/bias"]
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return float(-np.log(chances[np.arange(7), labels]).mean())

    slopes = _gradient(weights, features, labels)
    for name, values in weights.items():
        place = tuple(size // 2 for size in values.shape)
        before = loss()
        values[place] += 1e-6
        assert abs((loss() - before) / 1e-6 - slopes[name][place]) < 1e-4
        values[place] -= 1e-6
