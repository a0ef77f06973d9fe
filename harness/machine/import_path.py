"""From where Python may import: never from the current directory, which is whoever's it is.

`-P` keeps it off the path of a process that is started, but not where an entry of PYTHONPATH is empty, as in `export
PYTHONPATH=$PYTHONPATH:/mine` with nothing there before, or relative: both mean the current directory's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "PYTHONPATH"
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


def _absolute(written: str) -> list[str]:
    return [place for place in written.split(os.pathsep) if Path(place).is_absolute()]
