"""The import contracts of pyproject.toml: an import that must not be breaks the contract that forbids it, and no other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = "Inside harness it only goes down, too"
PARENT = "Only the worker's side imports what answers: LoadGen, the pool, the worker"

pytest.importorskip("importlinter")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of all modules, and of the contracts."""
    for package in ("accuracy", "backends", "harness", "native", "tasks"):
        for module in (ROOT / package).rglob("*.py"):
            copy = tmp_path / module.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(module, copy)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken_contracts(house: Path) -> list[str]:
    """The names of those that do not hold."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert re.search(r"Contracts: \d+ kept, \d+ broken", done.stdout), done.stdout + done.stderr
    return re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("config/official/rules.py", "import harness.report.table", FLOORS),
        ("tuning/session.py", "import harness.worker.queries", PARENT),
        ("spec/schema.py", "import mlperf_loadgen", PARENT),
    ],
)
def test_an_import_that_must_not_be_breaks_the_contract_that_forbids_it(
    house: Path, module: str, planted: str, contract: str
) -> None:
    with (house / "harness" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")
    assert broken_contracts(house) == [contract]


def test_a_new_room_has_to_choose_its_floor(house: Path) -> None:
    (house / "harness" / "cellar").mkdir()
    (house / "harness" / "cellar" / "__init__.py").touch()
    assert broken_contracts(house) == [FLOORS]
