"""The stand-ins of our own, whose official graphs nobody outside has: seeded weights, run by the interpreter."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter

from harness.config.files import load_collections
from harness.spec.model_source import find_model
from harness.zoo.standins.library import STANDINS

Array = npt.NDArray[Any]
_ROOT = Path(__file__).resolve().parents[4]
_PICTURE = (1, 144, 256, 3)


@dataclass(frozen=True)
class _Shapes:
    input: tuple[int, ...]
    output: tuple[int, ...]
    dtype: type = np.float32


_SHAPES: Mapping[str, _Shapes] = {
    "convolution_benchmark_1_144x256_float32": _Shapes(_PICTURE, (1, 144, 256, 1)),
    "convolution_benchmark_1_144x256_int8": _Shapes(_PICTURE, (1, 144, 256, 1), np.int8),
    "convolution_benchmark_2_144x256_float32": _Shapes(_PICTURE, _PICTURE),
    "convolution_benchmark_2_144x256_int8": _Shapes(_PICTURE, _PICTURE, np.int8),
    "lstm_float32": _Shapes((1, 1, 64), (1, 1, 64)),
    "seanet_wave_float32": _Shapes((1, 320), (1, 320)),
    "seanet_stft_float32": _Shapes((1, 320, 2), (1, 320, 2)),
}
_STATELESS = [name for name in _SHAPES if name != "lstm_float32"]


def _written(name: str) -> bytes:
    file = BytesIO()
    STANDINS[name].write(file)
    return file.getvalue()


def _model(name: str) -> Interpreter:
    interpreter = Interpreter(model_content=_written(name), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _run(model: Interpreter, values: Array) -> Array:
    (source,), (target,) = model.get_input_details(), model.get_output_details()
    model.set_tensor(source["index"], values)
    model.invoke()
    return np.asarray(model.get_tensor(target["index"])).copy()


def _noise(name: str, seed: int) -> Array:
    shapes, rng = _SHAPES[name], np.random.default_rng(seed)
    if shapes.dtype is np.int8:
        return rng.integers(-128, 128, shapes.input).astype(np.int8)
    return rng.uniform(-1, 1, shapes.input).astype(np.float32)


@pytest.mark.parametrize("name", _SHAPES)
def test_a_stand_in_of_our_own_has_the_input_and_output_of_its_kind(name: str) -> None:
    model = _model(name)
    (source,), (target,) = model.get_input_details(), model.get_output_details()
    assert (tuple(source["shape"]), source["dtype"]) == (_SHAPES[name].input, _SHAPES[name].dtype)
    assert (tuple(target["shape"]), target["dtype"]) == (_SHAPES[name].output, _SHAPES[name].dtype)


@pytest.mark.parametrize("name", _SHAPES)
def test_its_answers_are_finite_and_differ_with_place_and_input(name: str) -> None:
    model = _model(name)
    first, second = (_run(model, _noise(name, seed)).astype(np.float64) for seed in (0, 1))
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()
    # Noise that the input does not move would differ from place to place, but not from input to input.
    assert first.std() > 0
    assert np.abs(first - second).mean() > 0.1 * first.std()
    assert len(np.unique(first)) > 50


@pytest.mark.parametrize("name", _STATELESS)
def test_the_same_input_gives_the_same_answer_again(name: str) -> None:
    model = _model(name)
    answers = [_run(model, _noise(name, seed)) for seed in (0, 1, 0)]
    np.testing.assert_array_equal(answers[0], answers[2])


def test_the_lstm_remembers_what_it_heard_until_it_is_reset() -> None:
    model = _model("lstm_float32")
    loud, quiet = _noise("lstm_float32", 0), np.zeros((1, 1, 64), np.float32)
    alone = _run(model, quiet)
    model.reset_all_variables()
    _run(model, loud)
    behind = _run(model, quiet)
    assert np.abs(behind - alone).max() > 0.01
    model.reset_all_variables()
    np.testing.assert_array_equal(_run(model, quiet), alone)


@pytest.mark.parametrize("number", [1, 2])
def test_the_int8_twin_of_a_convolution_benchmark_follows_the_float_one(number: int) -> None:
    name = f"convolution_benchmark_{number}_144x256"
    bytes_in = _noise(f"{name}_int8", 3)
    whole = _run(_model(f"{name}_float32"), bytes_in.astype(np.float32) / 128).astype(np.float64)
    rounded = _run(_model(f"{name}_int8"), bytes_in).astype(np.float64)
    assert np.corrcoef(whole.ravel(), rounded.ravel())[0, 1] > 0.95


_DIGESTS = """
import hashlib, io, sys
from harness.zoo.standins.library import STANDINS
for name in sys.argv[1:]:
    file = io.BytesIO()
    STANDINS[name].write(file)
    print(hashlib.sha256(file.getvalue()).hexdigest())
"""


def test_every_process_writes_the_same_bytes() -> None:
    command = [sys.executable, "-c", _DIGESTS, *_SHAPES]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.split() == [hashlib.sha256(_written(name)).hexdigest() for name in _SHAPES]


def _inputs(path: Path) -> tuple[tuple[int, ...], type]:
    model = Interpreter(model_path=str(path))
    (source,) = model.get_input_details()
    return tuple(source["shape"]), source["dtype"]


@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("convolution_benchmark_1_144x256", _PICTURE, np.float32),
        ("convolution_benchmark_2_144x256", _PICTURE, np.float32),
        ("convolution_benchmark_1_144x256_int8", _PICTURE, np.int8),
        ("convolution_benchmark_2_144x256_int8", _PICTURE, np.int8),
        ("mobilenet_v2_1.0_224", (1, 224, 224, 3), np.float32),
        ("mobilenet_v2_1.0_224_quant", (1, 224, 224, 3), np.int8),
        ("lstm", (1, 1, 64), np.float32),
        ("seanet_wave", (1, 320), np.float32),
        ("seanet_stft", (1, 320, 2), np.float32),
    ],
)
def test_a_name_of_the_collection_finds_its_stand_in(
    environment: dict[str, str], name: str, shape: tuple[int, ...], dtype: type
) -> None:
    collection = load_collections()["chromeos"]
    found, _ = find_model(name, collection.models, collection.title, Path(environment["TFLITE_LOADGEN_CACHE"]))
    assert (found.name, found.source) == (name, "standin")
    assert _inputs(found.path) == (shape, dtype)


def test_a_stand_in_of_our_own_can_be_inspected_by_its_official_name(cli: Callable[..., Any]) -> None:
    done = cli("inspect", "seanet_wave")
    assert done.returncode == 0, done.stderr
    assert "seanet_wave stand-in" in done.stdout
    assert "TRANSPOSE_CONV" in done.stdout


def test_list_tells_a_stand_in_for_an_official_file_from_one_of_nothing_official(cli: Callable[..., Any]) -> None:
    lines = {line.split()[0]: line for line in cli("list").stdout.replace("  model  ", "").splitlines() if line.strip()}
    assert "stand-in; official file not here" in lines["convolution_benchmark_1_144x256"]
    assert "stand-in; there is no official file" in lines["convolution_benchmark_1_144x256_int8"]
