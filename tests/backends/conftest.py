"""A real delegate library, models it takes ops of, and a Vulkan driver where one is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.litert.model_file import EDGETPU_OP
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph, Tensor

HERE = Path(__file__).parent
SIDE, CLASSES = 32, 1001


@pytest.fixture(scope="session")
def delegate_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """delegate.c, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler is here to build the test delegate with")
    library = tmp_path_factory.mktemp("delegate") / "libtest_delegate.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "delegate.c"], check=True)
    return library


@pytest.fixture(scope="session")
def compile_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds a shared library from C source."""

    def build(source: str) -> Path:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler is here")
        folder = tmp_path_factory.mktemp("library")
        (folder / "source.c").write_text(source, encoding="ascii")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "lib.so", folder / "source.c"], check=True)
        return folder / "lib.so"

    return build


def add(graph: Graph, name: str, left: Tensor, right: Tensor, op: str = "ADD") -> Tensor:
    """left + right."""
    total = graph.tensor(name, left.shape, np.float32)
    graph.operator(op, [left, right], [total], *([schema.AddOptionsT()] if op == "ADD" else []))
    return total


@pytest.fixture(scope="session")
def adds_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 32, 32, 3] -> [1, 1001] in 5 ops, of which the first and the last are ADDs."""
    return _write_adds(tmp_path_factory.mktemp("models") / "adds.tflite", "ADD")


@pytest.fixture(scope="session")
def edgetpu_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with custom ops in place of the ADDs: nothing but the test delegate runs it."""
    return _write_adds(tmp_path_factory.mktemp("models") / "adds_edgetpu.tflite", EDGETPU_OP)


def _write_adds(path: Path, op: str) -> Path:
    rng = np.random.default_rng(5)
    graph = Graph("adds")
    picture = graph.input("picture", (1, SIDE, SIDE, 3), np.float32)
    tint = graph.constant("tint", np.array([0.1, -0.2, 0.3], np.float32))
    mean = graph.tensor("mean", (1, 1, 1, 3), np.float32)
    pool = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID, strideW=1, strideH=1, filterWidth=SIDE, filterHeight=SIDE
    )
    graph.operator("AVERAGE_POOL_2D", [add(graph, "tinted", picture, tint, op)], [mean], pool)
    flat = layers.reshape(graph, "flat", mean, (1, 3))
    weight = graph.constant("weight", rng.normal(size=(CLASSES, 3)).astype(np.float32))
    zero = graph.constant("zero", np.zeros(CLASSES, np.float32))
    scores = layers.fully_connected(graph, "products", flat, weight, zero)
    bias = graph.constant("bias", rng.normal(size=CLASSES).astype(np.float32))
    graph.output(add(graph, "scores", scores, bias, op))
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture(scope="session")
def classify(adds_model: Path, picture_data: Path, short: list[str]) -> list[str]:
    """The words of a short run of the model with ADDs."""
    return ["--task", "mobilenet_edgetpu", "--model", str(adds_model), "--dataset", str(picture_data), *short]


@pytest.fixture(scope="session")
def vulkan() -> dict[str, str]:
    """Environment in which the GPU backend finds a Vulkan driver: the machine's own, or SwiftShader unpacked by .ci/run."""
    wanted = os.environ.get("TFLITE_LOADGEN_SWIFTSHADER", HERE.parents[1] / ".ci-cache" / "swiftshader")
    driver = next(Path(wanted).glob("**/vk_swiftshader_icd.json"), None)
    if driver is None:
        pytest.skip(f"no Vulkan driver in software below {wanted}: .ci/run unpacks one there")
    return {"VK_ICD_FILENAMES": str(driver.resolve()), "LD_LIBRARY_PATH": str(driver.resolve().parent)}
