"""Whole runs of models whose input is not MLPerf's: refused before anything runs, or scored as the config says it is meant."""

from __future__ import annotations

import itertools
import json
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from harness.api import open_model
from harness.zoo.graph import layers
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph
from tasks.base import ModelMismatch

Call = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]

SIDE = 32
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


@pytest.fixture(scope="module")
def torch_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """int8 [1, 3, 32, 32] of -2.13 to 2.63 -> [1, 1000, 1, 1]: the nearest colour, as PyTorch would have it exported."""
    graph = Graph("nearest colour, channels first")
    picture = graph.input("picture", (1, 3, SIDE, SIDE), np.int8, Quantization.per_tensor(0.018658, -14))
    floats = graph.tensor("floats", picture.shape, np.float32)
    graph.operator("DEQUANTIZE", [picture], [floats], schema.DequantizeOptionsT())
    last = layers.transpose(graph, "last", floats, (0, 2, 3, 1))
    pool = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID, strideW=1, strideH=1, filterWidth=SIDE, filterHeight=SIDE
    )
    mean = graph.tensor("mean", (1, 1, 1, 3), np.float32)
    graph.operator("AVERAGE_POOL_2D", [last], [mean], pool)
    colours = (np.array(list(itertools.product(15 + 25 * np.arange(10), repeat=3))) - MEAN) / STD
    # A difference of one step counts alike in every channel.
    weight, bias = 2 * colours * np.square(STD), -(np.square(colours) * np.square(STD)).sum(axis=1)
    scores = layers.fully_connected(
        graph,
        "scores",
        layers.reshape(graph, "flat", mean, (1, 3)),
        graph.constant("colours", weight.astype(np.float32)),
        graph.constant("bias", bias.astype(np.float32)),
    )
    graph.output(layers.reshape(graph, "out", scores, (1, 1000, 1, 1)))
    path = tmp_path_factory.mktemp("torch") / "torch_int8.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path


def test_a_normalised_int8_export_is_refused_with_its_range_and_what_to_say(
    torch_model: Path, picture_data: Path, call: Call, complaint: Complaint, tmp_path: Path
) -> None:
    words = [
        "--task",
        "classification",
        "--model",
        torch_model,
        "--dataset",
        picture_data,
        "--set",
        "model.offset=null",
    ]
    done = call(*words, "--preset", "rapid", "--out", tmp_path / "run")
    assert done.returncode == 2
    said = complaint(done)
    assert "stands for -2.127 to 2.631, which is none of the ranges that bytes have" in said
    assert "model.mean=[123.675,116.28,103.53]" in said
    assert not list((tmp_path / "run").glob("mlperf_log_*"))


def test_it_scores_as_in_floats_once_a_config_names_the_normalisation(
    torch_model: Path, picture_data: Path, call: Call, tmp_path: Path
) -> None:
    config = tmp_path / "mine.yaml"
    lines = ["title: A network of mine", "task: classification", "model:", f"  use: {torch_model}", f"  mean: {MEAN}"]
    lines += [f"  std: {STD}", "dataset:", f"  use: {picture_data}"]
    config.write_text("\n".join(lines), encoding="utf-8")
    done = call("--task", config, "--mode", "accuracy", "--json", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"]["top1"]["value"] == 0.75


def test_the_config_of_the_page_scores_such_an_export(
    torch_model: Path, picture_data: Path, call: Call, tmp_path: Path
) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/models.md").read_text(encoding="utf-8")
    shown = page[page.index("    title: ResNet-18 of mine") : page.index("    ./run.sh --task resnet18.yaml")]
    (tmp_path / "resnet18.yaml").write_text(textwrap.dedent(shown), encoding="utf-8")
    (tmp_path / "resnet18_int8.tflite").write_bytes(torch_model.read_bytes())
    (tmp_path / "pictures").symlink_to(picture_data)
    words = ("--task", "resnet18.yaml", "--mode", "accuracy", "--scenario", "Offline")
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["accuracy"]["top1"]["value"], result["warnings"]) == (0.75, [])


def test_the_api_asks_for_it_and_takes_it(torch_model: Path) -> None:
    with pytest.raises(ModelMismatch, match=r"Say it with model\.mean and model\.std"):
        open_model("classification", model=torch_model, offset=None)
    with open_model("classification", model=torch_model, offset=None, mean=MEAN, std=STD) as classify:
        picture = np.full((SIDE, SIDE, 3), (15 + 25 * 3, 15 + 25 * 8, 15), np.uint8)
        assert classify(picture).best.number == 380


def test_a_model_of_one_score_a_pixel_is_refused_before_the_run(
    zoo: Path, call: Call, complaint: Complaint, tmp_path: Path
) -> None:
    model = zoo / "models/mediapipe/selfie_segmentation.tflite"
    done = call("--task", "deeplabv3", "--model", model, "--preset", "rapid", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "activation_10 float32 [1, 256, 256, 1] is one score a pixel" in complaint(done)
