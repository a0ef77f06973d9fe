"""The four tasks' models agree with the CPU on a Vulkan driver in software, on samples of their own data sets."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.zoo.graph.mobilebert import MobileBertConfig, build_graph
from harness.zoo.standins import networks
from harness.zoo.standins.mobilebert import make_weights
from harness.zoo.standins.picture_models import classifier, load_weights, segmenter

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
SAMPLES = {"deeplabv3": 1}
"""Of a task; 2 of any other. A class map is 16,384 decisions."""
SIDE = 128
"""Of the pictures of networks that take any: all of their ops in a fraction of the time."""
SMALLER = {
    "mobilenet_edgetpu": (classifier, networks.mobilenet_edgetpu),
    "deeplabv3": (segmenter, networks.deeplabv3),
}
# A software driver takes its time: an accuracy run of these samples, in which nothing else is asked; and no run at all where
# the driver's rounding differs, since then it stops after its proof. The figures are held against the tolerances here.
STRICT = ("backend.parity.max_steps=0", "backend.parity.max_share=0", "backend.parity.min_agreement=1")


@pytest.fixture
def prove(
    cli: Cli, vulkan: dict[str, str], tmp_path: Path, read_result: Read
) -> Callable[[str, str | Path], dict[str, Any]]:
    """Runs a task's model on the GPU: prove(task, model) -> result."""

    def run(task: str, model: str | Path) -> dict[str, Any]:
        samples = SAMPLES.get(task, 2)
        overrides = [word for setting in (*STRICT, f"backend.parity.samples={samples}") for word in ("--set", setting)]
        words = ["--task", task, "--model", model, "--mode", "accuracy", "--count", str(samples), *overrides]
        done = cli(*words, "--backend", "gpu", "--out", tmp_path / "run", env=vulkan)
        # 1: a target is missed. 3: not the same to the last bit. Neither is what is looked at here.
        assert done.returncode in (0, 1, 3), done.stderr
        return read_result(tmp_path / "run")

    return run


@pytest.mark.parametrize(("task", "min_agreement"), [("mobilenet_edgetpu", 1.0), ("deeplabv3", 0.97)])
def test_int8_models_of_pictures_agree_with_the_cpu(
    task: str, min_agreement: float, prove: Callable[[str, str | Path], dict[str, Any]], tmp_path: Path
) -> None:
    make, network = SMALLER[task]
    with (tmp_path / f"{task}.tflite").open("wb") as file:
        make(replace(network(), side=SIDE), load_weights(task), "int8").write(file)
    agrees(prove(task, tmp_path / f"{task}.tflite"), 32, min_agreement)


def test_a_detector_whose_anchors_are_those_of_its_own_size_agrees_with_the_cpu(
    prove: Callable[[str, str | Path], dict[str, Any]],
) -> None:
    agrees(prove("ssd_mobilenet_v2", "ssd_mobilenet_v2_300_uint8"), None, 0.9)


def test_mobilebert_agrees_with_the_cpu(prove: Callable[[str, str | Path], dict[str, Any]], tmp_path: Path) -> None:
    # 2 of the 24 blocks, as above.
    config = MobileBertConfig(blocks=2)
    with (tmp_path / "mobilebert.tflite").open("wb") as file:
        build_graph(make_weights(config), config, "int8").write(file)
    result = prove("mobilebert", tmp_path / "mobilebert.tflite")
    agrees(result, None, 1.0)
    for output in result["parity"]["outputs"]:
        assert output["share_of_range"] <= 0.02


def agrees(result: dict[str, Any], max_steps: float | None, min_agreement: float) -> None:
    """The proof was made of real samples on the GPU and is within the tolerance that docs/backends.md states."""
    proof, backend = result["parity"], result["backend"]
    assert proof["samples"] == SAMPLES.get(result["task"], 2)
    assert proof["reference"].startswith("cpu, Interpreter, 1 thread")
    assert backend["device"]["adapter"]
    assert backend["delegated_nodes"] > 0.9 * backend["nodes"]
    for output in proof["outputs"]:
        assert output.get("finite") is not False
        assert output["agreement"] is None or output["agreement"] >= min_agreement
        if max_steps is not None and output["max_steps"] is not None:
            assert output["max_steps"] <= max_steps
    assert any(output["agreement"] is not None for output in proof["outputs"])
