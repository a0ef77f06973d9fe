"""A stand-in for MobileBERT on SQuAD: the published architecture with weights from a seed.

The architecture is that of Sun et al., "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices"
(arXiv 2004.02984), table 1, with the operational optimisations of section 3.2 (no layer normalisation, ReLU). Tensors
in and out are those of the MLPerf mobile file: int32 [1, 384] `input_ids`, `input_mask`, `segment_ids`; float32
[1, 384] `end_logits`, then `start_logits`. So it costs what the official model costs; what it answers means nothing.

`make_weights` gives all weights by name, `build_graph` makes the model of them: whoever wants other weights changes the
mapping in between.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from harness.zoo import layers
from harness.zoo.graph import Graph, Quantization, Tensor

Array = npt.NDArray[Any]
Variant = Literal["float32", "int8"]
SEED = 20200406
"""The day the paper was published."""

MASKED_SCORE = 10_000.0
"""Taken from the attention scores of padding: far enough for the softmax to give exactly 0."""
_INT8_MAX = 127


@dataclass(frozen=True, slots=True)
class MobileBertConfig:
    """Sizes, as published; tests use smaller ones."""

    vocabulary: int = 30_522
    embedding: int = 128
    """Width of a word's embedding; three neighbours are joined."""
    hidden: int = 512
    """Width between the blocks."""
    bottleneck: int = 128
    """Width inside a block."""
    heads: int = 4
    intermediate: int = 512
    """Width inside a feed-forward network."""
    feed_forwards: int = 4
    """Feed-forward networks in a block."""
    blocks: int = 24
    positions: int = 512
    segments: int = 2
    sequence: int = 384
    """Tokens in one window; the tables' rows beyond it are not in the file."""


def weight_shapes(config: MobileBertConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight. Matrices are [outputs, inputs], as FULLY_CONNECTED takes them."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings/word": (config.vocabulary, config.embedding),
        "embeddings/position": (config.positions, config.hidden),
        "embeddings/segment": (config.segments, config.hidden),
    }

    def dense(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}/weight"] = (outputs, inputs)
        shapes[f"{name}/bias"] = (outputs,)

    def norm(name: str, width: int) -> None:
        shapes[f"{name}/gamma"] = (width,)
        shapes[f"{name}/beta"] = (width,)

    hidden, width = config.hidden, config.bottleneck
    dense("embeddings/trigram", 3 * config.embedding, hidden)
    norm("embeddings/norm", hidden)
    for block in (f"block_{index:02}" for index in range(config.blocks)):
        dense(f"{block}/bottleneck/input", hidden, width)
        norm(f"{block}/bottleneck/input/norm", width)
        dense(f"{block}/bottleneck/attention", hidden, width)
        norm(f"{block}/bottleneck/attention/norm", width)
        dense(f"{block}/attention/query", width, width)
        dense(f"{block}/attention/key", width, width)
        dense(f"{block}/attention/value", hidden, width)
        dense(f"{block}/attention/output", width, width)
        norm(f"{block}/attention/norm", width)
        for ffn in (f"{block}/ffn_{index}" for index in range(config.feed_forwards)):
            dense(f"{ffn}/intermediate", width, config.intermediate)
            dense(f"{ffn}/output", config.intermediate, width)
            norm(f"{ffn}/norm", width)
        dense(f"{block}/bottleneck/output", width, hidden)
        norm(f"{block}/bottleneck/output/norm", hidden)
    dense("squad", hidden, 2)
    return shapes


# Without layer normalisation nothing but the scale of the weights keeps 120 residual sums from growing or dying.
# A dense layer's gain is the ratio of its output's standard deviation to its input's.
_BRANCH_GAIN = 0.35
"""Of what a residual branch adds to its trunk: small, so that the input still shows behind 24 blocks."""
_GAINS = {
    "embeddings/trigram": 1.0,
    "bottleneck/input": 1.0,
    "bottleneck/attention": 1.0,
    "attention/query": 1.3,
    "attention/key": 1.3,
    "attention/value": 1.0,
    "attention/output": 1.5,  # attention has averaged its input down
    "intermediate": math.sqrt(2.0),  # ReLU halves the power
    "ffn/output": _BRANCH_GAIN,
    "bottleneck/output": _BRANCH_GAIN,
    "squad": 2.0,
}
_SUMS = {"attention/norm", "ffn/norm", "bottleneck/output/norm"}
_TABLE_SPREAD = {"embeddings/word": 1.0, "embeddings/position": 0.5, "embeddings/segment": 0.3}
_BIAS_SPREAD = 0.05
_GAMMA_SPREAD = 0.05


def make_weights(config: MobileBertConfig, seed: int = SEED) -> dict[str, Array]:
    """All weights in float32, by name. A weight depends on the seed, its name and its shape only."""
    return {name: _weight(name, shape, seed) for name, shape in weight_shapes(config).items()}


