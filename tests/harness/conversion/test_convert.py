"""A conversion before its process starts."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from accuracy.truth.class_names import read_class_names
from harness.cli import main
from harness.conversion.convert import convert
from harness.conversion.first_file import FirstFile
from harness.conversion.made_files import making
from harness.conversion.record import Conversion, Variant
from harness.errors import ConfigError
from tests.told_models import with_files


def made_of(model: Path, variants: Sequence[Variant], folder: Path, stem: str) -> Conversion:
    with making(folder) as place:
        return convert(FirstFile(model), variants, place, stem, None, lambda heard: None)


def test_without_the_quantiser_the_command_that_brings_it_is_named(
    dense_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"litert-quantizer, which is not installed: \./run\.sh install convert"):
        made_of(dense_model, ["float16"], tmp_path / "made", "dense")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("variant", ["float16", "int16x8"])
def test_of_a_uint8_model_only_int8_is_made_and_that_without_the_quantiser(
    uint8_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: Variant
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=f"of it only int8 can be made, not {variant}"):
        made_of(uint8_model, [variant], tmp_path / "made", "old")
    made = made_of(uint8_model, ["int8"], tmp_path / "made", "old")
    (one,) = made.files
    assert one.file == tmp_path / "made" / "old_int8.tflite"
    assert one.quantised_per_channel == 1
    assert made.calibration is None
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["conversion.json", "old_int8.tflite"]


def test_the_files_that_are_packed_with_a_model_go_with_its_variants(uint8_model: Path, tmp_path: Path) -> None:
    named = with_files(uint8_model, tmp_path / "named.tflite", {"labels.txt": "background\ncat\n"})
    (one,) = made_of(named, ["int8"], tmp_path / "made", "named").files
    assert read_class_names(one.file).names == ("background", "cat")
    assert one.size_bytes == one.file.stat().st_size


def test_a_step_that_fails_behind_the_first_file_leaves_neither_that_nor_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = tmp_path / "net.cfg"
    cfg.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=4\nsize=1\n", encoding="ascii")
    cfg.with_suffix(".weights").write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + bytes(4 * (4 + 12)))
    (tmp_path / "ssd.yaml").write_text("boxes: nowhere\nscores: nowhere\n", encoding="ascii")
    words = ["convert", str(cfg), "-o", str(tmp_path / "made")]
    for options in ("absent.yaml", "ssd.yaml"):
        assert main([*words, "--post-process", str(tmp_path / options)]) == 2
        assert not (tmp_path / "made").exists()
    # The int8 one lacks what it is calibrated on; what lay there before stays.
    (tmp_path / "made").mkdir()
    assert main([*words, "--to", "int8"]) == 2
    assert list((tmp_path / "made").iterdir()) == []
    assert main(words) == 0, capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["conversion.json", "net_float32.tflite"]
