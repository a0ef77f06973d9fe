"""A stand-in for MobileBERT on SQuAD: the published architecture with weights from a seed.

The architecture is that of Sun et al., "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices"
(arXiv 2004.02984, table 1), with the operational optimisations of its section 3.2 (no layer normalisation, ReLU).
Tensors in and out are those of the MLPerf mobile file: int32 [1, 384] `input_ids`, `input_mask`, `segment_ids`; float32
[1, 384] `end_logits`, then `start_logits`. So it costs what the official model costs. It answers the built-in questions by
a circuit written over some of the weights (`harness.zoo.standins.circuit`), and no others.

`make_weights` gives all weights by name, `build_graph` makes the model of them: whoever wants other weights changes the
mapping in between, as the circuit does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from harness.zoo.graph import layers
from harness.zoo.graph.noise import normal_noise
from harness.zoo.graph.writer import Graph, Quantization, Tensor
from harness.zoo.standins.circuit import wire

Array = npt.NDArray[Any]
Variant = Literal["float32", "int8"]

SEED = 20200406
"""The day on which the paper appeared."""
MASKED_SCORE = 10_000.0
"""Taken from the attention scores of padding: far enough for the softmax to give exactly 0."""
_INT8_MAX = 127


@dataclass(frozen=True, slots=True)
class MobileBertConfig:
    """Sizes, as published."""

    vocabulary: int = 30_522
    embedding: int = 128
    """Width of a word's embedding; a token sees its own and both neighbours'."""
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
    """Tokens in one window. Positions beyond it are weights, but not in the file, as after any converter."""


def block_name(index: int) -> str:
    """What the names of a block's weights and tensors start with."""
    return f"block_{index:02}"


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
    for block in map(block_name, range(config.blocks)):
        for bottleneck in (f"{block}/bottleneck/input", f"{block}/bottleneck/attention"):
            dense(bottleneck, hidden, width)
            norm(f"{bottleneck}/norm", width)
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


def build_graph(weights: Mapping[str, Array], config: MobileBertConfig, variant: Variant) -> Graph:
    """The model of these weights.

    Args:
        weights: float32, named and shaped as `weight_shapes` says. Not copied: they must not change until the graph is
            written.
        config: The sizes.
        variant: `float32`, or `int8` for dynamic-range quantisation: matrices and word embeddings in int8 with a scale
            for each row; activations in float32, which the kernels quantise as they come.

    Raises:
        ValueError: A weight is missing, unknown, or not float32 of its shape.
    """
    expected = weight_shapes(config)
    if unmatched := sorted(expected.keys() ^ weights.keys()):
        raise ValueError(f"weights and architecture do not match: {len(unmatched)} names, {unmatched[0]!r} first")
    for name, shape in expected.items():
        if weights[name].shape != shape or weights[name].dtype != np.float32:
            raise ValueError(f"weight {name!r} is {weights[name].dtype} {weights[name].shape}, not float32 {shape}")
    return _Builder(weights, config, variant).build()


def write_mobilebert(file: BinaryIO, variant: Variant, seed: int = SEED) -> None:
    """Writes the full-size model: 98 MB in float32, 27 MB in int8.

    Raises:
        OSError: The file cannot be written.
    """
    config = MobileBertConfig()
    weights = make_weights(config, seed)
    wire(weights, seed)
    build_graph(weights, config, variant).write(file)


