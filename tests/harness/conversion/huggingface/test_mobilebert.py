"""MobileBERT checkpoints of Hugging Face's, written by hand, and by transformers' own classes where they are."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from harness.conversion.converters.run_converter import interpreter
from harness.conversion.huggingface.checkpoint import Checkpoint, checkpoint_of
from harness.conversion.huggingface.mobilebert import (
    pickled_weights,
    read_config,
    safe_weights,
    transformers_name,
    write_mobilebert,
)
from harness.errors import ConfigError
from harness.zoo.graph.mobilebert import MobileBertConfig, build_graph, weight_shapes
from harness.zoo.standins.mobilebert import make_weights
from tests.harness.conversion.conftest import Array

SMALL = MobileBertConfig(
    vocabulary=50,
    embedding=8,
    hidden=24,
    bottleneck=16,
    heads=4,
    intermediate=20,
    feed_forwards=2,
    blocks=2,
    positions=400,
)
SAID: Mapping[str, Any] = {
    "model_type": "mobilebert",
    "vocab_size": 50,
    "embedding_size": 8,
    "hidden_size": 24,
    "intra_bottleneck_size": 16,
    "num_attention_heads": 4,
    "intermediate_size": 20,
    "num_feedforward_networks": 2,
    "num_hidden_layers": 2,
    "max_position_embeddings": 400,
}


def safetensors(tensors: Mapping[str, tuple[str, Array]]) -> bytes:
    """The format, written by hand: name -> its type there, and the values as they are stored."""
    header, parts, at = {}, [], 0
    for name, (kind, values) in tensors.items():
        data = values.tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    packed = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(packed)) + packed + b"".join(parts)


def theirs(weights: Mapping[str, Array]) -> dict[str, tuple[str, Array]]:
    return {transformers_name(name, SMALL): ("F32", values) for name, values in weights.items()}


def write_checkpoint(folder: Path, tensors: Mapping[str, tuple[str, Array]], **said: Any) -> Checkpoint:
    (folder / "config.json").write_text(json.dumps({**SAID, **said}), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    found = checkpoint_of(str(folder))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def weights() -> dict[str, Array]:
    return make_weights(SMALL)


def test_a_checkpoint_becomes_the_model_of_its_weights_with_the_official_interface(
    weights: dict[str, Array], tmp_path: Path
) -> None:
    tensors = theirs(weights) | {"mobilebert.embeddings.position_ids": ("I64", np.arange(400))}
    checkpoint = write_checkpoint(tmp_path, tensors)
    write_mobilebert(checkpoint, safe_weights(checkpoint), place := tmp_path / "made.tflite")
    with (tmp_path / "right.tflite").open("wb") as file:
        build_graph(weights, SMALL, "float32", "MobileBERT, from Hugging Face").write(file)
    assert place.read_bytes() == (tmp_path / "right.tflite").read_bytes()
    asked: Any = Interpreter(str(place))
    assert [(one["name"], tuple(one["shape"])) for one in asked.get_input_details()] == [
        (name, (1, 384)) for name in ("input_ids", "input_mask", "segment_ids")
    ]
    assert [one["name"] for one in asked.get_output_details()] == ["end_logits", "start_logits"]


def test_halves_of_both_kinds_are_read(weights: dict[str, Array], tmp_path: Path) -> None:
    tensors = theirs(weights)
    name = "qa_outputs.weight"
    values = tensors[name][1]
    tensors[name] = ("BF16", (values.view(np.uint32) >> 16).astype(np.uint16))
    tensors["qa_outputs.bias"] = ("F16", tensors["qa_outputs.bias"][1].astype(np.float16))
    found = safe_weights(write_checkpoint(tmp_path, tensors))
    assert found[name].dtype == found["qa_outputs.bias"].dtype == np.float32
    np.testing.assert_allclose(found[name], values, rtol=1 / 128)


def test_every_weight_has_a_name_of_its_own_there() -> None:
    for config in (SMALL, replace(SMALL, feed_forwards=1), MobileBertConfig()):
        names = [transformers_name(name, config) for name in weight_shapes(config)]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"model_type": "bert"}, "'bert' architecture: of Hugging Face's checkpoints only mobilebert is read"),
        (
            {"normalization_type": "layer_norm"},
            "normalization_type is 'layer_norm', but the official model has 'no_norm'",
        ),
        ({"hidden_size": "wide"}, "hidden_size is 'wide', but must be a whole number"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000, but must be a whole number from 1 to 1,000"),
        ({"max_position_embeddings": 128}, "is 128, but the official interface has windows of 384 tokens"),
        ({"num_attention_heads": 3}, "16 channels cannot be split among 3"),
    ],
)
def test_another_architecture_is_refused_by_the_field_that_says_it(tmp_path: Path, said: Any, why: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**SAID, **said}), encoding="utf-8")
    with pytest.raises(ConfigError, match=why):
        read_config(tmp_path / "config.json")


def test_weights_that_do_not_fit_are_named(weights: dict[str, Array], tmp_path: Path) -> None:
    tensors = theirs(weights)
    lacking = {name: value for name, value in tensors.items() if not name.startswith("qa_")}
    checkpoint = write_checkpoint(tmp_path, lacking)
    with pytest.raises(
        ConfigError, match=r"lacks 2 of \d+ weights: qa_outputs.*is it a model for question answering\?"
    ):
        write_mobilebert(checkpoint, safe_weights(checkpoint), tmp_path / "made.tflite")
    checkpoint = write_checkpoint(tmp_path, tensors, vocab_size=51)
    with pytest.raises(
        ConfigError, match=r"word_embeddings.weight is \[50, 8\], but by config.json it has to be \[51, 8\]"
    ):
        write_mobilebert(checkpoint, safe_weights(checkpoint), tmp_path / "made.tflite")
    bias = tensors["qa_outputs.bias"][1].copy()
    bias[0] = np.nan
    checkpoint = write_checkpoint(tmp_path, tensors | {"qa_outputs.bias": ("F32", bias)})
    with pytest.raises(ConfigError, match=r"qa_outputs.bias holds values that are no numbers"):
        write_mobilebert(checkpoint, safe_weights(checkpoint), tmp_path / "made.tflite")
    assert not (tmp_path / "made.tflite").exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 4, struct.pack("<Q", 1 << 40) + b"{}", struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 3) + b"{x}"],
)
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, data: bytes) -> None:
    checkpoint = write_checkpoint(tmp_path, {})
    checkpoint.weights.write_bytes(data)
    with pytest.raises(ConfigError, match="is no safetensors file"):
        safe_weights(checkpoint)


@pytest.mark.parametrize(
    "shape", ["[1e400]", f"[{', '.join(['1'] * 70)}]", f"[0, {2**70}]"], ids=["no number", "too deep", "too wide"]
)
def test_a_shape_that_no_array_can_have_is_refused_or_left_out(tmp_path: Path, shape: str) -> None:
    checkpoint = write_checkpoint(tmp_path, {})
    end = 0 if shape.startswith("[0") else 4
    header = f'{{"a": {{"dtype": "F32", "shape": {shape}, "data_offsets": [0, {end}]}}}}'.encode()
    checkpoint.weights.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    if not end:
        assert not safe_weights(checkpoint)
        return
    with pytest.raises(ConfigError, match="is no safetensors file"):
        safe_weights(checkpoint)


def test_a_cut_file_and_one_that_lies_of_its_places_are_refused(weights: dict[str, Array], tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path, theirs(weights))
    whole = checkpoint.weights.read_bytes()
    checkpoint.weights.write_bytes(whole[:-4])
    with pytest.raises(ConfigError, match="is cut, or no safetensors file"):
        safe_weights(checkpoint)
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [-4, 4]}}).encode()
    checkpoint.weights.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(ConfigError, match="'a' is F32"):
        safe_weights(checkpoint)
    header = json.dumps({"a": {"dtype": "F32"}}).encode()
    checkpoint.weights.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(ConfigError, match="what it says of 'a'"):
        safe_weights(checkpoint)


def test_a_pickle_is_refused_until_it_is_trusted_and_a_checkpoint_without_weights_always(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SAID), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"without model\.safetensors or pytorch_model\.bin"):
        checkpoint_of(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    checkpoint = checkpoint_of(str(tmp_path))
    assert checkpoint is not None
    with pytest.raises(ConfigError, match=r"is a pickle, which could run code .* --trust-checkpoint"):
        pickled_weights(checkpoint, trusted=False)


def test_the_command_makes_all_of_it(weights: dict[str, Array], call: Any, tmp_path: Path) -> None:
    (tmp_path / "squad").mkdir()
    write_checkpoint(tmp_path / "squad", theirs(weights))
    broken = tmp_path / "broken"
    broken.mkdir()
    write_checkpoint(broken, {"qa_outputs.bias": theirs(weights)["qa_outputs.bias"]})
    done = call("convert", broken, "-o", tmp_path / "none")
    assert done.returncode == 2
    assert "lacks" in done.stderr
    # Nothing is left of it.
    assert not (tmp_path / "none").exists()
    done = call("convert", tmp_path / "squad", "-o", tmp_path / "made", "--json")
    assert done.returncode == 0, done.stderr
    conversion = json.loads(done.stdout)["conversion"]
    assert conversion["source_form"] == "a MobileBERT checkpoint of Hugging Face's"
    assert (tmp_path / "made" / "squad_float32.tflite").stat().st_size == conversion["files"][0]["size_bytes"]


# --- against transformers' own classes -------------------------------------------------------------------------------

WRITE = """\
import sys, numpy as np, torch
from transformers import MobileBertConfig, MobileBertForQuestionAnswering
torch.manual_seed(3)
model = MobileBertForQuestionAnswering(MobileBertConfig(vocab_size=400, num_hidden_layers=3)).eval()
for name, values in model.named_parameters():
    spread = 1 / values.shape[1] ** 0.5 if values.dim() == 2 and "embeddings.word" not in name else 0.3
    values.data = torch.randn_like(values) * spread + (1 if name.endswith("LayerNorm.weight") else 0)
