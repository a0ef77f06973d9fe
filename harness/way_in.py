"""How the user came in, and what a command is called there: `./run.sh` in a clone, `tflite-loadgen` from a wheel.

All text in the house names commands as a clone has them. Where text leaves for a person it is put into the words of the way in.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

SCRIPT, COMMAND = "./run.sh", "tflite-loadgen"
COMPLAINT = f"{COMMAND}: "
"""How the last words of a command that did not do what it was asked begin, whichever way the user came in."""
_BY_SCRIPT = "TFLITE_LOADGEN_BY_SCRIPT"
"""Set by run.sh, whose code may lie elsewhere: of a clone that cannot be written a copy runs."""
_ROOT = Path(__file__).resolve().parents[1]
_CALL = re.compile(
    r"(?<![\w./])\./run\.sh(?:(\s+)install\s+(convert|opencv|hf|report|tensorflow)\b|(\s+)install\b|)(?![\w/.])"
)


def came_by_script() -> bool:
    """Whether `./run.sh` is there and was not passed by."""
    return Path(sys.argv[0]).name != COMMAND and (_BY_SCRIPT in os.environ or (_ROOT / "run.sh").is_file())


def command() -> str:
    """What the program is called."""
    return SCRIPT if came_by_script() else COMMAND


def as_entered(text: str) -> str:
    """Text whose commands are those that the user can give.

    Args:
        text: With the commands of a clone in it. What a wheel cannot do stays a clone's.
    """
    return text if SCRIPT not in text or came_by_script() else _CALL.sub(_of_a_wheel, text)


def complaining_as_entered(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose errors name the commands of the way in: for what Python calls, whose errors no command prints."""

    @functools.wraps(function)
    def called(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return function(*arguments, **named)
        except Exception as error:
            if error.args and isinstance(error.args[0], str):
                error.args = (as_entered(error.args[0]), *error.args[1:])
            raise

    return called


def _of_a_wheel(found: re.Match[str]) -> str:
    # A line that was broken between two words stays broken there.
    if found[2]:
        return f"pip{found[1]}install '{COMMAND}[{found[2]}]'"
    return f"(in a clone) {found[0]}" if found[3] else COMMAND
