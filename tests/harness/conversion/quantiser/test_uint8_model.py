"""uint8 a tensor to int8 a channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.litert.file.model_reader import read_model
from harness.conversion.model_objects import read_objects, write_objects
from harness.conversion.quantiser.uint8_model import to_int8_per_channel
from harness.errors import ConfigError
from tests.harness.conversion.conftest import ask


def test_the_same_real_values_come_out_with_a_scale_a_channel(uint8_model: Path, tmp_path: Path) -> None:
    model = read_objects(uint8_model)
    to_int8_per_channel(model)
    write_objects(model, place := tmp_path / "int8.tflite")
    weight = next(tensor for tensor in read_model(place).main.tensors if tensor.name == "weight")
    assert weight.dtype == "int8"
    assert weight.quantisation is not None
    assert len(weight.quantisation.scales) == 4
    assert set(weight.quantisation.zero_points) == {0}
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    (before,) = ask(uint8_model, pixels)
    (after,) = ask(place, (pixels.astype(np.int16) - 128).astype(np.int8))
    assert before.std() > 10
    assert np.abs(after.astype(np.int16) + 128 - before).max() <= 1
    # The values that were replaced are not kept beside the new ones.
    assert place.stat().st_size < 1.5 * uint8_model.stat().st_size


def test_an_op_whose_int8_form_is_not_known_is_named(uint8_model: Path) -> None:
    model = read_objects(uint8_model)
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SPACE_TO_DEPTH
    with pytest.raises(ConfigError, match="uint8 models with SPACE_TO_DEPTH are not converted"):
        to_int8_per_channel(model)