def _weight(name: str, shape: tuple[int, ...], seed: int) -> Array:
    parts = ["ffn" if part.startswith("ffn_") else part for part in name.split("/") if not part.startswith("block_")]
    owner, kind = "/".join(parts[:-1]), parts[-1]
    noise = _noise(f"{seed}/{name}", shape)
    if kind == "weight":
        gain = _GAINS.get(owner) or _GAINS["/".join(parts[-2:-1])]
        return noise * np.float32(gain / math.sqrt(shape[1]))
    if kind == "gamma":
        centre = 1.0 / math.sqrt(1.0 + _BRANCH_GAIN * _BRANCH_GAIN) if owner in _SUMS else 1.0
        return np.float32(centre) + noise * np.float32(_GAMMA_SPREAD)
    return noise * np.float32(_TABLE_SPREAD.get("/".join(parts), _BIAS_SPREAD))


_NOISE_SPREAD = math.sqrt(4 * (2**32 - 1) / 12)
"""Standard deviation of the sum of four 16-bit integers."""


def _noise(key: str, shape: tuple[int, ...]) -> Array:
    """Close to normal noise of variance 1 that never passes 3.5, the same on every machine.

    Only the generator's integers are used, which numpy promises to keep; from there on it is exact arithmetic and one
    rounding. Each weight has a generator of its own, so that adding one leaves the others alone.
    """
    entropy = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")
    words = np.random.PCG64(entropy).random_raw(math.prod(shape))
    total = np.full(words.shape, -2 * 0xFFFF, np.int32)
    for shift in (0, 16, 32, 48):
        total += ((words >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int32)
    return (total.astype(np.float32) * np.float32(1.0 / _NOISE_SPREAD)).reshape(shape)


def build_graph(weights: Mapping[str, Array], config: MobileBertConfig, variant: Variant) -> Graph:
    """The model of these weights.

    Args:
        weights: Float32, named and shaped as `weight_shapes` says. Not copied: they must not change until the graph is
            written.
        config: The sizes.
        variant: `float32`; or `int8` for dynamic-range quantisation: matrices and the word table in int8 with a scale for each row,
            activations in float32, quantised by the kernels as they come.
    """
    return _Builder(weights, config, variant).build()


def write_mobilebert(file: BinaryIO, variant: Variant, seed: int = SEED) -> None:
    """Writes the full-size model: 98 MB in float32, 26 MB in int8."""
    config = MobileBertConfig()
    build_graph(make_weights(config, seed), config, variant).write(file)


def mobilebert_bytes(variant: Variant, seed: int = SEED) -> bytes:
    """The full-size model as `write_mobilebert` writes it."""
    file = io.BytesIO()
    write_mobilebert(file, variant, seed)
    return file.getvalue()


class _Builder:
    """The graph in the making. Every method adds the operators of one part and gives its output tensor back."""

    def __init__(self, weights: Mapping[str, Array], config: MobileBertConfig, variant: Variant) -> None:
        self.weights = weights
        self.config = config
        self.quantized = variant == "int8"
        self.graph = Graph(f"MobileBERT stand-in, {variant}, random weights")
        self.query_scale = self.graph.constant(
            "attention/scale", np.full((1, 1, 1,1), 1.0 / math.sqrt(config.bottleneck // config.heads), np.float32)
        )

    def build(self) -> Graph:
        graph, shape = self.graph, (1, self.config.sequence)
        ids, mask, segments = (graph.input(name, shape, np.int32) for name in ("input_ids", "input_mask", "segment_ids"))
        hidden = self.embeddings(ids, segments)
        penalty = self.penalty(mask)
        for index in range(self.config.blocks):
            hidden = self.block(f"block_{index:02}", hidden, penalty)
        logits = self.dense("squad", hidden)
        start, end = layers.split(graph, ["squad/start", "squad/end"], logits, axis=2)
        # The official file gives the end first.
        graph.output(layers.reshape(graph, "end_logits", end, shape))
        graph.output(layers.reshape(graph, "start_logits", start, shape))
        return graph

    def embeddings(self, ids: Tensor, segments: Tensor) -> Tensor:
        graph, config = self.graph, self.config
        word = self.words(ids)
        padded = layers.pad(graph, "embeddings/padded", word, [(0, 0), (1, 1), (0, 0)])
        following = layers.crop(graph, "embeddings/next", padded, (0, 2, 0), word.shape)
        previous = layers.crop(graph, "embeddings/previous", padded, (0, 0, 0), word.shape)
        trigram = layers.concatenate(graph, "embeddings/neighbours", [following, word, previous])
        total = self.dense("embeddings/trigram", trigram)
        segment_table = graph.constant("embeddings/segment", self.weights["embeddings/segment"])
        total = layers.add(
            graph, "embeddings/with_segment", total, layers.gather(graph, "embeddings/segments", segment_table, segments)
        )
        positions = graph.constant(
            "embeddings/position", self.weights["embeddings/position"][np.newaxis, : config.sequence]
        )
        total = layers.add(graph, "embeddings/with_position", total, positions)
        return self.norm("embeddings/norm", total)

    def words(self, ids: Tensor) -> Tensor:
        graph, config = self.graph, self.config
        table = self.matrix("embeddings/word")
        if not self.quantized:
            return layers.gather(graph, "embeddings/words", table, ids)
        # GATHER has no scale for each row, EMBEDDING_LOOKUP has, but takes a flat list only.
        flat = layers.reshape(graph, "embeddings/ids", ids, (config.sequence,))
        rows = layers.embedding_lookup(graph, "embeddings/rows", table, flat)
        return layers.reshape(graph, "embeddings/words", rows, (1, config.sequence, config.embedding))

    def penalty(self, mask: Tensor) -> Tensor:
        """0 for a token, -10000 for padding: [1, 1, 1, sequence], to be added to the scores [1, heads, sequence, sequence]."""
        graph = self.graph
        cells = layers.reshape(graph, "mask/reshaped", mask, (1, 1, 1, self.config.sequence))
        kept = layers.multiply(
            graph, "mask/scaled", layers.cast(graph, "mask/float", cells, np.float32), self.scalar("mask/scale", MASKED_SCORE)
        )
        return layers.subtract(graph, "mask/penalty", kept, self.scalar("mask/offset", MASKED_SCORE))

    def block(self, name: str, hidden: Tensor, penalty: Tensor) -> Tensor:
        graph = self.graph
        trunk = self.norm(f"{name}/bottleneck/input/norm", self.dense(f"{name}/bottleneck/input", hidden))
        shared = self.norm(f"{name}/bottleneck/attention/norm", self.dense(f"{name}/bottleneck/attention", hidden))
        branch = self.attention(f"{name}/attention", shared, hidden, penalty)
        trunk = self.residual(f"{name}/attention", branch, trunk)
        for index in range(self.config.feed_forwards):
            ffn = f"{name}/ffn_{index}"
            branch = self.dense(f"{ffn}/output", self.dense(f"{ffn}/intermediate", trunk, relu=True))
            trunk = self.residual(ffn, branch, trunk)
        return self.residual(f"{name}/bottleneck/output", self.dense(f"{name}/bottleneck/output", trunk), hidden)

    def attention(self, name: str, shared: Tensor, hidden: Tensor, penalty: Tensor) -> Tensor:
        """Query and key come from the shared bottleneck, the value from the block's input."""
        graph, config = self.graph, self.config
        query, key, value = (
            self.heads(f"{name}/{role}", self.dense(f"{name}/{role}", source))
            for role, source in (("query", shared), ("key", shared), ("value", hidden))
        )
        import os
        if os.environ.get("QS"):
            query = layers.multiply(graph, f"{name}/scaled_query", query, self.query_scale)
        scores = layers.batch_matmul(graph, f"{name}/products", query, key, transpose_right=True)
        if not os.environ.get("QS"):
            scores = layers.multiply(graph, f"{name}/scores", scores, self.query_scale)
        scores = layers.add(graph, f"{name}/masked", scores, penalty)
        context = layers.batch_matmul(graph, f"{name}/mixed", layers.softmax(graph, f"{name}/shares", scores), value)
        joined = layers.transpose(graph, f"{name}/joined", context, (0, 2, 1, 3))
        flat = layers.reshape(graph, f"{name}/context", joined, (1, config.sequence, config.bottleneck))
        return self.dense(f"{name}/output", flat)

    def heads(self, name: str, values: Tensor) -> Tensor:
        """[1, sequence, width] as [1, heads, sequence, width / heads]."""
        config = self.config
        shape = (1, config.sequence, config.heads, config.bottleneck // config.heads)
        return layers.transpose(
            self.graph, f"{name}/heads", layers.reshape(self.graph, f"{name}/split", values, shape), (0, 2, 1, 3)
        )

    def residual(self, name: str, branch: Tensor, trunk: Tensor) -> Tensor:
        return self.norm(f"{name}/norm", layers.add(self.graph, f"{name}/sum", branch, trunk))

    def norm(self, name: str, values: Tensor) -> Tensor:
        """The paper's NoNorm: a scale and an offset for each channel."""
        # [1, 1, width]: accelerators were seen to answer wrongly where constants of rank 2 and less are broadcast.
        gamma, beta = (
            self.graph.constant(f"{name}/{kind}", self.weights[f"{name}/{kind}"].reshape(1, 1, -1))
            for kind in ("gamma", "beta")
        )
        return layers.add(self.graph, name, layers.multiply(self.graph, f"{name}/scaled", values, gamma), beta)

    def dense(self, name: str, values: Tensor, *, relu: bool = False) -> Tensor:
        bias = self.graph.constant(f"{name}/bias", self.weights[f"{name}/bias"])
        return layers.fully_connected(self.graph, name, values, self.matrix(f"{name}/weight"), bias, relu=relu)

    def matrix(self, name: str) -> Tensor:
        values = self.weights[name]
        if not self.quantized:
            return self.graph.constant(name, values)
        scales = np.abs(values).max(axis=1) / np.float32(_INT8_MAX)
        scales[scales == 0] = 1.0  # a row of zeros
        rounded = np.rint(values / scales[:, np.newaxis]).astype(np.int8)
        return self.graph.constant(name, rounded, Quantization.per_channel(scales, axis=0))

    def scalar(self, name: str, value: float) -> Tensor:
        return self.graph.constant(name, np.full((1, 1, 1, 1), value, np.float32))
