"""What is installed, and what is imported when."""

from __future__ import annotations

import ast
import errno
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from hatch_build import NAMES, compile_native

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ["accuracy", "backends", "configs", "harness", "native", "tasks"]
EXTENSION = sysconfig.get_config_var("EXT_SUFFIX")
HEAVY = {"tensorflow", "transformers", "datasets", "cv2", "pycocotools", "faster_coco_eval", "torch", "ray", "sklearn"}
Cli = Callable[..., subprocess.CompletedProcess[str]]
needs_compiler = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="no C compiler is here")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def test_a_wheel_holds_exactly_our_packages(project: dict[str, Any]) -> None:
    assert project["build-system"]["build-backend"] == "hatchling.build"
    assert sorted(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    for package in PACKAGES:
        assert (REPOSITORY / package / "__init__.py").is_file()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Of what a wheel is made from: building compiles, and leaves what it has compiled beside the source."""
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def build_wheel(folder: Path, **environment: str) -> tuple[str, list[str], str]:
    """Its name, what it holds, and what was said."""
    code = "import hatchling.build; print(hatchling.build.build_wheel('dist'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    name = done.stdout.splitlines()[-1]
    with zipfile.ZipFile(folder / "dist" / name) as wheel:
        return name, wheel.namelist(), done.stderr


@needs_compiler
def test_a_wheel_that_is_built_holds_our_packages_every_config_and_what_is_compiled(copy: Path) -> None:
    name, names, _ = build_wheel(copy)
    tops = {entry.partition("/")[0] for entry in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    configs = {f"configs/{path.name}" for path in (REPOSITORY / "configs").glob("*.yaml")}
    assert configs <= set(names)
    weights = {
        f"harness/zoo/standins/weights/{path.name}"
        for path in (REPOSITORY / "harness/zoo/standins/weights").glob("*.npz")
    }
    assert weights
    assert weights <= set(names)
    assert {f"native/{module}.c" for module in NAMES} <= set(names)
    compiled = {f"native/_{module}{EXTENSION}" for module in NAMES}
    assert {entry for entry in names if entry.endswith(".so")} == compiled
    assert "none-any" not in name


def test_without_a_compiler_the_package_is_built_all_the_same_and_says_so(copy: Path) -> None:
    stale = copy / f"native/_timed_path{EXTENSION}"
    stale.write_bytes(b"compiled from another source")
    name, names, said = build_wheel(copy, CC="/there/is/none")
    assert name.endswith("py3-none-any.whl")
    assert [entry for entry in names if entry.endswith(".so")] == []
    for module in NAMES:
        assert f"native/{module}.c" in names
        assert f"native/{module}.c is not compiled: " in said
    assert "/there/is/none" in said


def test_a_wheel_in_an_environment_of_its_own_runs_a_benchmark_and_names_its_own_command(
    copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name, _, _ = build_wheel(copy, CC="/there/is/none")
    place = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    (packages,) = (place / "venv/lib").glob("python3*/site-packages")
    with zipfile.ZipFile(copy / "dist" / name) as wheel:
        wheel.extractall(packages)
    # What it requires, without the clone that is installed beside that: a path in such a file brings no other such files.
    (packages / "required.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    entry = "import sys; sys.argv[0] = 'tflite-loadgen'; from harness.__main__ import start; start()"
    env = {key: value for key, value in os.environ.items() if key != "TFLITE_LOADGEN_BY_SCRIPT"}

    def entered(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(place / "venv/bin/python"), "-I", "-c", entry, *words]
        return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)

    done = entered("--task", "kws", "--mode", "accuracy", "--count", "8", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"]["source"] == "standin"
    unknown = entered("--task", "kws", "--prest", "quick")
    assert unknown.returncode == 2
    assert "tflite-loadgen run --help" in unknown.stderr
    assert "run.sh" not in unknown.stderr
    where = [str(place / "venv/bin/python"), "-I", "-c", "import harness; print(harness.__file__)"]
    found = subprocess.run(where, cwd=place, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(packages)


def why_not(folder: Path) -> str:
    code = "import native; print(native.why_not)"
    # Whatever the caller's settings: the copy's own.
    env = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", code], cwd="/", env=env, capture_output=True, text=True, check=True)
    return done.stdout


@needs_compiler
def test_why_it_could_not_be_compiled_is_told_until_it_is(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("CC", "/there/is/none")
        assert compile_native(copy) == []
    assert "could not be compiled" in why_not(copy)
    assert "/there/is/none" in why_not(copy)
    assert len(compile_native(copy)) == len(NAMES)
    assert why_not(copy) == "\n"


@needs_compiler
def test_what_was_compiled_from_the_same_source_stays_where_it_cannot_be_compiled_again(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = compile_native(copy)
    assert compiled
    monkeypatch.setenv("CC", "/there/is/none")
    assert compile_native(copy) == compiled
    assert why_not(copy) == "\n"
    with (copy / "native/timed_path.c").open("a", encoding="utf-8") as source:
        source.write("/* changed */\n")
    assert compile_native(copy) == [module for module in compiled if "timed_path" not in module.name]
    assert "/there/is/none" in why_not(copy)


@needs_compiler
def test_no_half_module_is_ever_in_its_place(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python dies of one that it imports (SIGBUS), where it would do without one that is not there."""

    def no_room(module: Path, place: Path) -> None:
        assert module.read_bytes()[1:4] == b"ELF"
        assert not place.exists()
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(copy.rglob("*"))
    monkeypatch.setattr(Path, "replace", no_room)
    assert compile_native(copy) == []
    assert set(copy.rglob("*")) == before | {copy / "native/why_not_compiled.txt"}


def test_generic_package_names_are_kept_out_of_public_indexes(project: dict[str, Any]) -> None:
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]
    assert project["project"]["scripts"] == {"tflite-loadgen": "harness.__main__:start"}


