"""A model that keeps something from one run to the next answers every query as if it were the first, however it is asked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from accuracy.answers.log import read_answers
from accuracy.answers.wire import unpack_labels
from backends.base import ModelRejected
from backends.litert.interpreter import InterpreterBackend
from harness.api import KeywordSpotter
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph

Array = npt.NDArray[Any]
Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
WAYS = {
    "SingleStream": ["--scenario", "SingleStream"],
    "MultiStream": ["--scenario", "MultiStream"],
    "threads": ["--scenario", "Offline", "--set", "backend.workers=threads"],
    "processes": ["--scenario", "Offline", "--set", "backend.workers=processes"],
    "Server": ["--scenario", "Server", "--set", "backend.workers=threads"],
}


def logged(folder: Path, count: int) -> list[int]:
    """The label that was logged for each sample."""
    answers = sorted(read_answers(folder / "mlperf_log_accuracy.json", count))
    return [unpack_labels(answer.data, 12)[0] for answer in answers]


@pytest.fixture
def recurrent(keywords: list[str], keyword_model: Path, recurrent_keyword_model: Path) -> list[str]:
    """The words of a short accuracy run of the recurrent model."""
    words = [str(recurrent_keyword_model) if word == str(keyword_model) else word for word in keywords]
    return [*words, "--mode", "accuracy"]


@pytest.fixture(scope="module")
def fresh(recurrent_keyword_model: Path, keyword_data: Path) -> list[int]:
    """What an interpreter opened for each sample alone answers."""
    return alone(recurrent_keyword_model, keyword_data)


def features_of(data: Path) -> list[Array]:
    names = [line.split(",")[0] for line in (data / "y_labels.csv").read_text().splitlines() if line]
    return [np.fromfile(data / name, np.int8).reshape(1, 49, 10, 1) for name in names]


def alone(model: Path, data: Path) -> list[int]:
    found = []
    for features in features_of(data):
        backend = InterpreterBackend(model, name="cpu", threads=1)
        (scores,) = backend.invoke([features])
        found.append(int(scores.argmax()))
        backend.close()
    return found


def entries(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "mlperf_log_accuracy.json").read_text())
    return found


def logged_in_order(folder: Path) -> list[int]:
    """The labels in the order in which LoadGen asked."""
    return [unpack_labels(bytes.fromhex(entry["data"]), 12)[0] for entry in entries(folder)]


def in_a_row(model: Path, data: Path, folder: Path) -> list[int]:
    """What one interpreter answers that was asked nothing before, in the order of a log."""
    features, backend = features_of(data), InterpreterBackend(model, name="cpu", threads=1)
    found = [int(backend.invoke([features[entry["qsl_idx"]]])[0].argmax()) for entry in entries(folder)]
    backend.close()
    return found


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_answer_gives_what_a_fresh_model_gives(
    way: str,
    call: Cli,
    recurrent: list[str],
    fresh: list[int],
    tmp_path: Path,
    read_result: Read,
) -> None:
    words = [*recurrent, *WAYS[way]]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert logged(tmp_path / "run", len(fresh)) == fresh
    model = read_result(tmp_path / "run")["model"]
    assert (model["state"], model["keeps"]) == ("reset", "1 variable tensor")


def test_a_model_that_is_not_put_back_would_answer_otherwise(
    recurrent_keyword_model: Path, keyword_data: Path, fresh: list[int]
) -> None:
    backend = InterpreterBackend(recurrent_keyword_model, name="cpu", threads=1)
    in_a_row = [int(backend.invoke([features])[0].argmax()) for features in features_of(keyword_data)]
    backend.close()
    assert in_a_row != fresh


def test_the_api_gives_the_same(recurrent_keyword_model: Path, keyword_data: Path, fresh: list[int]) -> None:
    with KeywordSpotter.open("kws", model=recurrent_keyword_model) as spot:
        twice = [[spot(features).labels[0].number for features in features_of(keyword_data)] for _ in range(2)]
    assert twice == [fresh, fresh]


def test_a_state_that_is_to_live_on_does_so_in_one_instance_and_the_result_says_so(
    call: Cli,
    recurrent: list[str],
    fresh: list[int],
    recurrent_keyword_model: Path,
    keyword_data: Path,
    tmp_path: Path,
    read_result: Read,
) -> None:
    words = [*recurrent, "--scenario", "Offline", "--state", "keep"]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert (result["model"]["state"], result["backend"]["instances"], result["backend"]["batch"]) == ("keep", 1, 1)
    assert logged(tmp_path / "run", len(fresh)) != fresh
    assert "lives on" in done.stdout
    assert logged_in_order(tmp_path / "run") == in_a_row(recurrent_keyword_model, keyword_data, tmp_path / "run")
    done = call(*words, "--instances", "2", "--out", tmp_path / "two")
    assert done.returncode == 2
    assert "backend.instances is 2" in done.stderr
    done = call(*words, "--set", "backend.workers=processes", "--out", tmp_path / "three")
    assert done.returncode == 2
    assert "leave out backend.workers=processes" in done.stderr


def test_a_batch_of_a_model_that_keeps_something_is_refused(call: Cli, recurrent: list[str], tmp_path: Path) -> None:
    words = [*recurrent, "--scenario", "Offline", "--batch", "2"]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "samples of one batch would share" in done.stderr


def test_a_model_that_only_computes_says_nothing_of_a_state(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    done = call(*keywords, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    model = read_result(tmp_path / "run")["model"]
    assert (model["state"], model["keeps"]) == ("none", None)
    assert "state" not in done.stdout


REMEMBERS = """
from backends.cpu import CpuBackend

