"""MobileBERT for question answering, as transformers' MobileBertForQuestionAnswering names it, in the official file's form.

The graph is the stand-in's (`harness.zoo.graph.mobilebert`): the official interface, so everything that asks MLPerf's
MobileBERT asks this one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.outside.shown import some
from accuracy.outside.text_files import read_text
from harness.conversion.converters.run_converter import unpickle
from harness.conversion.huggingface.checkpoint import Checkpoint
from harness.conversion.huggingface.safetensors_file import read_floats
from harness.errors import ConfigError
from harness.scratch_folder import ScratchFolder
from harness.whole_file import replacing
from harness.zoo.graph.mobilebert import MobileBertConfig, block_name, build_graph, weight_shapes

Weights = Mapping[str, npt.NDArray[np.float32]]
_KIND = "mobilebert"
_SIZES = {
    "vocabulary": ("vocab_size", 30_522),
    "embedding": ("embedding_size", 128),
    "hidden": ("hidden_size", 512),
    "bottleneck": ("intra_bottleneck_size", 128),
    "heads": ("num_attention_heads", 4),
    "intermediate": ("intermediate_size", 512),
    "feed_forwards": ("num_feedforward_networks", 4),
    "blocks": ("num_hidden_layers", 24),
    "positions": ("max_position_embeddings", 512),
    "segments": ("type_vocab_size", 2),
}
"""Our name -> transformers', and its default."""
_MUST_BE = {
    "trigram_input": True,
    "use_bottleneck": True,
    "use_bottleneck_attention": False,
    "key_query_shared_bottleneck": True,
    "normalization_type": "no_norm",
    "hidden_act": "relu",
}
"""Of the published MobileBERT; these are transformers' defaults too."""
_MOST = {"blocks": 1_000, "feed_forwards": 1_000, "heads": 1_000}
_LARGEST = 10_000_000
"""Of the other sizes. Larger ones are a slip, which would name billions of weights before one is missed."""
_TRUNK = "mobilebert"
_PARTS = {
    "embeddings/word": "embeddings.word_embeddings",
    "embeddings/position": "embeddings.position_embeddings",
    "embeddings/segment": "embeddings.token_type_embeddings",
    "embeddings/trigram": "embeddings.embedding_transformation",
    "embeddings/norm": "embeddings.LayerNorm",
    "bottleneck/input": "bottleneck.input.dense",
    "bottleneck/input/norm": "bottleneck.input.LayerNorm",
    "bottleneck/attention": "bottleneck.attention.dense",
    "bottleneck/attention/norm": "bottleneck.attention.LayerNorm",
    "attention/query": "attention.self.query",
    "attention/key": "attention.self.key",
    "attention/value": "attention.self.value",
    "attention/output": "attention.output.dense",
    "attention/norm": "attention.output.LayerNorm",
    "bottleneck/output": "output.bottleneck.dense",
    "bottleneck/output/norm": "output.bottleneck.LayerNorm",
}
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def write_mobilebert(checkpoint: Checkpoint, weights: Weights, place: Path) -> None:
    """Writes the float TFLite model of a checkpoint.

    Args:
        checkpoint: Where its config.json lies.
        weights: By transformers' names.
        place: Of the model.

    Raises:
        ConfigError: Another architecture, or weights that are missing or of another shape.
    """
    config = read_config(checkpoint.config)
    named = weights_of_graph(weights, config, checkpoint.weights)
    graph = build_graph(named, config, "float32", "MobileBERT, from Hugging Face")
    with replacing(place) as file:
        graph.write(file)


def safe_weights(checkpoint: Checkpoint) -> Weights:
    """The weights of a checkpoint that holds no pickle."""
    return read_floats(checkpoint.weights)


def pickled_weights(checkpoint: Checkpoint, *, trusted: bool) -> tuple[Weights, Mapping[str, str]]:
    """The weights of a pickle, read by PyTorch in an environment of its own, and the versions of what read them.

    Raises:
        ConfigError: Nobody said that it may be read, or the environment is not here.
        RunFailed: It broke.
    """
    with ScratchFolder("weights") as folder:
        place = Path(folder) / "weights.npz"
        read_by = unpickle(checkpoint.weights, place, trusted=trusted)
        with np.load(place, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}, read_by.versions


