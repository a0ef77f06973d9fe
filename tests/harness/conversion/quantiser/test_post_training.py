"""Quantisation by litert-quantizer, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")

from backends.litert.file.hidden_state import HiddenState, hidden_state
from backends.litert.file.model_reader import read_model
from backends.litert.interpreter import InterpreterBackend
from harness.conversion.model_objects import read_objects, write_objects
from harness.conversion.quantiser.calibration import NO_SAMPLES, PreparedSamples
from harness.conversion.quantiser.post_training import PostTraining
from harness.conversion.record import Variant
from tests.graphs import of_one_state
from tests.harness.conversion.conftest import Array, ask, details, write_dense

RANGE = 3.0


@pytest.fixture(scope="module")
def samples() -> list[Array]:
    return list(np.random.default_rng(5).uniform(-2, 2, (20, 1, 32)).astype(np.float32))


@pytest.fixture(scope="module")
def unsigned_model(dense_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As older converters wrote them: without a signature."""
    model = read_objects(dense_model)
    model.signatureDefs = None
    path = tmp_path_factory.mktemp("models") / "unsigned.tflite"
    write_objects(model, path)
    return path


@pytest.fixture(scope="module")
def quantiser(unsigned_model: Path, samples: list[Array], tmp_path_factory: pytest.TempPathFactory) -> PostTraining:
    prepared = PreparedSamples(tuple({"values": each} for each in samples), {"values": (-RANGE, RANGE)}, "")
    return PostTraining(unsigned_model, tmp_path_factory.mktemp("variants"), prepared, 1)


@pytest.mark.parametrize(
    ("variant", "input_type", "output_type", "bound"),
    [
        ("float16", "float32", "float32", 0.01),
        ("dynamic", "float32", "float32", 0.3),
        ("weight-only", "float32", "float32", 0.2),
        ("int8", "int8", "int8", 0.6),
        ("int8-uint8", "uint8", "uint8", 0.6),
        ("int8-float", "float32", "float32", 0.6),
        ("int16x8", "float32", "float32", 0.2),
    ],
)
def test_every_variant_answers_as_the_original_under_the_same_names(
    quantiser: PostTraining,
    unsigned_model: Path,
    samples: list[Array],
    tmp_path: Path,
    variant: Variant,
    input_type: str,
    output_type: str,
    bound: float,
) -> None:
    quantiser.make(variant, place := tmp_path / "made.tflite")
    ((taken,), (given,)) = details(place)
    assert (taken["dtype"].__name__, given["dtype"].__name__) == (input_type, output_type)
    signature = read_objects(place).signatureDefs[0]
    assert [one.name for one in (*signature.inputs, *signature.outputs)] == [b"values", b"sums"]
    largest = 0.0
    for sample in samples[:5]:
        values = sample
        if input_type != "float32":
            scale, zero_point = taken["quantization"]
            # The whole range that the input can have, not what the samples reach.
            assert scale == pytest.approx(2 * RANGE / 255, rel=0.01)
            values = np.round(sample / scale + zero_point).astype(taken["dtype"])
        (found,) = ask(place, values)
        if output_type != "float32":
            scale, zero_point = given["quantization"]
            found = (found.astype(np.float32) - zero_point) * scale
        (right,) = ask(unsigned_model, sample)
        largest = max(largest, float(np.abs(found - right).max()))
    # Something was lost, so it is not the original that was asked.
    assert 0 < largest < bound


def test_a_variant_without_samples_needs_none(dense_model: Path, tmp_path: Path) -> None:
    PostTraining(dense_model, tmp_path, NO_SAMPLES, 1).make("dynamic", place := tmp_path / "dynamic.tflite")
    assert place.stat().st_size < dense_model.stat().st_size


@pytest.mark.parametrize("variant", ["int8-float", "int16x8"])
def test_a_channel_of_next_to_no_weights_keeps_its_bias(
    quantiser: PostTraining, samples: list[Array], tmp_path: Path, variant: Variant
) -> None:
    quantiser.make(variant, place := tmp_path / "made.tflite")
    (found,) = ask(place, samples[0])
    assert found[0, 3] == pytest.approx(1.0, abs=0.2)


def test_a_model_of_more_than_256_kib_which_the_quantiser_writes_in_two_parts_is_mended_too(
    samples: list[Array], tmp_path: Path
) -> None:
    source = write_dense(tmp_path / "wide.tflite", 10_000)
    prepared = PreparedSamples(tuple({"values": each} for each in samples), {}, "")
    PostTraining(source, tmp_path, prepared, 1).make("int8-float", place := tmp_path / "int8.tflite")
    ((found,), (right,)) = ask(place, samples[0]), ask(source, samples[0])
    assert found[0, 3] == pytest.approx(1.0, abs=0.2)
    assert 0 < np.abs(found - right).max() < 0.6


@pytest.mark.parametrize("kept", ["a variable tensor", "random numbers"])
def test_the_ranges_are_those_of_a_model_that_is_put_back_before_each_sample(kept: Any, tmp_path: Path) -> None:
    path = of_one_state(tmp_path / "m.tflite", kept)
    samples = [np.random.default_rng(seed).uniform(-1, 1, (1, 4)).astype(np.float32) for seed in range(12)]
    anew, in_a_row = [], []
    together = InterpreterBackend(path, name="cpu", threads=1)
    for sample in samples:
        alone = InterpreterBackend(path, name="cpu", threads=1)
        anew.append(alone.invoke([sample])[0])
        alone.close()
        in_a_row.append(together.invoke([sample])[0])
    together.close()
    steps = [(np.max(each) - np.min(each)) / 255 for each in (anew, in_a_row)]
    assert not np.isclose(steps[0], steps[1], rtol=1e-3)
    for keeps, step in zip((hidden_state(read_model(path)), HiddenState()), steps, strict=True):
        prepared = PreparedSamples(tuple({"t0": each} for each in samples), {}, "", keeps)
        PostTraining(path, tmp_path, prepared, 1).make("int8", made := tmp_path / "made.tflite")
        (_, (given,)) = details(made)
        assert np.isclose(given["quantization"][0], step, rtol=1e-3)
