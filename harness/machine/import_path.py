"""From where Python may import: never from the current directory, which is whoever's it is.

`-P` keeps it off the path of a process that is started, but not where an entry of PYTHONPATH is empty, as in `export
PYTHONPATH=$PYTHONPATH:/mine` with nothing there before, or relative: both mean the current directory's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path

VARIABLE = "PYTHONPATH"
PACKAGES = ("accuracy", "backends", "configs", "harness", "native", "tasks")
"""Ours. Other packages may well have these names, too."""
_OURS = str(Path(__file__).resolve().parents[2])


def safe_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a Python process: of PYTHONPATH the absolute entries, which mean the same everywhere.

    Args:
        environment: This process's.
    """
    found = {**environment, "PYTHONSAFEPATH": "1"}
    if places := _absolute(environment.get(VARIABLE, "")):
        found[VARIABLE] = os.pathsep.join(places)
    else:
        found.pop(VARIABLE, None)
    return found


def leave_current_folder() -> None:
    """Takes from this process's path what PYTHONPATH has put there and is not absolute; its children never see it."""
    written = os.environ.get(VARIABLE)
    if written is None:
        return
    stays = {*_absolute(written), _OURS}
    goes = {str(Path(place).absolute()) for place in written.split(os.pathsep) if not Path(place).is_absolute()} - stays
    sys.path[:] = [place for place in sys.path if place and place not in goes]
    os.environ.update(safe_environment(os.environ))
    if not _absolute(written):
        del os.environ[VARIABLE]


def conflict(root: Path = Path(_OURS)) -> str:
    """What another package or module of one of our names does to us, and what to do; empty where there is none.

    Args:
        root: The folder that holds our packages.
    """
    for name in PACKAGES:
        found = PathFinder.find_spec(name)
        place = Path(found.origin).resolve() if found is not None and found.origin else None
        if place is None or place.parent.parent != root:
            return (
                f"{place or 'a folder without __init__.py'} stands in the way of tflite-loadgen's own package {name} in "
                f"{root}: {_APART}"
            )
    for name in _overwritten(root):
        return f"another package has written over {root / name}, which tflite-loadgen brought: {_APART}"
    return ""


_APART = "give tflite-loadgen an environment of its own (python -m venv), or take the other off PYTHONPATH"


def _overwritten(root: Path) -> list[str]:
    """Of a wheel's packages those whose first file is not as long as the one installed; a checkout may change as it likes."""
    for record in root.glob("tflite_loadgen-*.dist-info/RECORD"):
        firsts = {f"{name}/__init__.py": name for name in PACKAGES}
        lines = [line.split(",") for line in record.read_text(encoding="utf-8", errors="replace").splitlines()]
        told = {words[0]: words[2] for words in lines if len(words) == 3 and words[0] in firsts}
        return [firsts[file] for file, size in told.items() if size and int(size) != (root / file).stat().st_size]
    return []


def _absolute(written: str) -> list[str]:
    return [place for place in written.split(os.pathsep) if Path(place).is_absolute()]