def read_config(path: Path) -> MobileBertConfig:
    """The sizes that a config.json says.

    Raises:
        ConfigError: It is no JSON object, of another architecture, or its sizes do not fit the official interface.
    """
    try:
        said = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    if not isinstance(said, dict) or said.get("model_type") != _KIND:
        found = said.get("model_type") if isinstance(said, dict) else None
        raise ConfigError(
            f"{path} is of {found or 'no named'!r} architecture: of Hugging Face's checkpoints only {_KIND} is read; export "
            "others as ONNX or as a SavedModel"
        )
    for name, wanted in _MUST_BE.items():
        if (value := said.get(name, wanted)) != wanted:
            raise ConfigError(
                f"{path}: {name} is {value!r}, but the official model has {wanted!r}: it is another graph"
            )
    sizes = {
        ours: _size(said, name, default, _MOST.get(ours, _LARGEST), path) for ours, (name, default) in _SIZES.items()
    }
    config = MobileBertConfig(**sizes)
    if config.positions < config.sequence:
        raise ConfigError(
            f"{path}: max_position_embeddings is {config.positions}, but the official interface has windows of "
            f"{config.sequence} tokens"
        )
    if config.bottleneck % config.heads:
        raise ConfigError(f"{path}: {config.bottleneck} channels cannot be split among {config.heads} attention heads")
    return config


def _size(said: Mapping[str, Any], name: str, default: int, most: int, path: Path) -> int:
    value = said.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ConfigError(f"{path}: {name} is {value!r}, but must be a whole number from 1 to {most:,}")
    return value


def weights_of_graph(weights: Weights, config: MobileBertConfig, source: Path) -> Weights:
    """The weights by the names of the graph.

    Args:
        weights: By transformers' names.
        config: The sizes.
        source: For messages.

    Raises:
        ConfigError: Some are missing, of another shape, or no finite numbers.
    """
    wanted = {name: transformers_name(name, config) for name in weight_shapes(config)}
    if missing := [theirs for theirs in wanted.values() if theirs not in weights]:
        what = "is it a model for question answering?" if any(name.startswith("qa_") for name in missing) else ""
        raise ConfigError(f"{source} lacks {len(missing)} of {len(wanted)} weights: {some(missing)}. {what}".rstrip())
    for name, shape in weight_shapes(config).items():
        values = weights[wanted[name]]
        if values.shape != shape:
            raise ConfigError(
                f"{source}: {wanted[name]} is {list(values.shape)}, but by config.json it has to be {list(shape)}"
            )
        if not np.isfinite(values).all():
            raise ConfigError(f"{source}: {wanted[name]} holds values that are no numbers")
    return {name: weights[theirs] for name, theirs in wanted.items()}


def transformers_name(name: str, config: MobileBertConfig) -> str:
    """What transformers calls a weight of the graph."""
    parts = name.split("/")
    if parts[0] == "embeddings" and len(parts) == 2:
        return f"{_TRUNK}.{_PARTS[name]}.weight"
    owner, kind = "/".join(parts[:-1]), _KINDS[parts[-1]]
    if owner == "squad":
        return f"qa_outputs.{kind}"
    if owner in _PARTS:
        return f"{_TRUNK}.{_PARTS[owner]}.{kind}"
    block = next(index for index in range(config.blocks) if block_name(index) == parts[0])
    return f"{_TRUNK}.encoder.layer.{block}.{_in_block('/'.join(parts[1:-1]), config)}.{kind}"


def _in_block(part: str, config: MobileBertConfig) -> str:
    if part in _PARTS:
        return _PARTS[part]
    network, _, role = part.partition("/")
    number = int(network.removeprefix("ffn_"))
    # The last feed-forward network has no number there.
    within = "" if number == config.feed_forwards - 1 else f"ffn.{number}."
    return within + {"intermediate": "intermediate.dense", "output": "output.dense", "norm": "output.LayerNorm"}[role]
