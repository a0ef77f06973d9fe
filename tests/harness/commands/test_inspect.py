"""What `inspect` says of model files, also of corrupt ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7])
def test_a_cut_file_is_refused_by_the_command_without_a_traceback(
    share: float, small: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "cut.tflite"
    whole = small.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    done = cli("inspect", path)
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_inspect_says_the_same_to_people_and_programs(small: Path, cli: Callable[..., Any]) -> None:
    data = json.loads(cli("inspect", small, "--json").stdout)
    assert data["multiply_adds"] == 8 * 6 * 4 * 27 + 8 * 6 * 4 * 25
    assert data["loads"] is True
    assert data["needs"] is None
    text = cli("inspect", small).stdout
    assert "picture: float32 [1, 8, 6, 3]" in text
    assert "CONV_2D v1, DEPTHWISE_CONV_2D v1" in text
    # Less than 0.01 M: as it is.
    assert "work       9,984 multiply-adds an inference\n" in text
    assert data["not_counted"] == []


def test_inspect_names_what_an_edge_tpu_model_needs(zoo: Path, cli: Callable[..., Any]) -> None:
    done = cli("inspect", zoo / "models/coral/mobilenet_v2_1.0_224_quant_edgetpu.tflite", "--json")
    data = json.loads(done.stdout)
    assert data["custom_ops"] == ["edgetpu-custom-op"]
    assert data["loads"] is False
    assert "Edge TPU" in data["needs"]


def test_an_unknown_model_gets_a_near_miss(cli: Callable[..., Any]) -> None:
    done = cli("inspect", "mobilebert_int9")
    assert done.returncode == 2
    assert "did you mean 'mobilebert_int8'" in done.stderr


def test_a_model_of_a_collection_that_is_not_here_says_how_to_get_it(cli: Callable[..., Any]) -> None:
    done = cli("inspect", "selfie_segmentation_landscape_256x256_f32")
    assert done.returncode == 2
    assert "./run.sh fetch ml-test-assets" in done.stderr
