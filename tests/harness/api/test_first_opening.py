"""A model on which XNNPACK aborts does not take the process of whoever opens it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import first_opening, open_model
from harness.machine.child_process import answer_of

ABORTS = """
import os, sys
from backends.cpu import CpuBackend
opened = CpuBackend.__init__
def open(self, model, *, xnnpack=True, **more):
    if xnnpack:
        print("XNNPACK: assertion failed: a stride of 0", file=sys.stderr, flush=True)
        os.abort()
    opened(self, model, xnnpack=xnnpack, **more)
CpuBackend.__init__ = open
"""
ASKS = """
import sys
from backends.base import ModelRejected
from harness.api import open_model
try:
    open_model("kws", model=sys.argv[1])
except ModelRejected as error:
    print(error)
print(open_model("kws", model=sys.argv[1], backend="cpu:xnnpack=false")(bytes(490)).best.number)
"""


def test_a_model_that_xnnpack_aborts_on_is_refused_with_the_option_without_which_it_runs(
    keyword_model: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ABORTS, encoding="utf-8")
    env = {
        **os.environ,
        **environment,
        "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(tmp_path)]),
        "TFLITE_LOADGEN_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", ASKS, keyword_model], env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    said, number = done.stdout.strip().splitlines()
    assert "takes down the process that opens it, which was killed by SIGABRT" in said
    assert 'It runs without XNNPACK: open it with backend="cpu:xnnpack=false"' in said
    assert number.isdecimal()
    assert not list((tmp_path / "cache").glob("survived/*"))


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
