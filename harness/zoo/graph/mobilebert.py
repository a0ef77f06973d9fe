"""MobileBERT on SQuAD as a graph of given weights: the published architecture with the interface of the MLPerf mobile file.

The architecture is that of Sun et al., "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices"
(arXiv 2004.02984, table 1), with the operational optimisations of its section 3.2 (no layer normalisation, ReLU).
Tensors in and out: int32 [1, 384] `input_ids`, `input_mask`, `segment_ids`; float32 [1, 384] `end_logits`, then
`start_logits`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.zoo.graph import layers
from harness.zoo.graph.tensors import GraphTensor, Quantization
from harness.zoo.graph.writer import Graph

Array = npt.NDArray[Any]
Variant = Literal["float32", "int8"]

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


def build_graph(
    weights: Mapping[str, Array], config: MobileBertConfig, variant: Variant, called: str = "MobileBERT stand-in"
) -> Graph:
    """The model of these weights.

    Args:
        weights: float32, named and shaped as `weight_shapes` says. Not copied: they must not change until the graph is
            written.
        config: The sizes.
        variant: `float32`, or `int8` for dynamic-range quantisation: matrices and word embeddings in int8 with a scale
            for each row; activations in float32, which the kernels quantise as they come.
        called: What the file says that it is.

    Raises:
        ValueError: A weight is missing, unknown, or not float32 of its shape.
    """
    expected = weight_shapes(config)
    if unmatched := sorted(expected.keys() ^ weights.keys()):
        raise ValueError(f"weights and architecture do not match: {len(unmatched)} names, {unmatched[0]!r} first")
    for name, shape in expected.items():
        if weights[name].shape != shape or weights[name].dtype != np.float32:
            raise ValueError(f"weight {name!r} is {weights[name].dtype} {weights[name].shape}, not float32 {shape}")
    return _Builder(weights, config, variant, Graph(f"{called}, {variant}")).build()


class _Builder:
    """The graph in the making. Every method adds the operators of one part and gives its output tensor back."""

    def __init__(self, weights: Mapping[str, Array], config: MobileBertConfig, variant: Variant, graph: Graph) -> None:
        self.weights = weights
        self.config = config
        self.quantized = variant == "int8"
        self.graph = graph
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

    def embeddings(self, ids: GraphTensor, segments: GraphTensor) -> GraphTensor:
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

    def words(self, ids: GraphTensor) -> GraphTensor:
        table = self.matrix("embeddings/word")
        # GATHER knows one scale for all rows, EMBEDDING_LOOKUP one for each.
        look_up = layers.embedding_lookup if self.quantized else layers.gather
        return self.rows("embeddings/words", table, ids, look_up)

    def rows(
        self, name: str, table: GraphTensor, numbers: GraphTensor, look_up: Callable[..., GraphTensor] = layers.gather
    ) -> GraphTensor:
        """A table's rows by numbers [1, sequence]: [1, sequence, width]."""
        graph, sequence = self.graph, self.config.sequence
        # EMBEDDING_LOOKUP, and GPU accelerators' GATHER, take a flat list only.
        flat = layers.reshape(graph, f"{name}/numbers", numbers, (sequence,))
        found = look_up(graph, f"{name}/found", table, flat)
        return layers.reshape(graph, name, found, (1, sequence, table.shape[1]))

    def penalty(self, mask: GraphTensor) -> GraphTensor:
        """0 for a token and -10000 for padding, [1, 1, 1, sequence]: to be added to [1, heads, sequence, sequence]."""
        graph = self.graph
        cells = layers.reshape(graph, "mask/cells", mask, (1, 1, 1, self.config.sequence))
        kept = layers.cast(graph, "mask/kept", cells, np.float32)
        scaled = layers.multiply(graph, "mask/scaled", kept, self.scalar("mask/factor", MASKED_SCORE))
        return layers.subtract(graph, "mask/penalty", scaled, self.scalar("mask/offset", MASKED_SCORE))

    def block(self, name: str, hidden: GraphTensor, penalty: GraphTensor) -> GraphTensor:
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

    def attention(self, name: str, shared: GraphTensor, hidden: GraphTensor, penalty: GraphTensor) -> GraphTensor:
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

    def heads(self, name: str, values: GraphTensor) -> GraphTensor:
        """[1, sequence, width] as [1, heads, sequence, width / heads]."""
        config = self.config
        shape = (1, config.sequence, config.heads, config.bottleneck // config.heads)
        return layers.transpose(
            self.graph, f"{name}/heads", layers.reshape(self.graph, f"{name}/columns", values, shape), (0, 2, 1, 3)
        )

    def residual(self, name: str, branch: GraphTensor, trunk: GraphTensor) -> GraphTensor:
        return self.norm(f"{name}/norm", layers.add(self.graph, f"{name}/sum", branch, trunk))

    def norm(self, name: str, values: GraphTensor) -> GraphTensor:
        """The paper's NoNorm: a scale and an offset for each channel."""
        # [1, 1, width]: a GPU accelerator was seen to answer wrongly where operands of rank 2 are broadcast.
        gamma, beta = (
            self.graph.constant(f"{name}/{kind}", self.weights[f"{name}/{kind}"].reshape(1, 1, -1))
            for kind in ("gamma", "beta")
        )
        return layers.add(self.graph, name, layers.multiply(self.graph, f"{name}/scaled", values, gamma), beta)

    def dense(self, name: str, values: GraphTensor, *, relu: bool = False) -> GraphTensor:
        bias = self.graph.constant(f"{name}/bias", self.weights[f"{name}/bias"])
        return layers.fully_connected(self.graph, name, values, self.matrix(f"{name}/weight"), bias, relu=relu)

    def matrix(self, name: str) -> GraphTensor:
        values = self.weights[name]
        if not self.quantized:
            return self.graph.constant(name, values)
        scales = np.abs(values).max(axis=1) / np.float32(_INT8_MAX)
        scales[scales == 0] = 1.0  # a row of zeros; kernels refuse a scale of 0
        rounded = np.rint(values / scales[:, np.newaxis]).astype(np.int8)
        return self.graph.constant(name, rounded, Quantization.per_channel(scales, axis=0))

    def scalar(self, name: str, value: float) -> GraphTensor:
        """A constant to be broadcast over four dimensions."""
        return self.graph.constant(name, np.full((1, 1, 1, 1), value, np.float32))
