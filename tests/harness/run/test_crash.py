"""A worker that XNNPACK takes down: the reason is kept, and whether the model runs without XNNPACK is said with the option."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


def test_a_model_that_xnnpack_aborts_on_and_that_runs_without_is_the_users_to_fix_by_the_option_that_is_said(
    cli: Cli, keywords: list[str], aborting: Callable[[str], dict[str, str]], tmp_path: Path, read_result: Read
) -> None:
    env = aborting("runs")
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
    cli: Cli, keywords: list[str], aborting: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    env = aborting("aborts")
    done = cli(*keywords, "--out", tmp_path / "run", env=env)
    assert done.returncode == 3, done.stderr
    assert "assertion failed: a stride of 0" in done.stderr
    assert (
        "Nor does the model run without XNNPACK: its process was killed by SIGABRT: XNNPACK: assertion" in done.stderr
    )
    done = cli(*keywords, "--backend", "cpu:xnnpack=false", "--out", tmp_path / "without", env=env)
    assert done.returncode == 3
    assert "without XNNPACK" not in done.stderr