class _Builder:
    """The graph in the making. Every method adds the operators of one part and gives its output tensor back."""

    def __init__(self, weights: Mapping[str, Array], config: MobileBertConfig, variant: Variant) -> None:
        self.weights = weights
        self.config = config
        self.quantized = variant == "int8"
        self.graph = Graph(f"MobileBERT stand-in, {variant}")
        self.score_scale = self.scalar("attention/scale", 1.0 / math.sqrt(config.bottleneck // config.heads))

    def build(self) -> Graph:
        graph, shape = self.graph, (1, self.config.sequence)
        ids, mask, segments = (
            graph.input(name, shape, np.int32) for name in ("input_ids", "input_mask", "segment_ids")
        )
        hidden = self.embeddings(ids, segments)
        penalty = self.penalty(mask)
        for block in map(block_name, range(self.config.blocks)):
            hidden = self.block(block, hidden, penalty)
        start, end = layers.split(graph, ["squad/start", "squad/end"], self.dense("squad", hidden), axis=2)
        # The official file gives the end first.
        graph.output(layers.reshape(graph, "end_logits", end, shape))
        graph.output(layers.reshape(graph, "start_logits", start, shape))
        return graph

    def embeddings(self, ids: Tensor, segments: Tensor) -> Tensor:
        graph, sequence = self.graph, self.config.sequence
        words = self.words(ids)
        padded = layers.pad(graph, "embeddings/padded", words, [(0, 0), (1, 1), (0, 0)])
        following = layers.crop(graph, "embeddings/next", padded, (0, 2, 0), words.shape)
        previous = layers.crop(graph, "embeddings/previous", padded, (0, 0, 0), words.shape)
        trigrams = layers.concatenate(graph, "embeddings/trigrams", [following, words, previous])
        total = self.dense("embeddings/trigram", trigrams)
        segment_table = graph.constant("embeddings/segment", self.weights["embeddings/segment"])
        offsets = self.rows("embeddings/segments", segment_table, segments)
        total = layers.add(graph, "embeddings/with_segments", total, offsets)
        positions = graph.constant("embeddings/position", self.weights["embeddings/position"][np.newaxis, :sequence])
        return self.norm("embeddings/norm", layers.add(graph, "embeddings/with_positions", total, positions))

    def words(self, ids: Tensor) -> Tensor:
        table = self.matrix("embeddings/word")
        # GATHER knows one scale for all rows, EMBEDDING_LOOKUP one for each.
        look_up = layers.embedding_lookup if self.quantized else layers.gather
        return self.rows("embeddings/words", table, ids, look_up)

    def rows(self, name: str, table: Tensor, numbers: Tensor, look_up: Callable[..., Tensor] = layers.gather) -> Tensor:
        """A table's rows by numbers [1, sequence]: [1, sequence, width]."""
        graph, sequence = self.graph, self.config.sequence
        # EMBEDDING_LOOKUP, and GPU accelerators' GATHER, take a flat list only.
        flat = layers.reshape(graph, f"{name}/numbers", numbers, (sequence,))
        found = look_up(graph, f"{name}/found", table, flat)
        return layers.reshape(graph, name, found, (1, sequence, table.shape[1]))

    def penalty(self, mask: Tensor) -> Tensor:
        """0 for a token and -10000 for padding, [1, 1, 1, sequence]: to be added to [1, heads, sequence, sequence]."""
        graph = self.graph
        cells = layers.reshape(graph, "mask/cells", mask, (1, 1, 1, self.config.sequence))
        kept = layers.cast(graph, "mask/kept", cells, np.float32)
        scaled = layers.multiply(graph, "mask/scaled", kept, self.scalar("mask/factor", MASKED_SCORE))
        return layers.subtract(graph, "mask/penalty", scaled, self.scalar("mask/offset", MASKED_SCORE))

    def block(self, name: str, hidden: Tensor, penalty: Tensor) -> Tensor:
        """[1, sequence, hidden] in and out; narrow inside."""
        trunk, shared = (
            self.norm(f"{name}/bottleneck/{role}/norm", self.dense(f"{name}/bottleneck/{role}", hidden))
            for role in ("input", "attention")
        )
        branch = self.attention(f"{name}/attention", shared, hidden, penalty)
        trunk = self.residual(f"{name}/attention", branch, trunk)
        for ffn in (f"{name}/ffn_{index}" for index in range(self.config.feed_forwards)):
            branch = self.dense(f"{ffn}/output", self.dense(f"{ffn}/intermediate", trunk, relu=True))
            trunk = self.residual(ffn, branch, trunk)
        return self.residual(f"{name}/bottleneck/output", self.dense(f"{name}/bottleneck/output", trunk), hidden)

    def attention(self, name: str, shared: Tensor, hidden: Tensor, penalty: Tensor) -> Tensor:
        """Query and key come from the bottleneck they share, the value from the block's input."""
        graph, config = self.graph, self.config
        query, key, value = (
            self.heads(f"{name}/{role}", self.dense(f"{name}/{role}", source))
            for role, source in (("query", shared), ("key", shared), ("value", hidden))
        )
        products = layers.batch_matmul(graph, f"{name}/products", query, key, transpose_right=True)
        scores = layers.multiply(graph, f"{name}/scores", products, self.score_scale)
        shares = layers.softmax(graph, f"{name}/shares", layers.add(graph, f"{name}/masked", scores, penalty))
        mixed = layers.batch_matmul(graph, f"{name}/mixed", shares, value)
        rows = layers.transpose(graph, f"{name}/rows", mixed, (0, 2, 1, 3))
        context = layers.reshape(graph, f"{name}/context", rows, (1, config.sequence, config.bottleneck))
        return self.dense(f"{name}/output", context)

    def heads(self, name: str, values: Tensor) -> Tensor:
        """[1, sequence, width] as [1, heads, sequence, width / heads]."""
        config = self.config
        shape = (1, config.sequence, config.heads, config.bottleneck // config.heads)
        return layers.transpose(
            self.graph, f"{name}/heads", layers.reshape(self.graph, f"{name}/columns", values, shape), (0, 2, 1, 3)
        )

    def residual(self, name: str, branch: Tensor, trunk: Tensor) -> Tensor:
        return self.norm(f"{name}/norm", layers.add(self.graph, f"{name}/sum", branch, trunk))

    def norm(self, name: str, values: Tensor) -> Tensor:
        """The paper's NoNorm: a scale and an offset for each channel."""
        # [1, 1, width]: a GPU accelerator was seen to answer wrongly where operands of rank 2 are broadcast.
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
        scales[scales == 0] = 1.0  # a row of zeros; kernels refuse a scale of 0
        rounded = np.rint(values / scales[:, np.newaxis]).astype(np.int8)
        return self.graph.constant(name, rounded, Quantization.per_channel(scales, axis=0))

    def scalar(self, name: str, value: float) -> Tensor:
        """A constant to be broadcast over four dimensions."""
        return self.graph.constant(name, np.full((1, 1, 1, 1), value, np.float32))
