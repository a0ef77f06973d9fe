"""The GPU, on a Vulkan driver in software where there is no other. Its processes are the command line's: a driver may crash."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.gpu import read_adapter, why_not
from backends.litert.litert_c import CPU
from backends.litert.times.compiled_profile import compiled_time_share
from backends.litert.times.profile import UNSEEN
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]

SAID = """I0000 1 2 environment.cc:532] Selected adapter: Some Device (X), arch=some, vendor=maker, backend=Vulkan
INFO: [gpu_environment.h:155] Created LiteRT GpuEnvironment.
"""


@pytest.fixture(scope="session")
def rank_two_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with a rank-2 constant of more than one row, which LiteRT's accelerator adds wrongly."""
    rng = np.random.default_rng(2)
    graph = Graph("rank two")
    picture = graph.input("picture", (1, 32, 32, 3), np.float32)
    means = graph.tensor("means", (1, 4, 4, 3), np.float32)
    pool = schema.Pool2DOptionsT(padding=schema.Padding.VALID, strideW=8, strideH=8, filterWidth=8, filterHeight=8)
    graph.operator("AVERAGE_POOL_2D", [picture], [means], pool)
    rows = layers.reshape(graph, "rows", means, (16, 3))
    moved = graph.tensor("moved", (16, 3), np.float32)
    offset = graph.constant("offset", rng.normal(size=(16, 3)).astype(np.float32))
    graph.operator("ADD", [rows, offset], [moved], schema.AddOptionsT())
    weight = graph.constant("weight", rng.normal(size=(1001, 48)).astype(np.float32))
    zero = graph.constant("zero", np.zeros(1001, np.float32))
    graph.output(layers.fully_connected(graph, "scores", layers.reshape(graph, "flat", moved, (1, 48)), weight, zero))
    path = tmp_path_factory.mktemp("models") / "rank_two.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path


def test_the_adapter_is_read_from_the_runtimes_own_words() -> None:
    assert read_adapter(SAID) == {
        "adapter": "Some Device (X)",
        "arch": "some",
        "vendor": "maker",
        "backend": "Vulkan",
    }
    assert read_adapter("nothing of the kind") == {}


def test_why_there_is_no_gpu_is_told_apart() -> None:
    assert "Vulkan loader" in why_not("Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open\nNo adapters found")
    assert "VK_ICD_FILENAMES" in why_not("ERROR: Failed to initialize WebGPU environment: INTERNAL: No adapters found")
    assert "SQUEEZE" in why_not("Following operations are not supported by GPU delegate:\nSQUEEZE: No.\n1 operations")


def test_without_a_driver_the_backend_says_so(cli: Cli, keywords: list[str], tmp_path: Path, read_result: Read) -> None:
    nowhere = {"VK_ICD_FILENAMES": "/no/such/driver.json", "VK_DRIVER_FILES": "/no/such/driver.json"}
    done = cli(*keywords, "--backend", "gpu", "--out", tmp_path / "run", env=nowhere)
    assert done.returncode == 2
    assert "Vulkan" in done.stderr
    assert read_result(tmp_path / "run")["status"] == "failed"


