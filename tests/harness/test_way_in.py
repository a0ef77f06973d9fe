"""Commands in what is said are those that the user can give."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import way_in
from harness.api import open_model
from harness.commands.verbs import VERBS
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


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (" ", "is only blanks"),
        ("\t\n", "is only blanks"),
        ("a file", "is no environment of Python's, and not empty"),
        ("leads nowhere", "is no environment of Python's, and not empty"),
    ],
)
def test_what_names_no_folder_is_no_place_for_an_environment(place: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"")
    (tmp_path / "leads nowhere").symlink_to("absent")
    root = Path(__file__).resolve().parents[2]
    env = {"PATH": "/usr/bin:/bin", "TFLITE_LOADGEN_VENV": place}
    before = set(tmp_path.iterdir())
    done = subprocess.run(
        [root / "run.sh", "--version"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert why in done.stderr
    assert set(tmp_path.iterdir()) == before


_PRETENDS = """\
#!/bin/sh
# A Python that makes environments and installs into them in name only.
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && touch "$3/pyvenv.cfg" ;;
  *" pip install "*) for last; do :; done; echo "installed $last" >>"$0.log" ;;
  "-I -m harness "*) echo "harness $4" ;;
esac
"""


def test_a_clone_that_cannot_be_written_is_copied_beside_its_environment_and_again_when_it_has_changed() -> None:
    root = Path(__file__).resolve().parents[2]
    nobody = 65534 if os.geteuid() == 0 else None
    # Not pytest's folder, into which only its owner may go.
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        clone, home, pretender = place / "a clone", place / "home", place / "python3"
        packages = ("accuracy", "backends", "configs", "harness", "native", "tasks")
        for package in packages:
            (clone / package).mkdir(parents=True)
            (clone / package / "__init__.py").touch()
        (clone / "native/one.c").touch()
        for file in ("run.sh", "pyproject.toml", "constraints.txt", "hatch_build.py", "README.md", "LICENSE"):
            shutil.copy(root / file, clone / file)
        pretender.write_text(_PRETENDS, encoding="ascii")
        pretender.chmod(0o755)
        home.mkdir()
        home.chmod(0o777)
        place.chmod(0o755)
        env = {"PATH": "/usr/bin:/bin", "PYTHON": str(pretender), "TFLITE_LOADGEN_VENV": str(home / "an environment")}

        def run() -> tuple[int, str, str]:
            for folder in (clone, *(path for path in clone.rglob("*") if path.is_dir())):
                folder.chmod(0o555)
            done = subprocess.run(
                [clone / "run.sh", "list"], env=env, user=nobody, capture_output=True, text=True, check=False
            )
            for folder in (clone, *(path for path in clone.rglob("*") if path.is_dir())):
                folder.chmod(0o755)
            log = home / "an environment/bin/python.log"
            return done.returncode, done.stdout + done.stderr, log.read_text("utf-8") if log.exists() else ""

        before = set(clone.rglob("*"))
        source = home / "an environment/source"
        status, said, installed = run()
        assert (status, installed) == (0, f"installed {source}\n"), said
        assert "harness list\n" in said
        assert (source / "harness/__init__.py").is_file()
        assert run()[2] == installed
        (clone / "harness/__init__.py").write_text("changed = True\n", encoding="ascii")
        assert run()[2] == 2 * installed
        assert (source / "harness/__init__.py").read_text("ascii") == "changed = True\n"
        assert set(clone.rglob("*")) == before
        env["TFLITE_LOADGEN_VENV"] = ""
        status, said, _ = run()
        assert status == 2
        assert "cannot be written: say where the environment may lie with TFLITE_LOADGEN_VENV=DIR" in said


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
