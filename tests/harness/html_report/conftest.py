"""Real runs for reports: one that is timed, one that is scored."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def timed_run(
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    keyword_model: Path,
    keyword_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A short SingleStream run."""
    folder = tmp_path_factory.mktemp("timed")
    short = ("--preset", "rapid", "--set", "load.min_duration_ms=200", "--set", "load.min_query_count=500")
    given = ("--task", "kws", "--model", keyword_model, "--dataset", keyword_data)
    done = run_command("run", *given, *short, "--out", folder / "run", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def scored_run(
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    keyword_model: Path,
    keyword_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An accuracy run whose every fifth answer is wrong."""
    folder = tmp_path_factory.mktemp("scored")
    given = ("--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--mode", "accuracy")
    done = run_command("run", *given, "--out", folder / "run", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return folder / "run"
