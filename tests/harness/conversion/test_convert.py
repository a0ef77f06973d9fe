"""A conversion before its process starts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from accuracy.truth.class_names import read_class_names
from harness.conversion.convert import Source, convert
from harness.conversion.record import Variant
from harness.errors import ConfigError
from tests.told_models import with_files


def test_without_the_quantiser_the_command_that_brings_it_is_named(
    dense_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"litert-quantizer, which is not installed: \./run\.sh install convert"):
        convert(Source(dense_model), ["float16"], tmp_path / "made", "dense", None, lambda heard: None)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("variant", ["float16", "int16x8"])
def test_of_a_uint8_model_only_int8_is_made_and_that_without_the_quantiser(
    uint8_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: Variant
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=f"of it only int8 can be made, not {variant}"):
        convert(Source(uint8_model), [variant], tmp_path / "made", "old", None, lambda heard: None)
    made = convert(Source(uint8_model), ["int8"], tmp_path / "made", "old", None, lambda heard: None)
    (one,) = made.files
    assert one.file == tmp_path / "made" / "old_int8.tflite"
    assert one.quantised_per_channel == 1
    assert made.calibration is None
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["conversion.json", "old_int8.tflite"]


def test_the_files_that_are_packed_with_a_model_go_with_its_variants(uint8_model: Path, tmp_path: Path) -> None:
    named = with_files(uint8_model, tmp_path / "named.tflite", {"labels.txt": "background\ncat\n"})
    (one,) = convert(Source(named), ["int8"], tmp_path / "made", "named", None, lambda heard: None).files
    assert read_class_names(one.file).names == ("background", "cat")
    assert one.size_bytes == one.file.stat().st_size
