"""The files of a conversion in their folder: all of them or none, and nothing written over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import ConfigError

RECORD = "conversion.json"


@contextlib.contextmanager
def all_or_none(folder: Path, places: Sequence[Path] = ()) -> Iterator[list[Path]]:
    """A folder, made where it is not there, and files in it that go again where something fails before the end.

    Args:
        folder: Goes as well where it was made here and nothing else lies in it.
        places: The files; more may be added to what is given back.

    Raises:
        ConfigError: The folder cannot be made.
    """
    is_new, written = not folder.exists(), list(places)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}") from None
    try:
        yield written
    except BaseException:
        for place in written:
            place.unlink(missing_ok=True)
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def refuse_existing(places: Sequence[Path]) -> None:
    """Nothing is written over.

    Raises:
        ConfigError: One is there.
    """
    if there := [place for place in places if place.exists()]:
        raise ConfigError(f"{there[0]} is there already: name another folder with -o, or take it away")
