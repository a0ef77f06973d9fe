"""A conversion before its process starts."""

from __future__ import annotations

import errno
import importlib.util
import os
import struct
from pathlib import Path

import pytest

from accuracy.truth.class_names import read_class_names
from harness.cli import main
from harness.conversion.convert import convert
from harness.conversion.first_file import Source
from harness.conversion.record import Variant
from harness.errors import ConfigError, RunFailed
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


def test_what_cannot_be_recorded_is_not_left_as_if_it_were_made(
    uint8_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("harness.conversion.convert.write_json", full)
    with pytest.raises(RunFailed, match=r"conversion\.json cannot be written: No space left"):
        convert(Source(uint8_model), ["int8"], tmp_path / "made", "old", None, lambda heard: None)
    assert not (tmp_path / "made").exists()
