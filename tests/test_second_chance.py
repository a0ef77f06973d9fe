"""`./run.sh test`: few that fail are asked once more, and after words of pytest none. The pytest is this test's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHON = """#!/bin/sh
case "$*" in
  "-I -m json.tool "*) exec cat "$4" ;;
  "-m pytest"*)
    echo "$*" >>calls
    mkdir -p .pytest_cache/v/cache
    call=$(grep -c . calls)
    cp "failed-$call" .pytest_cache/v/cache/lastfailed 2>/dev/null
    exit "$(cat "status-$call")" ;;
  *) exit 1 ;;
esac
"""
"""Of its first and second call it is said in files how many fail, and with what status it ends."""
Ask = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Calls a copy of the script, whose environment is fresh: its status, the calls of pytest and what it says."""
    (tmp_path / "native").mkdir()
    for name in ("run.sh", "pyproject.toml", "constraints.txt", "hatch_build.py"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / "native" / "core.c").touch()
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON, encoding="ascii")
    python.chmod(0o755)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    made_of = "".join((tmp_path / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "constraints.txt"))
    made_of += (tmp_path / "hatch_build.py").read_text(encoding="utf-8")
    (tmp_path / "venv" / ".stamp-test").write_text(f"{tmp_path} test\n{made_of}", encoding="utf-8")

    def run(*words: str, failing: int, then: int = 0, status: int = 1) -> tuple[int, list[str], str]:
        rows = [f'  "test_{number}": true' for number in range(failing)]
        (tmp_path / "failed-1").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="ascii")
        (tmp_path / "status-1").write_text(str(status), encoding="ascii")
        (tmp_path / "status-2").write_text(str(then), encoding="ascii")
        environment = {"PATH": "/usr/bin:/bin", "TFLITE_LOADGEN_VENV": str(tmp_path / "venv")}
        done = subprocess.run(
            ["bash", tmp_path / "run.sh", "test", *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, (tmp_path / "calls").read_text(encoding="ascii").splitlines(), done.stderr

    return run


ONCE, AGAIN = "-m pytest", " -n 0 --last-failed -rA --show-capture=no"
GROUP = ["-m", "a group", "tests"]


@pytest.mark.parametrize(
    ("words", "asked"), [([], ONCE), (["--once-more", *GROUP], f"{ONCE} -m a group tests")], ids=["all", "a group"]
)
def test_up_to_five_that_fail_are_asked_once_more_and_named_where_they_pass(
    words: list[str], asked: str, ask: Ask
) -> None:
    status, calls, said = ask(*words, failing=5)
    assert (status, calls) == (0, [asked, asked + AGAIN])
    assert "UNSTEADY" in said


def test_what_fails_alone_fails(ask: Ask) -> None:
    status, calls, said = ask("--once-more", *GROUP, failing=1, then=1)
    assert (status, len(calls)) == (1, 2)
    assert "UNSTEADY" not in said


@pytest.mark.parametrize(("failing", "status"), [(6, 1), (1, 2), (0, 1), (0, 0)])
def test_many_a_broken_run_and_none_are_not_asked_again(failing: int, status: int, ask: Ask) -> None:
    assert ask("--once-more", *GROUP, failing=failing, status=status)[:2] == (status, [f"{ONCE} -m a group tests"])


def test_words_of_pytest_alone_are_asked_once(ask: Ask) -> None:
    assert ask(*GROUP, failing=1)[:2] == (1, [f"{ONCE} -m a group tests"])
