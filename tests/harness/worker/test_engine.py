"""`auto` measures the CPU's engines on the model at hand, and says what it measured."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.base import ModelRejected
from backends.cpu import CpuBackend, open_cpu
from backends.litert.compiled import unfit_for_compiling
from backends.litert.file.custom_ops import POST_PROCESSING_OP
from harness.config.backend import BackendSection
from harness.messages.calibration import EngineChoice
from harness.model.opening import Opener
from harness.worker.engine import choose_engine
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]

SLOW_INTERPRETER = """
import time
from backends.cpu import CpuBackend
plain = CpuBackend.invoke
def invoke(self, inputs):
    time.sleep(0.002)
    return plain(self, inputs)
CpuBackend.invoke = invoke
"""
WRONG_COMPILED_MODEL = """
from backends.cpu import CompiledCpuBackend
right = CompiledCpuBackend.invoke
CompiledCpuBackend.invoke = lambda self, inputs: [-output for output in right(self, inputs)]
"""


@pytest.fixture
def altered(tmp_path: Path, environment: dict[str, str]) -> Callable[[str], dict[str, str]]:
    """Environment in which every process of ours starts with this code."""

    def install(code: str) -> dict[str, str]:
        site = tmp_path / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(code, encoding="utf-8")
        return {"PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(site)])}

    return install


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_a_compiled_model_that_is_clearly_quicker_is_taken_proven_and_named(
    scenario: str,
    cli: Cli,
    classify: list[str],
    altered: Callable[[str], dict[str, str]],
    tmp_path: Path,
    read_result: Read,
) -> None:
    out = ["--scenario", scenario, "--out", tmp_path / "run"]
    done = cli(*classify, *out, env=altered(SLOW_INTERPRETER))
    result = read_result(tmp_path / "run")
    # Whether Offline took as long as asked is the machine's affair.
    assert result["status"] in ("valid", "invalid"), done.stderr
    assert result["backend"]["engine"] == "CompiledModel"
    # It does not tell its coverage, so nobody does.
    assert {result["backend"][key] for key in ("nodes", "delegated_nodes", "partitions", "delegate")} == {None}
    engines = result["calibration"]["engines"]
    assert engines["chosen"] == "CompiledModel"
    assert engines["median_ns"]["CompiledModel"] < engines["median_ns"]["Interpreter"]
    assert engines["pairs"] >= 10
    assert engines["time_s"] > 0
    assert result["parity"]["passed"] is True
    assert result["parity"]["reference"].startswith("cpu, Interpreter, 1 thread")


def test_a_compiled_model_that_is_quicker_and_wrong_is_not_taken(
    cli: Cli, classify: list[str], altered: Callable[[str], dict[str, str]], tmp_path: Path, read_result: Read
) -> None:
    done = cli(*classify, "--out", tmp_path / "run", env=altered(SLOW_INTERPRETER + WRONG_COMPILED_MODEL))
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert (result["backend"]["engine"], result["backend"]["nodes"]) == ("Interpreter", 5)
    assert result["calibration"]["engines"]["why"] == "CompiledModel is quicker, but answers otherwise"
    assert result["parity"] is None


@pytest.mark.parametrize("engine", ["Interpreter", "CompiledModel"])
def test_an_engine_that_is_named_is_not_measured(
    engine: str, cli: Cli, classify: list[str], tmp_path: Path, read_result: Read
) -> None:
    assert cli(*classify, "--backend", f"cpu:engine={engine}", "--out", tmp_path / "run").returncode == 0
    result = read_result(tmp_path / "run")
    assert result["backend"]["engine"] == engine
    assert "engines" not in result["calibration"]


def test_coverage_that_is_asked_for_keeps_the_engine_that_tells_it(
    cli: Cli, classify: list[str], tmp_path: Path, read_result: Read
) -> None:
    assert cli(*classify, "--require-full=0.1", "--out", tmp_path / "run").returncode == 0
    result = read_result(tmp_path / "run")
    assert result["backend"]["engine"] == "Interpreter"
    assert "engines" not in result["calibration"]


def test_a_compiled_model_is_not_tried_where_it_would_write_past_its_buffers(zoo: Path) -> None:
    model = zoo / "models/ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite"
    assert unfit_for_compiling(model) == f"it has custom ops ({POST_PROCESSING_OP})"
    # Seen: its process was killed for a corrupt heap.
    with pytest.raises(ModelRejected, match=rf"outputs whose shape .* leaves open: .*{POST_PROCESSING_OP}"):
        open_cpu(model, threads=1, engine="CompiledModel")


def test_outputs_of_open_shape_are_told_from_scalars_and_open_batches(
    tmp_path: Path, adds_model: Path, keyword_model: Path
) -> None:
    assert unfit_for_compiling(adds_model) is None
    assert unfit_for_compiling(keyword_model) is None
    graph = Graph("places")
    values = graph.input("values", (1, 8), np.float32)
    places = graph.tensor("places", (8, 2), np.int64)
    zero = graph.constant("zero", np.zeros(1, np.float32))
    mask = graph.tensor("mask", (1, 8), np.bool_)
    graph.operator("GREATER", [values, zero], [mask])
    graph.operator("WHERE", [mask], [places])
    graph.output(places)
    _write_with_output(graph, tmp_path / "open.tflite", shapeSignature=[-1, 2])
    assert unfit_for_compiling(tmp_path / "open.tflite") == "the file does not say what shape its outputs have"
    assert CpuBackend(tmp_path / "open.tflite", threads=1).invoke([np.ones((1, 8), np.float32)])[0].shape == (8, 2)


def test_a_model_that_only_the_interpreter_runs_stays_on_it_and_says_why(
    tmp_path: Path, cli: Cli, picture_data: Path, short: list[str], read_result: Read
) -> None:
    graph = Graph("wide classes")
    picture = graph.input("picture", (1, 32, 32, 3), np.float32)
    mean = graph.tensor("mean", (1, 3), np.float32)
    axes = graph.constant("axes", np.array([1, 2], np.int32))
    graph.operator("MEAN", [picture, axes], [mean], schema.ReducerOptionsT())
    weight = graph.constant("weight", np.random.default_rng(0).normal(size=(1001, 3)).astype(np.float32))
    scores = layers.fully_connected(graph, "scores", mean, weight, graph.constant("zero", np.zeros(1001, np.float32)))
    wide = graph.tensor("wide", (1, 1001), np.int64)
    graph.operator("CAST", [scores], [wide], schema.CastOptionsT())
    graph.output(wide)
    _write_with_output(graph, tmp_path / "wide.tflite", type=schema.TensorType.INT16)
    words = ["--task", "mobilenet_edgetpu", "--model", tmp_path / "wide.tflite", "--dataset", picture_data, *short]
    done = cli(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    engines = read_result(tmp_path / "run")["calibration"]["engines"]
    assert engines["chosen"] == "Interpreter"
    assert "CompiledModel cannot run it: it has no buffers for wide is int16" in engines["why"]


@pytest.mark.parametrize(
    ("model", "keeps"),
    [
        ("recurrent_keyword_model", "1 variable tensor"),
        ("counting_model", "resource variables (ASSIGN_VARIABLE)"),
    ],
)
def test_a_model_that_keeps_something_stays_on_the_engine_that_puts_it_back_and_says_why(
    model: str, keeps: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    section = BackendSection()
    opener = Opener(request.getfixturevalue(model), "0" * 64, section, tmp_path)
    load = SimpleNamespace(mode="performance")
    instances: Any = SimpleNamespace(
        spec=SimpleNamespace(backend=section, load=load), opener=opener, first=opener.open(1)
    )
    choice = choose_engine(instances, [0], lambda proven: pytest.fail(f"{proven} of a rival"))
    assert choice is not None
    assert (choice.chosen, choice.median_ns) == ("Interpreter", EngineChoice("Interpreter", "", 0.0).median_ns)
    assert choice.why == f"CompiledModel cannot put back what the model keeps: {keeps}"


def _write_with_output(graph: Graph, path: Path, **fields: Any) -> None:
    """Writes the model with fields of its output changed to what the writer does not know."""
    with path.open("wb") as file:
        graph.write(file)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    output = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]]
    for name, value in fields.items():
        setattr(output, name, value)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
