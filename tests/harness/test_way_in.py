"""Commands in what is said are those that the user can give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness import way_in
from harness.api import open_model
from harness.cli import VERBS
from harness.errors import ConfigError
from harness.way_in import as_entered, command

_SAID = "not here: ./run.sh fetch x, then ./run.sh install report; ./run.sh install flex"


def test_in_a_clone_everything_stays_as_it_is() -> None:
    assert command() == "./run.sh"
    assert as_entered(_SAID) == _SAID


def test_from_a_wheel_commands_are_those_of_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/tflite-loadgen"])
    assert command() == "tflite-loadgen"
    said = as_entered(_SAID)
    assert said == (
        "not here: tflite-loadgen fetch x, then pip install 'tflite-loadgen[report]'; (in a clone) ./run.sh install flex"
    )
    # A line broken between two words; a file of that name.
    assert as_entered("call ./run.sh\n    --task x") == "call tflite-loadgen\n    --task x"
    assert as_entered("tools/./run.sh and ./run.sh.bak") == "tools/./run.sh and ./run.sh.bak"


def test_without_a_script_beside_it_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(way_in, "_ROOT", tmp_path)
    monkeypatch.delenv("TFLITE_LOADGEN_BY_SCRIPT", raising=False)
    assert command() == "tflite-loadgen"
    # A copy that run.sh made of a clone that cannot be written.
    monkeypatch.setenv("TFLITE_LOADGEN_BY_SCRIPT", "1")
    assert command() == "./run.sh"


def test_errors_that_python_sees_name_the_commands_of_a_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(way_in, "_ROOT", tmp_path)
    monkeypatch.delenv("TFLITE_LOADGEN_BY_SCRIPT", raising=False)
    with pytest.raises(ConfigError, match="tflite-loadgen fetch") as caught:
        open_model("edsr", model="edsr_f32b5_fp32")
    assert "./run.sh" not in str(caught.value)


def test_no_help_of_the_console_script_names_the_other_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.cli import _of_verb

    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/tflite-loadgen"])
    for verb in VERBS:
        _, parser = _of_verb(verb)
        lines = [line for line in parser.format_help().splitlines() if "./run.sh" in line]
        assert all("(in a clone)" in line or line.strip() == "./run.sh" for line in lines), (verb, lines)
        assert f"usage: tflite-loadgen {verb}" in parser.format_help()


@pytest.mark.parametrize("place", ["/", "/dev/null", "/etc/"])
def test_no_folder_of_the_systems_becomes_an_environment(place: str) -> None:
    root = Path(__file__).resolve().parents[2]
    env = {"PATH": "/usr/bin:/bin", "TFLITE_LOADGEN_VENV": place}
    done = subprocess.run([root / "run.sh", "--version"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is no environment of Python's, and not empty" in done.stderr


def test_the_script_says_what_a_folder_for_its_environment_must_be_and_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letters").write_text("dear", encoding="ascii")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [root / "run.sh", "--version"],
        env={"PATH": "/usr/bin:/bin", "TFLITE_LOADGEN_VENV": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{tmp_path}/home is no environment of Python's, and not empty" in done.stderr
    assert (tmp_path / "home/letters").read_text(encoding="ascii") == "dear"
