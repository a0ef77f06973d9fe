"""The CPU's engines and options answer alike."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import BackendUnavailable, ModelRejected
from backends.cpu import open_cpu
from backends.litert.weight_cache import SharedFile
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
PICTURE = np.random.default_rng(1).normal(size=(1, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "engine", "error"),
    [
        ({}, "Interpreter", 0),
        ({"xnnpack": False}, "Interpreter", 1e-4),
        ({"reference_kernels": True}, "Interpreter", 1e-4),
        ({"engine": "CompiledModel"}, "CompiledModel", 1e-4),
        ({"xnnpack_flags": 11}, "CompiledModel", 1e-4),
        ({"force_fp16": True}, "CompiledModel", 0.02),
    ],
)
def test_every_way_to_run_on_the_cpu_answers_the_same(
    options: dict[str, Any], engine: str, error: float, adds_model: Path
) -> None:
    expected = open_cpu(adds_model, threads=1).invoke([PICTURE])[0]
    backend = open_cpu(adds_model, threads=1, **options)
    assert backend.info().engine == engine
    for _ in range(2):
        np.testing.assert_allclose(backend.invoke([PICTURE])[0], expected, rtol=0, atol=error)
    first = backend.invoke([PICTURE])[0]
    kept = first.copy()
    backend.invoke([2 * PICTURE])
    np.testing.assert_array_equal(first, kept)
    backend.close()


def test_half_precision_is_half(adds_model: Path) -> None:
    expected = open_cpu(adds_model, threads=1).invoke([PICTURE])[0]
    assert np.abs(open_cpu(adds_model, threads=1, force_fp16=True).invoke([PICTURE])[0] - expected).max() > 1e-6


@pytest.mark.parametrize("engine", ["Interpreter", "CompiledModel"])
def test_packed_weights_are_kept_where_asked(engine: Any, adds_model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "weights" / "adds.xnnpack"
    first = open_cpu(adds_model, threads=1, engine=engine, weight_cache=str(cache))
    size = cache.stat().st_size
    second = open_cpu(adds_model, threads=2, engine=engine, weight_cache=str(cache))
    assert size > 0
    assert cache.stat().st_size == size
    np.testing.assert_array_equal(first.invoke([PICTURE])[0], second.invoke([PICTURE])[0])


def test_instances_that_share_their_weights_answer_exactly_as_those_that_do_not(adds_model: Path) -> None:
    shared, plain = SharedFile(), open_cpu(adds_model, threads=1, engine="Interpreter")
    several = [open_cpu(adds_model, threads=threads, weight_cache=shared.path) for threads in (1, 2, 1)]
    expected = plain.invoke([PICTURE])[0]
    for backend in several:
        np.testing.assert_array_equal(backend.invoke([PICTURE])[0], expected)
        info = backend.info()
        assert (info.engine, info.delegate, info.coverage) == ("Interpreter", "XNNPACK", plain.info().coverage)
        assert info.options == {"xnnpack": True, "weight_cache": "in memory"}
    # The others go on when the first is gone, and so do they when the file's name is.
    several.pop(0).close()
    del shared
    for backend in several:
        np.testing.assert_array_equal(backend.invoke([PICTURE])[0], expected)
        backend.close()


def test_a_weight_cache_needs_xnnpack(adds_model: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"only XNNPACK has a weight_cache, which xnnpack=false keeps out"):
        open_cpu(adds_model, threads=1, xnnpack=False, weight_cache="somewhere")


def test_the_instances_of_a_large_model_share_their_weights(
    call: Cli, read_result: Read, picture_data: Path, short: list[str], tmp_path: Path
) -> None:
    graph = Graph("large")
    rng = np.random.default_rng(1)
    flat = layers.reshape(graph, "flat", graph.input("picture", (1, 32, 32, 3), np.float32), (1, 3072))
    for name, inputs, outputs in (("hidden", 3072, 1600), ("scores", 1600, 1001)):
        weight = graph.constant(f"{name}/weight", rng.normal(size=(outputs, inputs)).astype(np.float32))
        bias = graph.constant(f"{name}/bias", np.zeros(outputs, np.float32))
        flat = layers.fully_connected(graph, name, flat, weight, bias)
    graph.output(flat)
    with (tmp_path / "large.tflite").open("wb") as file:
        graph.write(file)
    words = ["--task", "mobilenet_edgetpu", "--model", tmp_path / "large.tflite", "--dataset", picture_data, *short]
    done = call(*words, "--scenario", "Offline", "--instances", "2", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    backend = read_result(tmp_path / "run")["backend"]
    assert (backend["engine"], backend["options"]["weight_cache"]) == ("Interpreter", "in memory")
    # A stream has one instance, with which nothing could be shared.
    done = call(*words, "--scenario", "SingleStream", "--out", tmp_path / "stream")
    assert done.returncode == 0, done.stderr
    # CompiledModel, which may answer it, has the option and says that it was not asked for.
    assert read_result(tmp_path / "stream")["backend"]["options"].get("weight_cache") is None


def test_packed_weights_that_cannot_be_kept_are_refused_before_they_take_the_process_down(
    adds_model: Path, mount: Callable[[str], Path]
) -> None:
    with pytest.raises(
        BackendUnavailable, match=r"weight_cache of the cpu backend is 7: set it to true or to the path"
    ):
        open_cpu(adds_model, threads=1, weight_cache=7)  # type: ignore[arg-type]
    for path in ('w"', 'w"\nnum_threads = 9\n#'):
        with pytest.raises(BackendUnavailable, match="LiteRT takes no quotes or line breaks"):
            open_cpu(adds_model, threads=1, weight_cache=path)
    with pytest.raises(BackendUnavailable, match=r"cannot be written to /proc/nowhere/w: .*Name a file elsewhere"):
        open_cpu(adds_model, threads=1, weight_cache="/proc/nowhere/w")
    disk = mount("size=16k")
    with pytest.raises(BackendUnavailable, match="No space left on device"):
        open_cpu(adds_model, threads=1, weight_cache=str(disk / "w"))
    assert list(disk.iterdir()) == []
    # What is there already is no cache, so XNNPACK would write it anew.
    (disk / "w").write_bytes(bytes(12_000))
    with pytest.raises(BackendUnavailable, match="No space left on device"):
        open_cpu(adds_model, threads=1, weight_cache=str(disk / "w"))


def test_wrong_answers_out_of_a_weight_cache_name_the_file_and_what_to_do(
    call: Cli, classify: list[str], adds_model: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "packed"
    open_cpu(adds_model, threads=1, weight_cache=str(cache)).close()
    whole = cache.read_bytes()
    weights = np.frombuffer(whole, np.uint8).copy()
    # XNNPACK looks at the header and at the list at the end, not at what lies between.
    weights[len(whole) // 4 : len(whole) // 2] = 0
    advice = f"the packed weights in {cache} are damaged or another model's, deleting that file helps"
    for damaged, complaint in ((weights, "disagrees with one CPU thread"), (np.full_like(weights, 0xFF), "holds NaN")):
        weights[len(whole) // 4 : len(whole) // 2] = damaged[len(whole) // 4 : len(whole) // 2]
        cache.write_bytes(weights.tobytes())
        done = call(*classify, "--backend", f"cpu:weight_cache={cache}", "--out", tmp_path / complaint[:4])
        assert done.returncode == 3
        assert complaint in done.stderr
        assert advice in done.stderr


def test_options_of_both_engines_do_not_go_together(adds_model: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"engine CompiledModel of the cpu backend has no xnnpack=false"):
        open_cpu(adds_model, threads=1, force_fp16=True, xnnpack=False)
    with pytest.raises(BackendUnavailable, match=r"engine Interpreter of the cpu backend has no force_fp16"):
        open_cpu(adds_model, threads=1, engine="Interpreter", force_fp16=True)
    with pytest.raises(BackendUnavailable, match=r"engine of the cpu backend is 'Turbo'"):
        open_cpu(adds_model, threads=1, engine="Turbo")  # type: ignore[arg-type]


def test_the_compiled_engine_names_tensors_it_has_no_buffers_for(tmp_path: Path) -> None:
    graph = Graph("wide")
    graph.output(layers.reshape(graph, "flat", graph.input("ids", (1, 2, 2), np.int64), (1, 4)))
    with (tmp_path / "wide.tflite").open("wb") as file:
        graph.write(file)
    assert open_cpu(tmp_path / "wide.tflite", threads=1).inputs[0].dtype == np.int64
    with pytest.raises(ModelRejected, match=r"no buffers for tensors of .*: ids is int64, flat is int64"):
        open_cpu(tmp_path / "wide.tflite", threads=1, engine="CompiledModel")


def test_plain_cpu_is_its_own_proof_and_an_option_needs_one(
    cli: Cli, classify: list[str], tmp_path: Path, read_result: Read
) -> None:
    assert cli(*classify, "--backend", "cpu", "--out", tmp_path / "plain").returncode == 0
    assert read_result(tmp_path / "plain")["parity"] is None
    assert cli(*classify, "--backend", "cpu:force_fp16=true", "--out", tmp_path / "half").returncode == 0
    proof = read_result(tmp_path / "half")["parity"]
    assert proof["passed"] is True
    assert proof["reference"] == "cpu, Interpreter, 1 thread, the file as it is"
