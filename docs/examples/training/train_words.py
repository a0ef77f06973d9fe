"""Trains a small network on the built-in spoken words, in numpy alone, and writes it as a float TFLite model.

python docs/examples/training/train_words.py words.tflite --steps 1500
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.whole_file import replacing
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph
from harness.zoo.training.tiny_data import FIT_DATA

Array = npt.NDArray[Any]
HIDDEN, CLASSES, BATCH = 64, 12, 64


def trained(inputs: Array, labels: Array, steps: int, seed: int = 1) -> list[Array]:
    """Weights and biases of two dense layers, by Adam on the cross-entropy.

    Args:
        inputs: float32 [samples, features].
        labels: int64 [samples].
        steps: Batches.
        seed: Of the weights and the batches.
    """
    random = np.random.default_rng(seed)
    # Normalisation is trained away: it goes into the first layer's weights in the end.
    mean, spread = inputs.mean(0), inputs.std(0) + 1e-3
    scaled = (inputs - mean) / spread
    width = inputs.shape[1]
    values = [
        random.normal(size=(HIDDEN, width)) * np.sqrt(2 / width),
        np.zeros(HIDDEN),
        random.normal(size=(CLASSES, HIDDEN)) * np.sqrt(2 / HIDDEN),
        np.zeros(CLASSES),
    ]
    moments = [(np.zeros_like(each), np.zeros_like(each)) for each in values]
    for step in range(1, steps + 1):
        batch = random.integers(0, len(scaled), BATCH)
        slopes = _slopes(values, scaled[batch], labels[batch])
        rate = 2e-3 * (1 - step / (steps + 1))
        for value, slope, (first, second) in zip(values, slopes, moments, strict=True):
            first += 0.1 * (slope - first)
            second += 0.001 * (slope**2 - second)
            value -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    weight, bias, *rest = values
    return [each.astype(np.float32) for each in (weight / spread, bias - weight @ (mean / spread), *rest)]


def _slopes(values: list[Array], inputs: Array, labels: Array) -> list[Array]:
    weight, bias, top, top_bias = values
    hidden = np.maximum(inputs @ weight.T + bias, 0)
    scores = hidden @ top.T + top_bias
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    shares /= len(labels)
    below = (shares @ top) * (hidden > 0)
    return [below.T @ inputs, below.sum(0), shares.T @ hidden, shares.sum(0)]


def write(weights: list[Array], place: Path) -> None:
    """The network as MLPerf Tiny's keyword spotting has its models: float32 [1, 49, 10, 1] in, [1, 12] out."""
    graph = Graph("words, trained in numpy")
    features = graph.input("features", (1, 49, 10, 1), np.float32)
    flat = layers.reshape(graph, "flat", features, (1, 490))
    weight, bias, top, top_bias = weights
    hidden = layers.fully_connected(
        graph, "hidden", flat, graph.constant("weight", weight), graph.constant("bias", bias), relu=True
    )
    scores = layers.fully_connected(
        graph, "scores", hidden, graph.constant("top", top), graph.constant("top_bias", top_bias)
    )
    graph.output(layers.softmax(graph, "words", scores))
    with replacing(place) as file:
        graph.write(file)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    words = parser.parse_args()
    data = FIT_DATA["kws_ds_cnn"]()
    write(trained(data.inputs.reshape(len(data.inputs), -1), data.wanted, words.steps), words.model)


if __name__ == "__main__":
    main()
