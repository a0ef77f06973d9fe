"""A backend that knows the answers, through the whole path: command line, worker, LoadGen, log, score."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from backends.base import TensorSpec
from harness.zoo.builtin.squad import write_builtin_squad
from tasks.base import DataRef
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.question_answering import QuestionAnswering

Floats = npt.NDArray[np.float32]
Cli = Callable[..., subprocess.CompletedProcess[str]]
PlugIn = Callable[[str, str], dict[str, str]]
TrueLogits = Callable[[QuestionAnswering, Path], list[tuple[Floats, Floats]]]

KNOWING = """
import os
import numpy as np
from backends.base import Backend as Base, BackendInfo, TensorSpec

IDS = ("segment_ids", "input_ids", "input_mask")

class Backend(Base):
    def __init__(self, model, *, threads, **settings):
        self.inputs = tuple(TensorSpec(name, (1, 384), np.dtype(np.int32)) for name in IDS)
        names = os.environ["OUTPUT_NAMES"].split()
        self.outputs = tuple(TensorSpec(name, (1, 384), np.dtype(np.float32)) for name in names)
        table = np.load(os.environ["ANSWERS"], allow_pickle=False)
        self._known = {ids.tobytes(): logits for ids, logits in zip(table["ids"], table["logits"])}

    def invoke(self, inputs):
        end, start = self._known[inputs[1].tobytes()]
        return [end[np.newaxis], start[np.newaxis]]

    def info(self):
        return BackendInfo(name="knowing", engine="none", delegate=None)
"""


@pytest.fixture
def ask(
    cli: Cli, plug_in: PlugIn, true_logits: TrueLogits, keyword_model: Path, tmp_path: Path
) -> Callable[[Path, Path, str], dict[str, Any]]:
    """Runs a set through the backend that knows its answers: ask(data, truth, names of its two outputs) -> result."""
    env = plug_in("knowing", KNOWING)

    def run(data: Path, truth: Path, names: str) -> dict[str, Any]:
        task = QuestionAnswering(DataRef(data, truth), QuestionAnsweringOptions())
        inputs = [TensorSpec("input_ids", (1, 384), np.dtype(np.int32))]
        outputs = [TensorSpec(name, (1, 384), np.dtype(np.float32)) for name in ("end_logits", "start_logits")]
        codec = task.codec(inputs, outputs)
        ids = np.concatenate([codec.preprocess(index)[0] for index in range(len(task))])
        logits = np.array([(end, start) for start, end in true_logits(task, truth)])
        table = tmp_path / "answers.npz"
        np.savez(table, ids=ids, logits=logits)
        out = tmp_path / names.split()[0]
        done = cli(
            *("--task", "mobilebert", "--model", keyword_model, "--dataset", data, "--truth", truth, "--json"),
            *("--mode", "accuracy", "--scenario", "Offline", "--backend", "knowing", "--out", out),
            env=env | {"ANSWERS": str(table), "OUTPUT_NAMES": names},
        )
        assert done.returncode == 0, done.stderr
        again = cli("score", out, "--json")
        assert again.returncode == 0, again.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        expected = {name: found["value"] for name, found in result["accuracy"].items()}
        assert {name: json.loads(again.stdout)[name] for name in expected} == expected
        return result

    return run


def test_a_backend_that_knows_the_answers_reaches_99_f1_on_mlperfs_mini_set(
    ask: Callable[[Path, Path, str], dict[str, Any]], zoo: Path
) -> None:
    squad = zoo / "datasets" / "squad"
    data, truth = squad / "squad_eval_mini.tfrecord", squad / "squad_groundtruth.tfrecord"
    assert ask(data, truth, "end_logits start_logits")["accuracy"]["f1"]["value"] >= 0.99
    # The same backend with its outputs named the wrong way round: start and end are swapped.
    assert ask(data, truth, "start_logits end_logits")["accuracy"]["f1"]["value"] < 0.5


def test_a_backend_that_knows_the_answers_has_them_all_right_on_the_builtin_set(
    ask: Callable[[Path, Path, str], dict[str, Any]], tmp_path: Path
) -> None:
    truth = write_builtin_squad(tmp_path)
    result = ask(truth, truth, "end_logits start_logits")
    assert result["accuracy"]["f1"]["value"] == result["accuracy"]["exact_match"]["value"] == 1.0
    assert result["backend"]["name"] == "knowing"
