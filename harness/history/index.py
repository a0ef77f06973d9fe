"""history.sqlite3: the index of finished runs. It holds nothing that the runs' directories do not, and is made anew from them.

Two processes may add at once: each waits for the other. On a disk that cannot be written it can still be read.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from harness.errors import ConfigError, RunFailed, disk_is_full, message_of, shortened
from harness.history.entry import FIGURES, HistoryEntry

INDEX_FILE = "history.sqlite3"
"""Names the history's directory where `--history` does not."""
_VERSION = 1
_PATIENCE_S = 60.0
"""How long it waits for another process that writes."""
_COLUMNS = tuple(field.name for field in fields(HistoryEntry))
_PLACE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR)
"""What is wrong with where the index lies, not with the index."""
_NOTHING_LOST = "The runs' own directories have all of it"
_TEXTS = frozenset(name for name in _COLUMNS if name not in (*FIGURES, "at_s", "written_s"))
_TYPES = tuple(str if name in _TEXTS else float if name.endswith("_s") else (float, type(None)) for name in _COLUMNS)
_MOST = 1e300
"""No figure is so large; infinity is what a number that is larger yet is kept as."""
FILTERS = (
    "task",
    "scenario",
    "mode",
    "preset",
    "status",
    "model",
    "model_sha256",
    "data",
    "backend",
    "machine",
    "platform",
    "host",
    "labels",
    "path",
)
"""What may be filtered by; `*` and `?` stand for letters."""
SORTS = ("at", *FIGURES, "task", "model", "backend", "status")


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding directories."""

    runs: int
    refused: tuple[str, ...]
    """Results that could not be read: a sentence each."""


def results_below(folders: Iterable[Path]) -> Iterator[Path]:
    """Directories with a result, at any depth; those of a series' runs are not looked at again."""
    from harness.results.files import RESULT_FILE

    for top in folders:
        if not top.is_dir():
            raise ConfigError(f"{top} is no directory: name one of runs, as results/")
        for here, below, files in os.walk(top):
            below.sort()
            if RESULT_FILE in files:
                below.clear()
                yield Path(here)


