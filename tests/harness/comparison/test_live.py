"""Two configurations measured now: made-up pairs for the stopping, real models for the measuring."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.comparison.live import compare_live
from harness.statistics.limit_test import LOOKS

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_it_ends_as_soon_as_it_is_sure_and_takes_turns_at_being_first() -> None:
    firsts: list[bool] = []

    def match(*, new_first: bool) -> float:
        firsts.append(new_first)
        return 1.05

    found = compare_live("a", "b", match, "p90", 0.02, 1e9, lambda _: None)
    assert (found.decision, found.exit_status, len(found.ratios)) == ("regressed", 1, LOOKS[0])
    assert firsts[:4] == [False, True, False, True]


def test_when_the_budget_ends_nothing_is_claimed() -> None:
    found = compare_live("a", "b", lambda *, new_first: 1.5, "p90", 0.02, 0.0, lambda _: None)
    assert (found.decision, found.exit_status, len(found.ratios), found.low) == ("not told apart", 0, 1, None)


def test_two_models_are_measured_by_the_command_within_its_budget(call: Cli, keyword_model: Path) -> None:
    done = call("compare", "--live", keyword_model, keyword_model, "--max-regression", "p50=2%", "--budget", "0s")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "not told apart"
    assert "1 pairs of processes" in done.stdout


def test_live_takes_one_limit_and_two_models(call: Cli, keyword_model: Path) -> None:
    done = call("compare", "--live", keyword_model, keyword_model)
    assert done.returncode == 2
    assert "--max-regression p90=2%" in done.stderr
