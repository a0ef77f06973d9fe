"""A worker that XNNPACK takes down: the reason is kept, and whether the model runs without XNNPACK is said with the option."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]

ABORTS = """
import os, sys
from backends.cpu import CpuBackend
opened = CpuBackend.__init__
def open(self, model, *, xnnpack=True, **more):
    if xnnpack or {always}:
        print("XNNPACK: assertion failed: a stride of 0", file=sys.stderr, flush=True)
        os.abort()
    opened(self, model, xnnpack=xnnpack, **more)
CpuBackend.__init__ = open
"""


@pytest.fixture
def aborting(tmp_path: Path, environment: dict[str, str]) -> Callable[[bool], dict[str, str]]:
    """Environment in which the CPU's interpreter aborts while it loads: with XNNPACK alone, or always."""

    def install(always: bool) -> dict[str, str]:
        site = tmp_path / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(ABORTS.format(always=always), encoding="utf-8")
        return {"PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(site)])}

    return install


def test_a_model_that_xnnpack_aborts_on_and_that_runs_without_is_the_users_to_fix_by_the_option_that_is_said(
    cli: Cli, keywords: list[str], aborting: Callable[[bool], dict[str, str]], tmp_path: Path, read_result: Read
) -> None:
    env = aborting(False)
    done = cli(*keywords, "--out", tmp_path / "run", env=env)
    assert done.returncode == 2, done.stderr
    assert "the worker was killed by SIGABRT while loading" in done.stderr
    assert "assertion failed: a stride of 0" in done.stderr
    assert "The model runs without XNNPACK: use --backend cpu:xnnpack=false" in done.stderr
    assert read_result(tmp_path / "run")["status"] == "failed"
    done = cli(*keywords, "--backend", "cpu:xnnpack=false", "--out", tmp_path / "without", env=env)
    assert done.returncode == 0, done.stderr
    parity = read_result(tmp_path / "without")["parity"]
    assert parity["passed"] is None
    assert "the CPU with XNNPACK cannot run the model: its process was killed by SIGABRT" in str(parity)


def test_a_model_that_aborts_without_xnnpack_too_is_a_broken_run_that_says_so(
    cli: Cli, keywords: list[str], aborting: Callable[[bool], dict[str, str]], tmp_path: Path
) -> None:
    env = aborting(True)
    done = cli(*keywords, "--out", tmp_path / "run", env=env)
    assert done.returncode == 3, done.stderr
    assert "assertion failed: a stride of 0" in done.stderr
    assert "Nor does the model run without XNNPACK: its process was killed by SIGABRT" in done.stderr
    done = cli(*keywords, "--backend", "cpu:xnnpack=false", "--out", tmp_path / "without", env=env)
    assert done.returncode == 3
    assert "without XNNPACK" not in done.stderr