model.save_pretrained(sys.argv[1])
torch.save(model.state_dict(), sys.argv[1] + "/pytorch_model.bin")
random = np.random.default_rng(5)
mask, segments = np.ones((1, 384), int), np.zeros((1, 384), int)
ids = random.integers(1, 400, (1, 384))
mask[0, 200:], ids[0, 200:], segments[0, 30:200] = 0, 0, 1
with torch.no_grad():
    found = model(torch.tensor(ids), attention_mask=torch.tensor(mask), token_type_ids=torch.tensor(segments))
np.savez("answers.npz", input_ids=ids, input_mask=mask, segment_ids=segments,
    start_logits=found.start_logits.numpy(), end_logits=found.end_logits.numpy())
"""


@pytest.mark.converters
def test_transformers_own_model_of_random_weights_answers_alike(tmp_path: Path) -> None:
    try:
        python = interpreter("torch")
    except ConfigError as error:
        pytest.skip(str(error))
    subprocess.run([str(python), "-I", "-c", WRITE, "squad"], cwd=tmp_path, check=True, capture_output=True)
    checkpoint = checkpoint_of(str(tmp_path / "squad"))
    assert checkpoint is not None
    write_mobilebert(checkpoint, safe_weights(checkpoint), place := tmp_path / "made.tflite")
    asked: Any = Interpreter(str(place))
    said = np.load(tmp_path / "answers.npz")
    given = {name: said[name].astype(np.int32) for name in ("input_ids", "input_mask", "segment_ids")}
    found = asked.get_signature_runner()(**given)
    for name in ("start_logits", "end_logits"):
        assert said[name].std() > 0.1
        np.testing.assert_allclose(found[name], said[name], atol=2e-4 * np.abs(said[name]).max())
    # The pickle beside it holds the same.
    pickled, versions = pickled_weights(
        replace(checkpoint, weights=tmp_path / "squad" / "pytorch_model.bin"), trusted=True
    )
    assert versions["torch"]
    safe = safe_weights(checkpoint)
    assert all((pickled[name] == values).all() for name, values in safe.items())
