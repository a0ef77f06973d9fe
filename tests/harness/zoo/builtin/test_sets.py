"""A built-in set that is no longer what was written is made anew."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.zoo.builtin import sets
from harness.zoo.builtin.sets import builtin_path


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _altered(file: Path) -> None:
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])


def _gone(file: Path) -> None:
    file.unlink()


def _joined(file: Path) -> None:
    file.with_name("stranger.json").write_bytes(b"{}")


def _contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("damage", [_emptied, _altered, _gone, _joined])
def test_a_damaged_set_is_made_anew(damage: Callable[[Path], None], tmp_path: Path) -> None:
    place = builtin_path("squad", tmp_path)
    whole, made = _contents(place), place.stat().st_ino
    assert builtin_path("squad", tmp_path, every_byte=True).stat().st_ino == made
    damage(next(path for path in sorted(place.rglob("*")) if path.is_file()))
    assert builtin_path("squad", tmp_path) == place
    assert _contents(place) == whole


def test_a_change_that_hides_behind_an_old_time_shows_where_every_byte_is_read(tmp_path: Path) -> None:
    place = builtin_path("squad", tmp_path)
    whole = _contents(place)
    file = next(path for path in sorted(place.rglob("*")) if path.is_file())
    _altered(file)
    os.utime(file, (1_000, 1_000))
    builtin_path("squad", tmp_path)
    assert _contents(place) != whole
    builtin_path("squad", tmp_path, every_byte=True)
    assert _contents(place) == whole


def _imported(file: Path) -> set[Path]:
    """The file and the modules of the zoo that it imports, and those that they do."""
    zoo = Path(sets.__file__).parents[1]
    found = {file}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness.zoo."):
            path = zoo.joinpath(*(node.module or "").split(".")[2:])
            names = [path.with_suffix(".py"), *((path / alias.name).with_suffix(".py") for alias in node.names)]
            for each in names:
                if each.is_file() and each not in found:
                    found |= _imported(each)
    return found


@pytest.mark.parametrize("name", sets.BUILTIN)
def test_the_hash_in_a_sets_name_covers_every_module_that_writes_it(name: str) -> None:
    zoo = Path(sets.__file__).parents[1]
    module, _, others = sets.BUILTIN[name]
    counted = {zoo / f"builtin/{module}.py", *(zoo / other for other in others)}
    assert _imported(zoo / f"builtin/{module}.py") == counted
