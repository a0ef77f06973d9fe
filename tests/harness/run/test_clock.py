"""The system's clock is set in the middle of a run: no figure of it may be believed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.machine.watched import clocks
from tests.shared_library import shared_library

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def stepping_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = shared_library(Path(__file__).with_name("clock_step.c"), tmp_path_factory.mktemp("clock"))
    if library is None:
        pytest.skip("no C compiler is here to build a clock that steps with")
    return library


@pytest.mark.parametrize(("scenario", "step_s"), [("SingleStream", 20), ("MultiStream", -20)])
def test_a_run_in_which_the_clock_was_set_is_failed_and_says_by_how_much(
    scenario: str,
    step_s: int,
    stepping_clock: Path,
    cli: Cli,
    keywords: list[str],
    tmp_path: Path,
    read_result: Callable[[Path], dict[str, Any]],
) -> None:
    words = [*keywords, "--scenario", scenario, "--set", "load.min_query_count=5000", "--out", tmp_path / "run"]
    env = {"LD_PRELOAD": str(stepping_clock), "CLOCK_STEP_S": str(step_s)}
    done = cli(*words, env=env)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"the system's clock was set while LoadGen measured, by {step_s:+}.0" in done.stderr
    result = read_result(tmp_path / "run")
    assert (result["status"], result["performance"]) == ("failed", None)


def test_a_clock_that_goes_on_has_no_step() -> None:
    first = clocks.wall_ahead_ns()
    assert clocks.step_of(first, first + 1_000) == ""
    assert "by -0.004 s" in clocks.step_of(first, first - 4_000_000)
