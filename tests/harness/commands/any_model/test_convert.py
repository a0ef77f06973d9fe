"""The verb `convert`, as a user meets it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.graphs import drawing_in_a_branch, refused_by_one

Call = Callable[..., Any]
FEW = ["--num_runs=3", "--min_secs=0", "--max_secs=2", "--warmup_min_secs=0"]


def test_variants_are_made_scored_timed_and_judged_in_one_command(
    picture_model: Path, picture_data: Path, call: Call, tmp_path: Path
) -> None:
    pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")
    words = ["--task=mobilenet_edgetpu", "--dataset", picture_data, *FEW, "--calibration-samples=8", "--json"]
    made = tmp_path / "made"
    done = call("convert", picture_model, "-o", made, "--to=float16,int8", *words, "--max-drop=0%")
    found = json.loads(done.stdout)
    conversion = found["conversion"]
    assert [one["variant"] for one in conversion["files"]] == ["float16", "int8"]
    assert len(conversion["calibration"]["names"]) == 8
    assert json.loads((made / "conversion.json").read_text()) == conversion
    assert (made / "tints_int8.tflite").stat().st_size == conversion["files"][1]["size_bytes"]
    assert "samples that are scored" in conversion["notes"][0]
    half, whole = found["lost"]
    # A thousand colours are more than eight bits of a mean can tell apart: the gate must see that.
    assert whole["drop"] > 0
    assert whole["changed"]["count"] > 0
    assert done.returncode == 1
    assert "tints_int8 lost" in done.stderr
    assert half["original"] == whole["original"] > 0.5
    (behind,) = found["comparison"]["backends"]
    rows = {row["name"]: row for row in behind["rows"]}
    for name in ("top1", "latency, median", "size", "memory overall", "ops in the delegate"):
        assert len(rows[name]["figures"]) == 3, name
    again = call("convert", picture_model, "-o", made, "--to=float16")
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_what_cannot_be_made_is_refused_before_anything_is_written(
    picture_model: Path, keyword_model: Path, call: Call, tmp_path: Path
) -> None:
    for words, why in (
        ([picture_model, "--to=int7"], "unknown type 'int7'; did you mean 'int8'"),
        ([picture_model], "say what to make of it"),
        ([picture_model, "--to=int8"], "int8 needs samples to see the ranges of activations on"),
        ([picture_model, "--to=float16", "--max-drop=1%"], "--max-drop judges scores on a task"),
        ([picture_model, "--to=float16", "--calibration-list=l.txt"], "name it with --task"),
        ([keyword_model, "--to=float16"], "is quantised already"),
    ):
        done = call("convert", *words, "-o", tmp_path / "made")
        assert done.returncode == 2, done.stdout
        assert why in done.stderr
    assert not (tmp_path / "made").exists()


def test_a_darknet_network_is_read_directly_and_quantised_from_there(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")
    cfg = tmp_path / "tiny.cfg"
    cfg.write_text(
        "[net]\nwidth=8\nheight=8\n[convolutional]\nfilters=16\nsize=3\npad=1\nactivation=leaky\n", encoding="ascii"
    )
    lone = call("convert", cfg, "-o", tmp_path / "made")
    assert lone.returncode == 2
    assert "a Darknet network is a .cfg and a .weights file" in lone.stderr
    floats = [0.5] * (16 + 16 * 3 * 9)
    cfg.with_suffix(".weights").write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + struct.pack(f"<{len(floats)}f", *floats))
    done = call("convert", cfg, "-o", tmp_path / "made", "--to=dynamic", "--json")
    assert done.returncode == 0, done.stderr
    conversion = json.loads(done.stdout)["conversion"]
    assert [one["variant"] for one in conversion["files"]] == ["float32", "dynamic"]
    assert conversion["source_form"] == "a Darknet network, tiny.cfg with tiny.weights"
    # What of it cannot be made leaves nothing of the rest.
    done = call("convert", cfg, "-o", tmp_path / "other", "--to=int8")
    assert done.returncode == 2
    assert "int8 needs samples" in done.stderr
    assert not (tmp_path / "other").exists()


def test_a_model_that_xnnpack_refuses_is_quantised_without_by_the_option_that_is_said(
    call: Call, tmp_path: Path
) -> None:
    pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")
    model = refused_by_one(tmp_path / "axes.tflite", "XNNPACK")
    words = ["convert", model, "-o", tmp_path / "made", "--to=int8", "--task=tensors", "--only-convert"]
    done = call(*words)
    assert done.returncode == 2
    assert "The model runs without XNNPACK: use --backend cpu:xnnpack=false" in done.stderr
    done = call(*words, "--backend", "cpu:xnnpack=false")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made" / "axes_int8.tflite").is_file()


def test_ranges_of_random_numbers_without_a_seed_are_refused(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")
    wild = drawing_in_a_branch(tmp_path / "wild.tflite", 0)
    done = call("convert", wild, "-o", tmp_path / "made", "--to=int8", "--task=tensors", "--only-convert")
    assert done.returncode == 2
    assert "draws random numbers (RANDOM_UNIFORM)" in done.stderr
    assert "the ranges would be theirs" in done.stderr
