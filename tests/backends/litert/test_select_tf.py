"""Select TensorFlow ops run in LiteRT's interpreter with TensorFlow's Flex delegate, where its library was installed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from backends.base import BackendUnavailable, ModelRejected
from backends.cpu import open_cpu
from backends.litert.select_tf import library
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph

VALUES = np.array([[-2.0, -0.5, 0.25, 1.5]], np.float32)
needs_flex = pytest.mark.skipif(
    library() is None, reason="TensorFlow's Flex delegate is not here: ./run.sh install flex"
)


def node(name: str) -> bytes:
    """What the converter writes behind a select op: its name, and a tensorflow.NodeDef {name, op, input, attr T: float}."""
    kernel = name.encode()
    definition = b"\x12" + bytes([len(kernel)]) + kernel + b"\x1a\x00" + b"*\x07\n\x01T\x12\x020\x01"
    return bytes(flexbuffers.Dumps([name, definition.decode("ascii")]))


@pytest.fixture(scope="module")
def erf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """erf(2 x): an op of LiteRT's and one of TensorFlow's."""
    graph = Graph("erf")
    given = graph.input("given", VALUES.shape, np.float32)
    twice = layers.add(graph, "twice", given, given)
    answer = graph.tensor("answer", VALUES.shape, np.float32)
    graph.operator("FlexErf", [twice], [answer], custom_options=node("Erf"))
    graph.output(answer)
    path = tmp_path_factory.mktemp("models") / "erf.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture
def without_flex(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))


def test_without_the_delegate_select_ops_are_named_with_what_brings_it(erf: Path, without_flex: None) -> None:
    with pytest.raises(ModelRejected, match=r"needs select TensorFlow ops.*: FlexErf\. .*\./run\.sh install flex"):
        open_cpu(erf, threads=1)


def test_a_broken_library_is_not_here(erf: Path, without_flex: None, tmp_path: Path) -> None:
    place = tmp_path / "flex" / "tensorflow"
    place.mkdir(parents=True)
    (place / "libtensorflow_cc.so.2").write_bytes(b"half of it")
    with pytest.raises(BackendUnavailable, match=r"Flex delegate cannot be had.*Get it again: \./run\.sh install flex"):
        open_cpu(erf, threads=1)


def test_a_compiled_model_refuses_select_ops_by_name(erf: Path) -> None:
    with pytest.raises(ModelRejected, match=r"runs no select TensorFlow ops \(FlexErf in .*use --backend cpu"):
        open_cpu(erf, threads=1, engine="CompiledModel")


@needs_flex
@pytest.mark.parametrize("xnnpack", [True, False])
def test_select_ops_run_and_the_result_says_whose_they_are(xnnpack: bool, erf: Path) -> None:
    expected = np.vectorize(math.erf)(2 * VALUES)
    for _ in range(2):
        backend = open_cpu(erf, threads=1, xnnpack=xnnpack)
        for _ in range(2):
            np.testing.assert_allclose(backend.invoke([VALUES])[0], expected, atol=1e-6)
            np.testing.assert_allclose(backend.runner()([VALUES])[0], expected, atol=1e-6)
        info = backend.info()
        assert (info.engine, info.accelerator) == ("Interpreter", False)
        assert info.delegate == ("TensorFlow's Flex + XNNPACK" if xnnpack else "TensorFlow's Flex")
        assert info.device == {"flex_library": str(library())}
        assert info.coverage is not None
        assert (info.coverage.nodes, info.coverage.delegated_nodes) == (2, 2 if xnnpack else 1)
        backend.close()
    assert not {"tensorflow", "keras"} & sys.modules.keys()


@needs_flex
def test_what_another_delegate_leaves_may_be_tensorflows(erf: Path, delegate_library: Path) -> None:
    from backends.external import ExternalBackend

    backend = ExternalBackend(erf, threads=1, library=str(delegate_library))
    np.testing.assert_allclose(backend.invoke([VALUES])[0], np.vectorize(math.erf)(2 * VALUES), atol=1e-6)
    info = backend.info()
    assert info.coverage is not None
    assert (info.coverage.delegated_nodes, info.coverage.cpu_ops) == (1, {"FlexErf": 1})
    assert info.device == {"library": str(delegate_library), "flex_library": str(library())}


@needs_flex
def test_inspect_says_that_the_delegate_is_here(erf: Path, call: Callable[..., Any]) -> None:
    said = json.loads(call("inspect", erf, "--json").stdout)
    assert (said["loads"], said["select_tf_ops"]) == (True, ["FlexErf"])
    assert said["needs"].endswith("TensorFlow's Flex delegate has them and is here")


@needs_flex
def test_bench_profile_and_diff_show_a_model_of_select_ops(erf: Path, call: Callable[..., Any]) -> None:
    few = ("--num_runs=3", "--max_secs=30")
    benched = json.loads(call("bench", erf, *few, "--min_secs=0", "--warmup_min_secs=0", "--json").stdout)["rows"][0]
    assert benched["opened"]["backend"]["delegate"] == "TensorFlow's Flex + XNNPACK"
    assert not benched["description"]["counts_are_complete"]
    profiled = json.loads(call("profile", erf, *few, "--no-peak", "--json").stdout)
    assert profiled["why_coarse"] == "a compiled model runs no select TensorFlow ops (FlexErf)"
    assert "TfLiteFlexDelegate" in {row["name"] for row in profiled["by_type"]}
    differed = call("diff", erf, "--num_runs=2", "--reference=builtin")
    assert differed.returncode == 0, differed.stderr
    assert "TensorFlow's Flex runs 1 of 2 ops" in differed.stdout


@needs_flex
@pytest.mark.skipif(util.find_spec("tensorflow") is None, reason="no converter is here: ./run.sh install tensorflow")
def test_a_model_out_of_tensorflows_converter_answers_as_tensorflow_does(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    import subprocess

    # In a process of its own: two versions of TensorFlow do not share one.
    source = (
        "import sys, numpy as np, tensorflow as tf\n"
        "def f(x): return tf.raw_ops.Erf(x=tf.raw_ops.Cumsum(x=x, axis=1)) + tf.raw_ops.Sinh(x=x)\n"
        "traced = tf.function(f, input_signature=[tf.TensorSpec([1, 4], tf.float32)]).get_concrete_function()\n"
        "converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])\n"
        "converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]\n"
        "open('model.tflite', 'wb').write(converter.convert())\n"
        "np.save('answer.npy', f(tf.constant(np.load('given.npy'))))\n"
    )
    np.save(tmp_path / "given.npy", VALUES)
    subprocess.run([sys.executable, "-c", source], cwd=tmp_path, check=True, capture_output=True)
    backend = open_cpu(tmp_path / "model.tflite", threads=1)
    assert "TensorFlow's Flex" in (backend.info().delegate or "")
    np.testing.assert_allclose(backend.invoke([VALUES])[0], np.load(tmp_path / "answer.npy"), atol=1e-6)
