"""A model on which XNNPACK aborts does not take the process of whoever opens it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.api import first_opening, open_model
from harness.machine.child_process import answer_of
from tests.harness.api.test_api import _doubler

ASKS = """
import sys
from backends.base import ModelRejected
from harness.api import open_model
try:
    open_model("kws", model=sys.argv[1])
except ModelRejected as error:
    print(error)
if len(sys.argv) > 2:
    print(open_model("kws", model=sys.argv[1], backend=sys.argv[2])(bytes(490)).best.number)
"""


@pytest.fixture
def asked(
    keyword_model: Path, environment: dict[str, str], aborting: Callable[[str], dict[str, str]], tmp_path: Path
) -> Callable[..., list[str]]:
    """The lines of a program of the user's own, by what a model does without XNNPACK."""

    def ask(without: str, *words: str) -> list[str]:
        cache = {"TFLITE_LOADGEN_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", ASKS, keyword_model, *words],
            env={**os.environ, **environment, **aborting(without), **cache},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()

    return ask


def test_a_model_that_xnnpack_aborts_on_is_refused_with_the_option_without_which_it_runs(
    asked: Callable[..., list[str]], tmp_path: Path
) -> None:
    said, number = asked("runs", "cpu:xnnpack=false")
    assert "takes down the process that opens it, which was killed by SIGABRT (XNNPACK: assertion failed" in said
    assert 'The model runs without XNNPACK: open it with backend="cpu:xnnpack=false"' in said
    assert number.isdecimal()
    assert not list((tmp_path / "cache").glob("survived/*"))


def test_a_model_that_the_kernels_refuse_which_xnnpack_aborts_on_is_not_said_to_run_without(
    asked: Callable[..., list[str]],
) -> None:
    (said,) = asked("refuses")
    assert "Nor does the model run without XNNPACK: the kernels refuse it" in said


def test_a_model_of_an_open_size_is_tried_with_what_it_is_opened_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TFLITE_LOADGEN_CACHE", str(tmp_path))
    tried: list[list[list[int]]] = []

    def noted(module: str, *words: str, timeout_s: float) -> object:
        tried.append(list(json.loads(words[0])["Subject"]["invocation"]["input_shapes"].values()))
        return answer_of(module, *words, timeout_s=timeout_s)

    monkeypatch.setattr(first_opening, "answer_of", noted)
    with open_model("edsr", model=_doubler(tmp_path / "edsr.tflite", 1, 1)) as enlarge:
        for size in (6, 9):
            enlarge(np.zeros((size, 7, 3), np.uint8))
    # That before any picture is known, and of the pictures' own sizes the first.
    assert tried == [[[1, 16, 16, 3]], [[1, 6, 7, 3]]]


def test_a_model_that_was_survived_is_not_tried_again(
    keyword_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TFLITE_LOADGEN_CACHE", str(tmp_path))
    tried: list[str] = []

    def counted(module: str, *words: str, timeout_s: float) -> object:
        tried.append(module)
        return answer_of(module, *words, timeout_s=timeout_s)

    monkeypatch.setattr(first_opening, "answer_of", counted)
    for _ in range(2):
        open_model("kws", model=keyword_model).close()
    open_model("kws", model=keyword_model, backend="cpu:xnnpack=false").close()
    assert tried == ["harness.api.first_opening"]
    assert len(list(tmp_path.glob("survived/*"))) == 1