class Backend(CpuBackend):
    asked = 0

    def invoke(self, inputs):
        self.asked += 1
        return [output + output.dtype.type(40 * (self.asked % 3)) for output in super().invoke(inputs)]
"""
"""A backend whose answers depend on how often it was asked."""


def test_a_state_that_no_file_tells_of_is_seen_by_the_answers_and_refused(
    call: Cli, keywords: list[str], plug_in: Callable[[str, str], dict[str, str]], tmp_path: Path, read_result: Read
) -> None:
    env = plug_in("remembers", REMEMBERS)
    words = [*keywords, "--backend", "remembers", "--allow-mismatch", "--scenario", "Offline"]
    done = call(*words, "--out", tmp_path / "run", env=env)
    assert done.returncode == 2
    assert "answers the same sample otherwise when it is asked again" in done.stderr
    assert "--state keep" in done.stderr
    done = call(*words, "--state", "keep", "--out", tmp_path / "kept", env=env)
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "kept")
    assert (result["model"]["state"], result["backend"]["instances"]) == ("keep", 1)
    assert result["model"]["keeps"] == "something that its file does not tell of"


def drawing(path: Path, seed: int) -> Path:
    """int8 [1, 49, 10, 1] -> float [1, 12], drawn at random whatever is asked."""
    graph = Graph("draws")
    features = graph.input("features", (1, 49, 10, 1), np.int8, Quantization.per_tensor(0.5847029089927673, 83))
    real, flat = graph.tensor("real", (1, 49, 10, 1), np.float32), graph.tensor("flat", (1, 490), np.float32)
    graph.operator("DEQUANTIZE", [features], [real])
    graph.operator("RESHAPE", [real, graph.constant("shape", np.array([1, 490], np.int32))], [flat])
    drawn, scores = graph.tensor("drawn", (1, 490), np.float32), graph.tensor("scores", (1, 12), np.float32)
    size = graph.constant("size", np.array([1, 490], np.int32))
    graph.operator("RANDOM_UNIFORM", [size], [drawn], schema.RandomOptionsT(seed=seed, seed2=seed))
    both = graph.tensor("both", (1, 490), np.float32)
    graph.operator("ADD", [flat, drawn], [both], schema.AddOptionsT())
    read = graph.constant("read", np.random.default_rng(0).standard_normal((12, 490)).astype(np.float32))
    graph.operator("FULLY_CONNECTED", [both, read, None], [scores], schema.FullyConnectedOptionsT())
    graph.output(scores)
    with path.open("wb") as file:
        graph.write(file)
    return path


def test_random_numbers_with_a_seed_are_the_same_for_every_query_and_without_one_refused(
    call: Cli, keywords: list[str], keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    seeded, wild = drawing(tmp_path / "seeded.tflite", 7), drawing(tmp_path / "wild.tflite", 0)
    words = [word for word in keywords if word != str(keyword_model)]
    words.remove("--model")
    expected = alone(seeded, keyword_data)
    done = call(*words, "--model", seeded, "--mode", "accuracy", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert logged(tmp_path / "run", len(expected)) == expected
    done = call(*words, "--model", wild, "--out", tmp_path / "wild")
    assert done.returncode == 2
    assert (
        "random numbers (RANDOM_UNIFORM), which differ each time that it is opened: the op has no seed" in done.stderr
    )
    with pytest.raises(ModelRejected, match="has no seed"):
        KeywordSpotter.open("kws", model=wild)


def test_the_api_takes_the_state_the_signature_and_the_shapes_as_arguments(
    recurrent_keyword_model: Path, keyword_data: Path, fresh: list[int]
) -> None:
    features = features_of(keyword_data)
    with KeywordSpotter.open("kws", model=recurrent_keyword_model, state="keep") as spot:
        assert [spot(each).labels[0].number for each in features] != fresh
    asked: dict[str, Any] = {
        "signature": "serving_default",
        "input_shapes": {"features": [1, 49, 10, 1]},
        "input_size": 49,
    }
    with KeywordSpotter.open("kws", model=recurrent_keyword_model, **asked) as spot:
        assert spot(features[0]).labels[0].number == fresh[0]
    with pytest.raises(ModelRejected, match="no signature 'train'"):
        KeywordSpotter.open("kws", model=recurrent_keyword_model, signature="train")


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_what_a_reset_interpreter_gives_for_all_of_a_real_set(
    way: str,
    zoo: Path,
    call: Cli,
    recurrent: list[str],
    recurrent_keyword_model: Path,
    keyword_data: Path,
    tmp_path: Path,
) -> None:
    data = zoo / "datasets" / "kws01"
    backend = InterpreterBackend(recurrent_keyword_model, name="cpu", threads=1)
    expected = []
    for features in features_of(data):
        backend.reset()
        expected.append(int(backend.invoke([features])[0].argmax()))
    backend.close()
    words = [str(data) if word == str(keyword_data) else word for word in recurrent]
    done = call(*words, *WAYS[way], "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert logged(tmp_path / "run", len(expected)) == expected
    with KeywordSpotter.open("kws", model=recurrent_keyword_model) as spot:
        assert [spot(features).labels[0].number for features in features_of(data)] == expected
