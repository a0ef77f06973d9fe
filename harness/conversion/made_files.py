"""The files of a conversion: made out of sight, and put into their folder together when all are there, or not at all.

A process that is killed while it puts them there has left its record of them out of sight: by that the next one knows which
files are half a conversion's, and takes them away.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from harness.conversion.record import Conversion, MadeVariant
from harness.errors import ConfigError, RunFailed, disk_is_full
from harness.json_records import NotThisRecord, from_json, to_json
from harness.scratch_folder import ScratchFolder, left_behind
from harness.whole_file import write_json
from harness.zoo.files.official import hash_file

RECORD = "conversion.json"
_PURPOSE = "converting"
Say = Callable[[str], None]


class Making:
    """Where one conversion makes its files."""

    def __init__(self, folder: Path, aside: Path) -> None:
        """Nothing is made yet.

        Args:
            folder: Where they shall lie.
            aside: Where they are made, on the same disk.
        """
        self.folder, self.aside = folder, aside
        self._moved: list[Path] = []

    def place(self, name: str) -> Path:
        """Where a file of this name is made.

        Raises:
            ConfigError: There is one in the folder, or another conversion's record: nothing is written over.
        """
        self._refuse_existing(name)
        return self.aside / name

    def settle(self, made: Conversion) -> Conversion:
        """Puts all files into the folder, and the record with them.

        Args:
            made: Of the files where they were made.

        Returns:
            Of the files where they lie now.

        Raises:
            ConfigError: Somebody else has made one meanwhile.
            OSError: The disk is full.
        """
        files = tuple(replace(one, file=self.folder / one.file.name) for one in made.files)
        self._refuse_existing(*(one.file.name for one in files))
        settled = replace(made, files=files)
        write_json(self.aside / RECORD, to_json(settled))
        for one, there in zip(made.files, files, strict=True):
            self._moved.append(there.file)
            one.file.replace(there.file)
        self._moved.append(self.folder / RECORD)
        (self.aside / RECORD).replace(self.folder / RECORD)
        return settled

    def take_back(self) -> None:
        """Leaves nothing of it in the folder."""
        for place in self._moved:
            place.unlink(missing_ok=True)

    def _refuse_existing(self, *names: str) -> None:
        if there := [place for name in (*names, RECORD) if (place := self.folder / name).exists()]:
            raise ConfigError(f"{there[0]} is there already: name another folder with -o, or take it away")


@contextlib.contextmanager
def making(folder: Path, say: Say = lambda _: None) -> Iterator[Making]:
    """Makes files for a folder; what was not settled when it ends is gone, and so is all of it where anything fails.

    Args:
        folder: Made where it is not there. It goes as well where it was made here and nothing lies in it.
        say: Hears what a killed conversion had left in it, which is taken away.

    Raises:
        ConfigError: The folder cannot be made or written.
        RunFailed: Its disk is full.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}") from None
    made: Making | None = None
    try:
        _take_back_halves(folder, say)
        with _aside(folder) as aside:
            made = Making(folder, Path(aside).resolve())
            yield made
    except BaseException as error:
        if made is not None:
            made.take_back()
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError) and disk_is_full(error):
            raise RunFailed(
                f"{folder} cannot be written: {error.strerror}; nothing of the conversion is left. Make room, or name a folder "
                "on another disk with -o"
            ) from None
        raise


def _aside(folder: Path) -> ScratchFolder:
    try:
        return ScratchFolder(_PURPOSE, folder)
    except OSError as error:
        if disk_is_full(error):
            raise
        raise ConfigError(f"cannot write into the folder {folder}: {error.strerror}") from None


def _take_back_halves(folder: Path, say: Say) -> None:
    """Takes away what killed conversions had put into a folder, and nothing that is not theirs to the byte."""
    for left in left_behind(_PURPOSE, folder):
        gone = [one.file.name for one in _settling(left) if _is_there(folder / one.file.name, one)]
        for name in gone:
            (folder / name).unlink()
        (left / RECORD).unlink(missing_ok=True)
        if gone:
            say(
                f"{folder}: a conversion was killed there before it was whole; what it left was taken away: {', '.join(gone)}"
            )


def _settling(left: Path) -> tuple[MadeVariant, ...]:
    """The files that a killed conversion was putting into its folder; none where it had not begun to."""
    try:
        return from_json(Conversion, json.loads((left / RECORD).read_text(encoding="utf-8"))).files
    except (OSError, ValueError, NotThisRecord, RecursionError):
        return ()


def _is_there(place: Path, made: MadeVariant) -> bool:
    return place.is_file() and not place.is_symlink() and hash_file(place).sha256 == made.sha256