def test_keyword_spotting_on_the_gpu_agrees_and_names_the_adapter(
    cli: Cli, zoo: Path, vulkan: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    words = ["--model", zoo / "models/mlperf_tiny/kws_ref_model_int8.tflite", "--dataset", zoo / "datasets/kws01"]
    run = ["--task", "kws", *words, "--backend", "gpu", "--preset", "rapid", "--set", "load.min_duration_ms=0"]
    done = cli(*run, "--require-full", "--out", tmp_path / "run", env=vulkan)
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert (result["status"], result["backend"]["engine"]) == ("valid", "CompiledModel")
    assert result["backend"]["device"]["adapter"]
    assert result["backend"]["delegated_nodes"] == result["backend"]["nodes"] == 13
    assert result["parity"]["passed"] is True
    assert result["parity"]["outputs"][0]["max_steps"] <= 1


def test_a_wrong_answer_of_the_gpu_is_caught_before_anything_is_timed(
    cli: Cli,
    rank_two_model: Path,
    picture_data: Path,
    short: list[str],
    vulkan: dict[str, str],
    tmp_path: Path,
    read_result: Read,
) -> None:
    words = ["--task", "mobilenet_edgetpu", "--model", rank_two_model, "--dataset", picture_data, *short]
    done = cli(*words, "--backend", "gpu", "--out", tmp_path / "run", env=vulkan)
    assert done.returncode == 3
    assert "disagrees with one CPU thread" in done.stderr
    result = read_result(tmp_path / "run")
    assert result["status"] == "failed"
    assert result["parity"]["outputs"][0]["max_error"] > 0.5
    # The same graph is right on the CPU's other engine.
    assert cli(*words, "--backend", "cpu:engine=CompiledModel", "--out", tmp_path / "cpu").returncode == 0


def test_diff_names_the_tensor_that_the_gpu_gets_wrong(cli: Cli, rank_two_model: Path, vulkan: dict[str, str]) -> None:
    done = cli("diff", rank_two_model, "--backend", "gpu", "--num_runs", "3", "--bisect", "--json", env=vulkan)
    assert done.returncode == 0, done.stderr
    culprit = json.loads(done.stdout)["bisected"]["culprit"]
    assert (culprit["tensor"], culprit["operator"], culprit["shape"]) == ("moved", "ADD", [16, 3])


def test_profile_counts_the_ops_inside_the_gpus_piece(cli: Cli, keyword_model: Path, vulkan: dict[str, str]) -> None:
    words = ("--backend", "gpu", "--num_runs", "2", "--by", "order")
    done = cli("profile", keyword_model, *words, env=vulkan)
    assert done.returncode == 0, done.stderr
    assert "LITERT_WEBGPU: 2 ops inside" in done.stdout
    assert "a clock around each node of the graph" in done.stdout


def test_ops_left_to_the_cpu_are_counted_and_named(
    cli: Cli, zoo: Path, vulkan: dict[str, str], tmp_path: Path, environment: dict[str, str]
) -> None:
    model = zoo / "models/mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite"
    code = (
        "import sys, json; from pathlib import Path; from backends.gpu import GpuBackend;"
        "info = GpuBackend(Path(sys.argv[1]), threads=1).info().coverage;"
        "print(json.dumps([info.nodes, info.delegated_nodes, info.cpu_ops]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, model],
        env=environment | vulkan,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [78, 75, {"SQUEEZE": 1, "(cut off from the rest)": 2}]


@pytest.fixture(scope="session")
def partly_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two classifiers whose SQUEEZE, and all after it, is left to the CPU: next to nothing, and 7 million multiply-adds."""
    folder = tmp_path_factory.mktemp("models")
    return {name: _write_partly(folder / f"{name}.tflite", hidden) for name, hidden in (("light", 0), ("heavy", 4096))}


def _write_partly(path: Path, hidden: int) -> Path:
    rng = np.random.default_rng(3)
    graph = Graph("partly")
    values = graph.input("picture", (1, 32, 32, 3), np.float32)
    for side in (16, 8):
        smaller = graph.tensor(f"pooled to {side}", (1, side, side, 3), np.float32)
        pool = schema.Pool2DOptionsT(padding=schema.Padding.VALID, strideW=2, strideH=2, filterWidth=2, filterHeight=2)
        graph.operator("AVERAGE_POOL_2D", [values], [smaller], pool)
        values = smaller
    values = layers.reshape(graph, "row", values, (1, 1, 1, 192))
    flat = graph.tensor("flat", (1, 192), np.float32)
    graph.operator("SQUEEZE", [values], [flat], schema.SqueezeOptionsT(squeezeDims=[1, 2]))
    for name, size in (("hidden", hidden), ("scores", 1001)):
        if size:
            weight = graph.constant(f"{name}/weight", rng.normal(0, 0.1, (size, flat.shape[1])).astype(np.float32))
            zero = graph.constant(f"{name}/zero", np.zeros(size, np.float32))
            flat = layers.fully_connected(graph, name, flat, weight, zero)
    graph.output(flat)
    with path.open("wb") as file:
        graph.write(file)
    return path


def test_what_the_gpu_leaves_to_the_cpu_has_its_share_of_the_time(
    cli: Cli,
    partly_models: dict[str, Path],
    picture_data: Path,
    short: list[str],
    vulkan: dict[str, str],
    tmp_path: Path,
    read_result: Read,
) -> None:
    shares = {}
    for name, model in partly_models.items():
        words = ["--task", "mobilenet_edgetpu", "--model", model, "--dataset", picture_data, *short]
        done = cli(*words, "--backend", "gpu", "--out", tmp_path / name, env=vulkan)
        assert done.returncode == 0, done.stderr
        backend = read_result(tmp_path / name)["backend"]
        assert backend["delegated_nodes"] == 3
        assert "SQUEEZE" in backend["cpu_ops"]
        assert backend["cpu_ops_time_unknown"] is None
        shares[name] = backend["cpu_ops_time_share"]
    assert 0 < shares["light"] < shares["heavy"] < 1


def test_a_model_that_is_wholly_the_cpus_has_no_accelerators_share(adds_model: Path) -> None:
    picture = np.zeros((1, 32, 32, 3), np.float32)
    found = compiled_time_share(adds_model, hardware=CPU, options={}, inputs=[picture], outputs=1)
    assert found == UNSEEN


def test_a_model_that_cannot_be_compiled_again_has_no_share_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    found = compiled_time_share(tmp_path / "cut.tflite", hardware=CPU, options={}, inputs=[], outputs=1)
    assert found.cpu is None
    assert "LiteRtCreateModelFromFile answers" in str(found.why)
