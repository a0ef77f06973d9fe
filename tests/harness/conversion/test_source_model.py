"""What may be converted."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.conversion.source_model import kind_of
from harness.errors import ConfigError


def test_a_float_model_and_one_of_uint8_are_taken_and_one_of_int8_is_refused(
    dense_model: Path, uint8_model: Path, keyword_model: Path
) -> None:
    assert kind_of(dense_model) == "float"
    assert kind_of(uint8_model) == "uint8"
    with pytest.raises(ConfigError, match=r"is quantised already \(\d+ tensors of int8"):
        kind_of(keyword_model)


def test_a_model_with_an_op_that_no_kernel_runs_is_refused_by_its_name(edgetpu_model: Path) -> None:
    with pytest.raises(ConfigError, match="edgetpu-custom-op"):
        kind_of(edgetpu_model)
