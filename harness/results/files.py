"""result.json on the disk: written whole or not at all, read and checked."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from accuracy.outside.border import reads
from accuracy.outside.text_files import read_text
from harness.errors import ConfigError, RunFailed, message_of
from harness.json_records import NotThisRecord, UnknownField, from_json, shown, to_json
from harness.results.record import SCHEMA_VERSION, Reason, Result, SeriesResult, lacks
from harness.results.upgrade import upgrade
from harness.whole_file import own, remove_if_left, sweep, write_json

RESULT_FILE = "result.json"


_RESERVE_FILE = ".result.json.reserve"


_RESERVE_BYTES = 1 << 16
_WAY_BACK = "Put back the file that the run wrote, or run once more with another --out"
"""What to do about a result that cannot be read."""
_FEW = 4
"""As many runs of a folder are named."""


def write_result(folder: Path, result: Result | SeriesResult) -> None:
    """Writes result.json, whole or not at all.

    Raises:
        OSError: See `write_json`.
    """
    write_json(folder / RESULT_FILE, to_json(result))


def keep(folder: Path, result: Result | SeriesResult) -> None:
    """Writes a finished run's result.

    Raises:
        RunFailed: It cannot be written: the disk is full.
    """
    try:
        write_result(folder, result)
    except OSError as error:
        raise RunFailed(f"cannot write {folder / RESULT_FILE}: {error.strerror}") from None


def failure(error: BaseException) -> Reason:
    """The reason that a failed run's result gives."""
    return Reason(message_of(error) or type(error).__name__, "", "")


def _below(folder: Path) -> str:
    """Which results lie in it, where it is a folder of runs: a few of their names."""
    try:
        names = sorted(path.parent.name for path in folder.glob(f"*/{RESULT_FILE}"))
    except OSError:
        return ""
    more = ", ..." if len(names) > _FEW else ""
    return f"; runs lie in it: {', '.join(names[:_FEW])}{more}" if names else ""


def folder_of_run(series: Path, directory: str) -> Path:
    """Where a run of a series lies: in its directory, of a suite in a folder of it.

    Args:
        series: Its directory.
        directory: What its result calls the run. That text may come from anywhere: nothing outside of the series is followed.
    """
    told = Path(directory)
    return series / (told.name if told.is_absolute() or ".." in told.parts else told)


@reads(ConfigError)
def read_result(folder: Path) -> Result | SeriesResult:
    """The result of a run, or of a series of runs.

    Raises:
        ConfigError: There is none, it is of a version this harness does not know, or it is damaged.
    """
    path = folder / RESULT_FILE
    # What a run that was killed has left is of no use to anybody; of one that lives nothing is touched.
    remove_if_left(folder / _RESERVE_FILE)
    sweep(path)
    try:
        value = json.loads(read_text(path), parse_constant=_no_number, parse_float=_finite)
    except OSError as error:
        raise ConfigError(
            f"{folder} is not a run's directory: cannot read {RESULT_FILE}: {error.strerror}{_below(folder)}"
        ) from None
    except (ValueError, RecursionError) as error:
        why = "it is empty" if getattr(error, "doc", None) == "" else error
        raise ConfigError(f"{path} is not a result: {why}. {_WAY_BACK}") from None
    version = value.get("schema_version") if isinstance(value, dict) else None
    # True is 1 to Python.
    if version not in (1, SCHEMA_VERSION) or type(version) is not int:
        said = f": it says {version!r}; show it with the harness that wrote it" if version is not None else ""
        raise ConfigError(f"{path} is not a result of version 1 or {SCHEMA_VERSION}{said or f'. {_WAY_BACK}'}")
    try:
        return _of_version_1(value) if version == 1 else result_of(value)
    except UnknownField as error:
        raise ConfigError(
            f"{path} has a field that this harness does not know: {error}. A newer one wrote it, or somebody's hand: show it "
            "with the harness that wrote it"
        ) from None
    except NotThisRecord as error:
        raise ConfigError(f"{path} is not whole, or was changed by hand ({error}): run once more") from None


def result_of(value: Mapping[str, Any], *, drop_unknown: bool = False) -> Result | SeriesResult:
    """A result as `json.loads` gives it.

    Raises:
        NotThisRecord: It is not one of version 2; see `from_json`.
    """
    if "runs" in value:
        series = from_json(SeriesResult, value, drop_unknown=drop_unknown)
        for place, run in enumerate(series.runs):
            _require_whole(run.result, f"runs[{place}].")
        return series
    result = from_json(Result, value, drop_unknown=drop_unknown)
    _require_whole(result, "")
    return result


def _of_version_1(value: Mapping[str, Any]) -> Result | SeriesResult:
    return result_of(upgrade(value), drop_unknown=True)


def _require_whole(result: Result, where: str) -> None:
    if (name := lacks(result)) is not None:
        raise NotThisRecord(f"{where}{name} is missing")


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{shown(text)} is larger than any number here")
    return number


class Reserve:
    """A few blocks kept free in the run's directory, so that a disk filled by the run can still take its result."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _RESERVE_FILE
        self._file: BinaryIO | None = None
        """Open, and owned, as long as the run lasts."""

    def take(self) -> None:
        """Writes the blocks; what lies in their place is taken away, be it a pipe or a link.

        Raises:
            OSError: They cannot be written, or a folder lies in their place.
        """
        self._path.unlink(missing_ok=True)
        self._file = self._path.open("xb")
        own(self._file)
        self._file.write(bytes(_RESERVE_BYTES))
        self._file.flush()

    def release(self) -> None:
        """Gives the blocks back; called before the final result is written."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
