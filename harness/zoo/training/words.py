"""A small network for the built-in words, trained with numpy alone and written as a TFLite file: the whole way in a script.

    .venv/bin/python -m harness.zoo.training.words words.tflite
    ./run.sh --task kws --model words.tflite --mode accuracy

Features (49 x 10 MFCCs) go through one hidden layer to 12 words; gradient descent with Adam (Kingma and Ba, arXiv 1412.6980).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.whole_file import replacing
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph
from harness.zoo.training.tiny_data import FIT_DATA

Array = npt.NDArray[Any]
Weights = dict[str, Array]
HIDDEN, WORDS = 64, 12
_BATCH, _RATE = 48, 3e-3
_DECAY, _SQUARE_DECAY, _LEAST = 0.9, 0.999, 1e-8


def train(features: Array, labels: Array, steps: int) -> Weights:
    """Weights and biases of the two layers; what the features are scaled by is multiplied in.

    Args:
        features: float32 [samples, 490].
        labels: int64 [samples], 0 to 11.
        steps: Of gradient descent.
    """
    random = np.random.Generator(np.random.PCG64(1))
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled = (features - middle) / spread
    weights = {
        "hidden/weight": random.normal(0, np.sqrt(2 / features.shape[1]), (HIDDEN, features.shape[1])),
        "hidden/bias": np.zeros(HIDDEN),
        "words/weight": random.normal(0, np.sqrt(1 / HIDDEN), (WORDS, HIDDEN)),
        "words/bias": np.zeros(WORDS),
    }
    first = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    for step in range(1, steps + 1):
        batch = random.integers(0, len(scaled), _BATCH)
        for name, slope in _gradient(weights, scaled[batch], labels[batch]).items():
            first[name] += (1 - _DECAY) * (slope - first[name])
            second[name] += (1 - _SQUARE_DECAY) * (slope**2 - second[name])
            size = np.sqrt(second[name] / (1 - _SQUARE_DECAY**step)) + _LEAST
            weights[name] -= _RATE * first[name] / (1 - _DECAY**step) / size
    weights["hidden/weight"] = weights["hidden/weight"] / spread
    weights["hidden/bias"] = weights["hidden/bias"] - weights["hidden/weight"] @ middle
    return {name: value.astype(np.float32) for name, value in weights.items()}


def _gradient(weights: Mapping[str, Array], features: Array, labels: Array) -> Weights:
    """Of the mean cross entropy."""
    hidden = np.maximum(features @ weights["hidden/weight"].T + weights["hidden/bias"], 0)
    logits = hidden @ weights["words/weight"].T + weights["words/bias"]
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    chances[np.arange(len(labels)), labels] -= 1
    slope = chances / len(labels)
    back = slope @ weights["words/weight"] * (hidden > 0)
    return {
        "hidden/weight": back.T @ features,
        "hidden/bias": back.sum(axis=0),
        "words/weight": slope.T @ hidden,
        "words/bias": slope.sum(axis=0),
    }


def graph_of(weights: Mapping[str, Array]) -> Graph:
    """The model: features float32 [1, 49, 10, 1] to word scores float32 [1, 12]."""
    graph = Graph("words trained with numpy")
    features = graph.input("features", (1, 49, 10, 1), np.float32)
    values = layers.reshape(graph, "flat", features, (1, 490))
    for name in ("hidden", "words"):
        weight, bias = (graph.constant(f"{name}/{part}", weights[f"{name}/{part}"]) for part in ("weight", "bias"))
        values = layers.fully_connected(graph, name, values, weight, bias, relu=name == "hidden")
    graph.output(layers.softmax(graph, "scores", values))
    return graph


def main(words: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the file to write")
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args(words)
    data = FIT_DATA["kws_ds_cnn"]()
    weights = train(data.inputs.reshape(len(data.inputs), -1), data.wanted, given.steps)
    with replacing(given.model) as file:
        graph_of(weights).write(file)


if __name__ == "__main__":
    main()
