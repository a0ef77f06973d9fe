"""The error tree of the harness, and the exit status of each error that a user can meet.

    HarnessError                       a message for the user, never a traceback
      ConfigError                      2   the user must fix the command, the config or the machine
        UnknownName                    2   a name nobody knows; the message suggests a near one
      RunFailed                        3   the run broke
      Interrupted                      130 after SIGINT, 143 after SIGTERM
    backends.base.BackendUnavailable   2
    backends.base.ModelRejected        2
    tasks.base.DataMissing             2
    tasks.base.ModelMismatch           2
    accuracy.answers.log.LogError              2
    accuracy.errors.TruthError         2

Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
import os
import signal
from collections.abc import Iterable
from typing import Any, ClassVar

EXIT_VALID = 0
EXIT_INVALID = 1
EXIT_USER = 2
EXIT_BROKEN = 3
_TOO_MANY_FILES = os.strerror(errno.EMFILE)
_ENOUGH_FILES = 1024


class HarnessError(Exception):
    """A message for the user; `status` is the exit status it leads to."""

    status: ClassVar[int] = EXIT_BROKEN


class ConfigError(HarnessError):
    """The user must fix something before a run can start."""

    status = EXIT_USER


class UnknownName(ConfigError):  # noqa: N818 - the name is part of the contract
    """A name nobody knows."""

    def __init__(self, kind: str, name: str, known: Iterable[str], listing: str = "") -> None:
        super().__init__(unknown(kind, name, known, listing))


class RunFailed(HarnessError):  # noqa: N818 - the name is part of the contract
    """The run started and broke; its directory stays."""


class Interrupted(HarnessError):  # noqa: N818
    """The user or the system asked the run to stop."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number


def unknown(kind: str, name: str, known: Iterable[str], listing: str = "") -> str:
    """The sentence for a name nobody knows, with a near miss where there is one, else with all that is known.

    Args:
        kind: What it should be the name of.
        name: As the user wrote it.
        known: The names there are.
        listing: A command that lists them, where they are too many for a message; then some near misses are named.
    """
    names = sorted(set(known))
    folded = {known_name.casefold(): known_name for known_name in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=5 if listing else 1)
    if name.casefold() in folded:
        near = near[:1]
    if near:
        hint = f"did you mean {' or '.join(repr(folded[each]) for each in near)}?"
    else:
        hint = f"{listing} names all" if listing else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r}; {hint}"


class Reported(Exception):  # noqa: N818 - it is a report
    """An error of another process, as that told of it."""

    def __init__(self, event: dict[str, Any]) -> None:
        super().__init__(f"{event['type']}: {event['message']}")
        self.event = event


def failure_event(error: BaseException) -> dict[str, Any]:
    """What a process tells the one that started it of the error that ends it."""
    if isinstance(error, Reported):
        return error.event
    return {"event": "failed", "status": exit_status(error), "message": message_of(error), "type": type(error).__name__}


def message_of(error: BaseException) -> str:
    """What a person is told of an error.

    Where the limit of open files was met, the file that would have been one too many is not to blame.
    """
    if not _met_the_limit_of_open_files(error):
        return str(error)
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        f"the limit of open files was met: a process may have {limit} here, which is too few. Allow more in this shell and "
        f"run again: ulimit -n {max(_ENOUGH_FILES, 2 * limit)}"
    )


def _met_the_limit_of_open_files(error: BaseException | None) -> bool:
    """Also where another error was made of it, or a library has only its text."""
    while error is not None:
        text = str(error)
        # "in system" is another limit, which no shell raises.
        if _TOO_MANY_FILES in text and f"{_TOO_MANY_FILES} in system" not in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def exit_status(error: BaseException) -> int | None:
    """The exit status for an error a user can meet; None for a bug, which keeps its traceback."""
    if isinstance(error, Interrupted):
        return 128 + error.signal_number
    if _met_the_limit_of_open_files(error):
        return EXIT_USER
    if isinstance(error, HarnessError):
        return error.status
    # By module and name, so that printing a usage error does not import the tasks and with them numpy.
    if any((kind.__module__, kind.__name__) in _USER_ERRORS for kind in type(error).__mro__):
        return EXIT_USER
    return None


_USER_ERRORS = {
    ("backends.base", "BackendUnavailable"),
    ("backends.base", "ModelRejected"),
    ("tasks.base", "DataMissing"),
    ("tasks.base", "ModelMismatch"),
    ("accuracy.answers.log", "LogError"),
    ("accuracy.errors", "TruthError"),
}
