"""Whether a backend works on this machine, in a process of its own: a driver can take it down, or hang.

`python -P -m harness.run.backend_check ANSWER_FD PARENT_PID BACKEND MODEL` is that process.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from backends.base import BackendInfo
from harness.config.backend import BackendSection
from harness.config.registry import backend_kind
from harness.errors import exit_status
from harness.machine.child_process import LONGEST_START_S, answer_of, live_and_die_with
from harness.machine.json_line import decode, tell_once
from harness.model.opening import Opener

_TIMEOUT_S = LONGEST_START_S


@dataclass(frozen=True, slots=True)
class BackendCheck:
    """What came of it."""

    info: BackendInfo | None
    """Of the backend with the model, which has answered; None where it does not work."""
    why_not: str | None


def check_backend(name: str, model: Path) -> BackendCheck:
    """Starts the process.

    Args:
        name: The backend's.
        model: One that every backend should take.
    """
    answer = answer_of("harness.run.backend_check", name, str(model), timeout_s=_TIMEOUT_S)
    if answer.line is not None:
        return decode(answer.line, BackendCheck)
    if answer.hangs:
        return BackendCheck(None, f"it hangs: no answer in {_TIMEOUT_S:g} s")
    return BackendCheck(None, f"it takes its process down, which {answer.how}")


def _check(name: str, model: Path) -> BackendCheck:
    try:
        return BackendCheck(_try(name, model), None)
    except Exception as error:
        known = exit_status(error) is not None
        return BackendCheck(None, str(error) if known else f"{type(error).__name__}: {error}")


def _try(name: str, model: Path) -> BackendInfo:
    if (without_model := backend_kind(name).info_without_model()) is not None:
        return without_model
    section = BackendSection(name=name, complete_shapes=False)
    backend = Opener(model, "", section, Path()).open_covered(1)
    backend.invoke([spec.zeros() for spec in backend.inputs])
    return backend.info()


def main() -> None:
    """The process."""
    answer, parent, name, model = sys.argv[1:]
    live_and_die_with(int(parent))
    found = _check(name, Path(model))
    tell_once(int(answer), found)


if __name__ == "__main__":
    main()
