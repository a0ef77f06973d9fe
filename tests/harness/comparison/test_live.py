"""Two configurations measured now: made-up pairs for the stopping, real models for the measuring."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.comparison import checkouts
from harness.comparison.live import compare_live, render_live
from harness.errors import ConfigError
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
    assert "1 pair of processes" in done.stdout
    assert "11 pairs are the least that decide" in done.stdout
    assert "stand-in" not in done.stdout


def test_a_stand_in_is_called_one(call: Cli) -> None:
    words = ["kws_ref_model_int8", "kws_ref_model_int8@cpu:xnnpack=false", "--max-regression", "p50=2%"]
    done = call("compare", "--live", *words, "--budget", "0s")
    assert done.returncode == 0, done.stderr
    assert "kws_ref_model_int8 is a stand-in of our own (docs/standins.md)" in done.stdout
    assert "kws_ref_model_int8@cpu:xnnpack=false is a stand-in" in done.stdout


def test_what_a_longer_budget_would_decide_is_said() -> None:
    ratios = itertools.cycle([0.9, 1.1])
    found = compare_live("a", "b", lambda *, new_first: next(ratios), "p90", 0.02, 1e9, lambda _: None)
    assert len(found.ratios) == LOOKS[-1]
    assert "99 pairs are the most" in render_live(found)
    assert "more pairs narrow it" in render_live(replace(found, ratios=found.ratios[:20]))


def test_live_takes_one_limit_and_two_models(call: Cli, keyword_model: Path) -> None:
    done = call("compare", "--live", keyword_model, keyword_model)
    assert done.returncode == 2
    assert "--max-regression p90=2%" in done.stderr


def checkout(folder: Path, said: str = "", *, status: int = 0) -> Path:
    """A folder whose run.sh answers --help, and a run with this text and exit status."""
    (folder / "harness").mkdir(parents=True)
    script = f'#!/bin/sh\nif [ "$1" = --help ]; then exit 0; fi\ncat <<"END"\n{said}\nEND\n'
    script += f'echo "went wrong" >&2\nexit {status}\n'
    (folder / "run.sh").write_text(script, encoding="ascii")
    (folder / "run.sh").chmod(0o755)
    return folder


def result(p50: float) -> str:
    return json.dumps({"performance": {"latency_ns": {"p50": p50}}})


def test_two_checkouts_are_told_apart_by_their_own_commands(call: Cli, tmp_path: Path) -> None:
    one, other = checkout(tmp_path / "one", result(1e6)), checkout(tmp_path / "other", result(1.1e6))
    done = call(
        "compare", "--live", one, other, "--task", "kws", "--max-regression", "p50=2%", "--format=junit=gate.xml"
    )
    assert done.returncode == 1, done.stderr
    assert "p50: +10.0% (+10.0%..+10.0%), the limit +2.0%" in done.stdout
    assert "LoadGen's figures, each checkout by its own command" in done.stdout
    assert 'failures="1"' in (tmp_path / "gate.xml").read_text(encoding="utf-8")
    back = call("compare", "--live", other, one, "--task", "kws", "--max-regression", "p50=2%")
    assert (back.returncode, back.stdout.splitlines()[-1]) == (0, "within the limit")


@pytest.mark.parametrize(
    ("said", "status", "complaint", "exit_status"),
    [
        ("", 3, "went wrong", 3),
        ("", 2, "went wrong", 2),
        ("no JSON", 0, "has no p50", 3),
        ('{"performance": null}', 0, "has no p50", 3),
        (result(-1), 1, "has no p50", 3),
    ],
)
def test_a_checkout_whose_run_broke_or_tells_nothing_is_named(
    call: Cli, tmp_path: Path, said: str, status: int, complaint: str, exit_status: int
) -> None:
    good, bad = checkout(tmp_path / "good", result(1e6)), checkout(tmp_path / "bad", said, status=status)
    done = call("compare", "--live", good, bad, "--task", "kws", "--max-regression", "p50=2%")
    assert done.returncode == exit_status
    assert f"{bad}: " in done.stderr
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--live", "no-such-commit", "."), "neither a folder with a checkout nor a commit"),
        (("--live", ".", "."), "is no checkout of this harness"),
        (("--live", "x", "y", "--state", "keep"), "nothing else"),
        (("x", "y"), "it needs --live"),
    ],
)
def test_what_is_no_checkout_is_refused(call: Cli, words: tuple[str, ...], said: str) -> None:
    done = call("compare", *words, "--task", "kws", "--max-regression", "p50=2%")
    assert done.returncode == 2
    assert said in done.stderr


def test_a_commit_is_laid_out_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = checkout(tmp_path / "clone")
    (clone / "harness/file.txt").write_text("first", encoding="ascii")

    def git(*words: str) -> str:
        named = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", "-C", clone, *named, *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    (clone / "harness/file.txt").write_text("second", encoding="ascii")
    git("commit", "-qam", "second")
    monkeypatch.setattr(checkouts, "_OURS", clone)
    found = checkouts.checkout_of("HEAD~1", tmp_path / "cache", lambda _: None)
    assert (found.root / "harness/file.txt").read_text(encoding="ascii") == "first"
    assert found.name == f"HEAD~1 ({git('rev-parse', 'HEAD~1')[:12]})"
    assert [path.name for path in found.root.parent.iterdir()] == [git("rev-parse", "HEAD~1")]
    # A name that is an option of git's is a name.
    with pytest.raises(ConfigError, match="neither a folder"):
        checkouts.checkout_of("--output=x", tmp_path / "cache", lambda _: None)
    monkeypatch.setattr(checkouts, "_OURS", tmp_path / "wheel")
    with pytest.raises(ConfigError, match="commits are those of a clone"):
        checkouts.checkout_of("HEAD", tmp_path / "cache", lambda _: None)