class Index:
    """The history of one directory."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened or made yet."""
        self._path = folder / INDEX_FILE

    def add(self, folders: Iterable[Path], *, anew: bool = False) -> Added:
        """Adds runs, or replaces what is known of them.

        Args:
            folders: Directories with a result.
            anew: Whether all that was known is dropped first.

        Raises:
            ConfigError: The index is damaged, of another version, another program's, or cannot be written.
            RunFailed: The disk is full.
        """
        # Results take half a second to import, and a list of runs needs none.
        from harness.history.collected import entries_of
        from harness.results.files import RESULT_FILE, read_result

        entries: list[HistoryEntry] = []
        refused = []
        for folder in folders:
            try:
                written_s = (folder / RESULT_FILE).stat().st_mtime
                entries += entries_of(folder.resolve(), read_result(folder), written_s)
            except (ConfigError, OSError) as error:
                refused.append(message_of(error))
        marks = ", ".join("?" * len(_COLUMNS))
        with self._writing(anew=anew) as database:
            database.executemany(f"INSERT OR REPLACE INTO runs VALUES ({marks})", [astuple(one) for one in entries])
        return Added(len(entries), tuple(refused))

    def paths(self) -> list[Path]:
        """Directories of all runs that are known, whether they are still there or not."""
        with self._reading() as database:
            rows = database.execute("SELECT path FROM runs ORDER BY path").fetchall()
        return [Path(path) for (path,) in rows if isinstance(path, str)]

    def select(self, filters: Mapping[str, str], sort: str = "at", limit: int = 0) -> Sequence[HistoryEntry]:
        """Runs that fit, in order; the last `limit` of them, 0 for all.

        Args:
            filters: Column -> pattern, of `FILTERS`.
            sort: One of `SORTS`, ascending; what is not known comes first.
            limit: How many.

        Raises:
            ConfigError: There is no index, or it cannot be read.
        """
        where = " AND ".join(f"{name} GLOB ?" for name in filters) or "1"
        column = {"at": "at_s"}.get(sort, sort)
        # Names of columns are this module's own; what the user says goes in by placeholders.
        assert column in _COLUMNS
        assert all(name in _TEXTS for name in filters)
        query = f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE {where} ORDER BY {column} DESC, at_s DESC, path LIMIT ?"
        with self._reading() as database:
            rows = database.execute(query, [*filters.values(), limit or -1]).fetchall()
        if damaged := [row for row in rows if not _is_sound(row)]:
            first = shortened(str(damaged[0][0]))
            raise ConfigError(
                f"{self._path} is damaged: {len(damaged):,} of the rows that fit are none of ours, the first that of {first}: "
                "make it anew with ./run.sh history --rebuild --add DIR (DIR holds the runs)"
            )
        return [HistoryEntry(*row) for row in reversed(rows)]

    @contextlib.contextmanager
    def _writing(self, *, anew: bool) -> Iterator[sqlite3.Connection]:
        self._refuse_no_file()
        with self._refusing("write"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None)
            with contextlib.closing(database):
                # Takes the lock before it looks: another process may be making the table.
                database.execute("BEGIN IMMEDIATE")
                version = self._version(database)
                if version == 0:
                    self._refuse_others(database)
                if anew or version == 0:
                    database.execute("DROP TABLE IF EXISTS runs")
                    kinds = (f"{name} {'TEXT' if name in _TEXTS else 'REAL'}" for name in _COLUMNS)
                    database.execute(f"CREATE TABLE runs ({', '.join(kinds)}, PRIMARY KEY (path))")
                    database.execute("CREATE INDEX runs_at ON runs (at_s)")
                    database.execute(f"PRAGMA user_version = {_VERSION}")
                else:
                    self._refuse_version(version)
                yield database
                database.execute("COMMIT")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        self._refuse_no_file()
        none_yet = ConfigError(
            f"{self._path.parent} has no history yet: run with --history {self._path.parent}, or add finished runs with "
            f"./run.sh history --history {self._path.parent} --add results"
        )
        if not self._path.is_file():
            raise none_yet
        with self._refusing("read"):
            # Who was killed while it wrote leaves a journal, by which whoever reads next puts the index back as it was.
            mode = "rw" if self._path.with_name(f"{INDEX_FILE}-journal").exists() else "ro"
            uri = f"{self._path.resolve().as_uri()}?mode={mode}"
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S)) as database:
                version = self._version(database)
                if version == 0:
                    # On a full disk nothing but its name may have been written.
                    self._refuse_others(database)
                    raise none_yet
                self._refuse_version(version)
                yield database

    def _refuse_no_file(self) -> None:
        """SQLite says of a folder that it cannot be opened, and waits for a pipe."""
        if self._path.exists() and not self._path.is_file():
            raise ConfigError(
                f"{self._path} is a folder, a pipe or a device, not the history's file: take it away, and make it anew with "
                "./run.sh history --add DIR (DIR holds the runs)"
            )

    @staticmethod
    def _version(database: sqlite3.Connection) -> int:
        return int(database.execute("PRAGMA user_version").fetchone()[0])

    def _refuse_others(self, database: sqlite3.Connection) -> None:
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ConfigError(f"{self._path} is another program's: name another folder with --history")

    def _refuse_version(self, version: int) -> None:
        if version != _VERSION:
            raise ConfigError(
                f"{self._path} is of version {version}, not {_VERSION}: make it anew with ./run.sh history --rebuild --add DIR "
                "(DIR holds the runs)"
            )

    @contextlib.contextmanager
    def _refusing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            said = f"cannot {what} {self._path} ({error})"
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_FULL or disk_is_full(error):
                raise RunFailed(
                    f"{said}: make room, or name a folder on another disk with --history. {_NOTHING_LOST}"
                ) from None
            if isinstance(error, OSError) or code in _PLACE:
                raise ConfigError(
                    f"{said}: is its folder, or the disk, read-only? Name another with --history. {_NOTHING_LOST}"
                ) from None
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise ConfigError(
                    f"{said}: another process has been at work on it for {_PATIENCE_S:g} s. Try again. {_NOTHING_LOST}"
                ) from None
            raise ConfigError(
                f"{said}: take the file away, and make it anew with ./run.sh history --add DIR (DIR holds the runs)"
            ) from None


def _is_sound(row: tuple[object, ...]) -> bool:
    """Whether a row is one that this module has written: SQLite itself holds any type in any column."""
    return all(map(isinstance, row, _TYPES)) and all(
        -_MOST < number < _MOST for number in row if isinstance(number, float)
    )
