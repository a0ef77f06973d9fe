"""A stand-in for MobileBERT on SQuAD: the published architecture (harness.zoo.graph.mobilebert) with weights from a seed.

So it costs what the official model costs. It answers the built-in questions by a circuit written over some of the weights
(`harness.zoo.standins.circuit`), and no others.

`make_weights` gives all weights by name: whoever wants other weights changes the mapping before the graph is built, as the
circuit does.
"""

from __future__ import annotations

import math
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from harness.zoo.graph.mobilebert import MobileBertConfig, Variant, build_graph, weight_shapes
from harness.zoo.graph.noise import normal_noise
from harness.zoo.standins.circuit import wire

Array = npt.NDArray[Any]

SEED = 20200406
"""The day on which the paper appeared."""

# Without layer normalisation only the scale of the weights keeps 144 residual sums from growing or dying out.
_GAINS = {
    "embeddings/trigram": 1.0,
    "bottleneck/input": 1.0,
    "bottleneck/attention": 1.0,
    "attention/query": 1.3,
    "attention/key": 1.3,  # scores then spread by about 2, so that a token attends to some 20 others
    "attention/value": 1.0,
    "attention/output": 0.5,
    "ffn/intermediate": math.sqrt(2.0),  # ReLU halves the power
    "ffn/output": 0.35,
    "bottleneck/output": 0.35,
    "squad": 2.0,
}
"""The standard deviation that a dense layer gives to its output, as a multiple of its input's.

Those that end a residual branch are small, so that the input still shows behind 24 blocks."""
_BRANCHES = {
    "attention/norm": "attention/output",
    "ffn/norm": "ffn/output",
    "bottleneck/output/norm": "bottleneck/output",
}
"""The branch that a norm behind a residual sum has just taken in: its scale undoes the growth."""
_TABLE_SPREADS = {"embeddings/word": 1.0, "embeddings/position": 0.5, "embeddings/segment": 0.3}
_GAMMA_SPREAD = 0.05
_OFFSET_SPREAD = 0.05
"""Of biases and betas."""


def make_weights(config: MobileBertConfig, seed: int = SEED) -> dict[str, Array]:
    """All weights in float32, by name. A weight depends on the seed, its own name and its own shape only."""
    return {name: _weight(name, shape, seed) for name, shape in weight_shapes(config).items()}


def _weight(name: str, shape: tuple[int, ...], seed: int) -> Array:
    noise = normal_noise(f"{seed}/{name}", shape)
    parts = ["ffn" if part.startswith("ffn_") else part for part in name.split("/") if not part.startswith("block_")]
    owner, kind = "/".join(parts[:-1]), parts[-1]
    if kind == "weight":
        return noise * np.float32(_GAINS[owner] / math.sqrt(shape[1]))
    if kind == "gamma":
        branch = _GAINS[_BRANCHES[owner]] if owner in _BRANCHES else 0.0
        return np.float32(1.0 / math.sqrt(1.0 + branch * branch)) + noise * np.float32(_GAMMA_SPREAD)
    return noise * np.float32(_TABLE_SPREADS.get(name, _OFFSET_SPREAD))


def write_mobilebert(file: BinaryIO, variant: Variant, seed: int = SEED) -> None:
    """Writes the full-size model: 98 MB in float32, 27 MB in int8.

    Raises:
        OSError: The file cannot be written.
    """
    config = MobileBertConfig()
    weights = make_weights(config, seed)
    wire(weights, seed)
    build_graph(weights, config, variant).write(file)