def test_the_python_versions_are_those_that_loadgen_has_wheels_for(project: dict[str, Any]) -> None:
    assert project["project"]["requires-python"] == ">=3.11,<3.14"


def test_no_other_distribution_brings_a_package_of_our_names() -> None:
    owners = metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, [])) <= {"tflite-loadgen"}, package


def test_every_import_of_ours_is_absolute() -> None:
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                assert not (isinstance(node, ast.ImportFrom) and node.level), path


def imported(environment: dict[str, str], folder: Path, *words: str) -> set[str]:
    """Top-level modules that the command imports."""
    done = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-m", "harness", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 20
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines[1:]}


@pytest.mark.parametrize("words", [["--help"], [], ["rum"]])
def test_help_answers_without_numpy_and_pydantic(words: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    found = imported(environment, tmp_path, *words)
    assert "harness" in found
    assert not found & {"numpy", "pydantic", "yaml", "rich", "PIL", "ai_edge_litert", "mlperf_loadgen"} | found & HEAVY


def test_the_command_itself_never_imports_loadgen_or_the_runtime(
    environment: dict[str, str], keywords: list[str], tmp_path: Path
) -> None:
    """They belong to the worker, which may crash; and the parent shares the machine with it."""
    out = tmp_path / "run"
    found = imported(environment, tmp_path, *keywords, "--mode", "accuracy", "--out", str(out))
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["status"] == "valid"
    assert not found & {"mlperf_loadgen", "ai_edge_litert", "tokenizers"} | found & HEAVY


LISTING = """
import sys
from backends.litert.interpreter import InterpreterBackend

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, input_shapes=None):
        super().__init__(model, name="listing", threads=threads, input_shapes=input_shapes)

    def close(self):
        print("modules", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr, flush=True)
"""


def test_a_classification_run_imports_nothing_heavy_on_the_way(
    cli: Cli,
    plug_in: Callable[[str, str], dict[str, str]],
    picture_model: Path,
    picture_data: Path,
    short: list[str],
    tmp_path: Path,
) -> None:
    words = ["--task", "mobilenet_edgetpu", "--model", picture_model, "--dataset", picture_data, *short]
    done = cli(*words, "--backend", "listing", "--out", tmp_path / "run", env=plug_in("listing", LISTING))
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "run" / "run.log").read_text(encoding="utf-8")
    (line,) = [line for line in log.splitlines() if line.startswith("modules ")]
    modules = set(line.split()[1:])
    assert {"numpy", "mlperf_loadgen", "ai_edge_litert", "tasks"} <= modules
    assert not modules & HEAVY


@pytest.fixture
def shadows(tmp_path: Path) -> Path:
    """A folder in which the user has modules of our names."""
    for name in PACKAGES:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the wrong {name}')\n", encoding="ascii")
    return tmp_path


def test_modules_of_our_names_where_the_user_stands_shadow_nothing(
    cli: Cli, keywords: list[str], shadows: Path
) -> None:
    done = cli(*keywords, "--out", shadows / "run", cwd=shadows)
    assert done.returncode == 0, done.stderr


def test_run_sh_keeps_the_current_directory_off_the_import_path(
    keywords: list[str], shadows: Path, environment: dict[str, str]
) -> None:
    if not (REPOSITORY / ".venv" / ".stamp").is_file():
        pytest.skip("run.sh has made no environment here")
    env = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [REPOSITORY / "run.sh", *keywords, "--out", shadows / "run"],
        cwd=shadows,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "VALID" in done.stdout
