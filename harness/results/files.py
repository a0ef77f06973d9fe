"""What a run leaves behind: LoadGen's logs read, result.json written.

History of result.json (`schema_version`):
    1   the first form
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from harness.errors import ConfigError, RunFailed, message_of

SCHEMA_VERSION = 1


RESULT_FILE = "result.json"


_RESERVE_FILE = ".result.json.reserve"


_RESERVE_BYTES = 1 << 16


Status = Literal["started", "valid", "invalid", "failed"]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a whole file or none: under another name in the same folder, flushed to the disk, then renamed.

    Raises:
        OSError: The disk is full or the folder cannot be written; nothing is left behind.
    """
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def keep(folder: Path, result: Mapping[str, Any]) -> None:
    """Writes a finished run's result.

    Raises:
        RunFailed: It cannot be written: the disk is full.
    """
    try:
        write_json(folder / RESULT_FILE, result)
    except OSError as error:
        raise RunFailed(f"cannot write {folder / RESULT_FILE}: {error.strerror}") from None


def failure(error: BaseException) -> dict[str, str]:
    """The reason that a failed run's result gives."""
    return reason(message_of(error) or type(error).__name__, "", "")


def reason(what: str, figure: str, fix: str) -> dict[str, str]:
    """Why a run is as it is: what, the figure that shows it, and what to do."""
    return {"what": what, "figure": figure, "fix": fix}


def read_result(folder: Path) -> dict[str, Any]:
    """A run's result.

    Raises:
        ConfigError: There is none, or it is of a version this harness does not know.
    """
    path = folder / RESULT_FILE
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{folder} is not a run's directory: cannot read {RESULT_FILE}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not a result: {error}") from None
    if not isinstance(result, dict) or result.get("schema_version") != SCHEMA_VERSION:
        raise ConfigError(f"{path} is not a result of version {SCHEMA_VERSION}")
    return result


class Reserve:
    """A few blocks kept free in the run's directory, so that a disk filled by the run can still take its result."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _RESERVE_FILE

    def take(self) -> None:
        """Writes the blocks."""
        with self._path.open("wb") as file:
            file.write(bytes(_RESERVE_BYTES))

    def release(self) -> None:
        """Gives the blocks back; called before the final result is written."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def status_of(result: Mapping[str, Any]) -> int:
    """The exit status a finished result leads to."""
    missed = any(metric["passed"] is False for metric in (result["accuracy"] or {}).values())
    # A sweep goes on after a run that failed, and says so in the end.
    return result.get("exit_status") or (1 if result["status"] == "invalid" or missed else 0)
