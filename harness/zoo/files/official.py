"""Where official files are kept once a user has them, and what is known of each.

A cached file is one of: verified (it has the published checksum), unverified (none is published; it is the one that was
seen first), corrupt (it is neither), partial (a download that has not ended) or absent. A stamp beside the files keeps
each one's sha256, size and time, so that a file is hashed once. The stamp stays when the file goes: a file without a
published checksum is pinned to it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from harness.errors import ConfigError
from harness.json_records import from_json
from harness.user_paths import absolute
from harness.whole_file import replacing
from harness.zoo.files.contents import damage, has_contents

CACHE_VARIABLE = "TFLITE_LOADGEN_CACHE"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
STAMPS = ".stamps"
PARTIAL = ".partial"
REJECTED = ".rejected"
PREPARED = ".prepared"
"""In the folder of a prepared data set: what it was made from."""

State = Literal["absent", "partial", "verified", "unverified", "corrupt"]


class Known(Protocol):
    """How a file is known: part of an entry of the config."""

    @property
    def md5(self) -> str | None:
        """Published, or None."""

    @property
    def sha256(self) -> str | None:
        """Published, or None."""

    @property
    def size_bytes(self) -> int | None:
        """Of the file; None where it is not known."""


USABLE = ("verified", "unverified")
"""States of a file that may be read."""


class Digests(NamedTuple):
    """Of a file's content."""

    sha256: str
    md5: str


@dataclass(frozen=True, slots=True)
class Cached:
    """What the cache holds of an official file."""

    path: Path
    state: State
    size_bytes: int = 0
    sha256: str | None = None
    why: str = ""
    """What is wrong with a corrupt one."""

    @property
    def usable(self) -> bool:
        """Whether it may be read."""
        return self.state in USABLE


@dataclass(frozen=True, slots=True)
class Stamp:
    """What was true of a cached file when it was last hashed."""

    sha256: str
    md5: str
    size: int
    mtime_ns: int


@contextlib.contextmanager
def writing_cache(cache: Path) -> Iterator[None]:
    """Around what must write the cache: a disk that is full or read-only is the user's to change.

    Raises:
        ConfigError: With the reason, and how to name another cache.
    """
    try:
        yield
    except IsADirectoryError as error:
        place = error.filename2 or error.filename
        raise ConfigError(
            f"cannot write the cache {cache}: {place} is a folder, where a file is kept; remove it"
        ) from None
    except OSError as error:
        advice = "make room, or name another" if error.errno in _FULL else "name another"
        raise ConfigError(
            f"cannot write the cache {cache}: {error.strerror or error}; {advice}: {CACHE_VARIABLE}=DIR"
        ) from None


def cache_dir() -> Path:
    """`TFLITE_LOADGEN_CACHE`, else the place that XDG names for caches."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return absolute(chosen)
    # XDG's specification: a relative path is not to be used.
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".cache") / "tflite-loadgen"


def official_path(file: str, cache: Path) -> Path:
    """Where the official file of this name lies, whether it is there or not; "" for the folder."""
    return cache / "official" / file


def stamp_path(file: str, cache: Path) -> Path:
    """Where the stamp of this file lies."""
    return official_path(STAMPS, cache) / f"{file}.json"


def find_cached(file: str, known: Known, cache: Path, *, every_byte: bool = False) -> Cached:
    """What the cache holds under this name. Reads the file only if its stamp does not fit it, or `every_byte` is asked.

    Args:
        file: Its place in the cache.
        known: Its published checksums.
        cache: The cache's folder; may be read-only, then no stamp is kept.
        every_byte: It is read whatever its size and time say: for what is scored.

    Raises:
        OSError: The file is there but cannot be read.
    """
    path = official_path(file, cache)
    if path.is_dir():
        return _examine_folder(path, every_byte=every_byte)
    if not path.is_file():
        partial = path.with_name(path.name + PARTIAL)
        if partial.is_file():
            return Cached(partial, "partial", partial.stat().st_size)
        return Cached(path, "absent")
    status, stamp = path.stat(), read_stamp(file, cache)
    if not every_byte and stamp and (stamp.size, stamp.mtime_ns) == (status.st_size, status.st_mtime_ns):
        digests = Digests(stamp.sha256, stamp.md5)
    else:
        digests = hash_file(path)
    why = other_size(status.st_size, known) or mismatch(digests, known, stamp)
    if why:
        return Cached(path, "corrupt", status.st_size, digests.sha256, why)
    with contextlib.suppress(OSError):  # a read-only cache is hashed each time
        write_stamp(file, path, digests, cache)
    return Cached(path, "verified" if known.md5 or known.sha256 else "unverified", status.st_size, digests.sha256)


def mismatch(digests: Digests, known: Known, pin: Stamp | None) -> str:
    """Why a file of these digests is not the one that is known; "" where it is."""
    for name, wanted, found in (("sha256", known.sha256, digests.sha256), ("MD5", known.md5, digests.md5)):
        if wanted and wanted != found:
            return f"its {name} is {found}, the published one {wanted}"
    if not (known.md5 or known.sha256) and pin and pin.sha256 != digests.sha256:
        return f"its sha256 is {digests.sha256}, but {pin.sha256} was taken first and pinned (no checksum is published)"
    return ""


def other_size(size_bytes: int, known: Known) -> str:
    """Why a file of this size is not the one that is known by its size alone; "" where it may be, or a checksum tells."""
    if known.md5 or known.sha256 or known.size_bytes in (None, size_bytes):
        return ""
    return f"it has {size_bytes:,} bytes, the official file has {known.size_bytes:,}"


def pin_of(file: str, known: Known, cache: Path) -> Stamp | None:
    """What a file without a published checksum must be: the one that was seen first, unless its size was not the file's."""
    stamp = None if known.md5 or known.sha256 else read_stamp(file, cache)
    return None if stamp is None or other_size(stamp.size, known) else stamp


def is_published(digests: Digests, known: Known) -> bool:
    """Whether a file of these digests is one whose checksum is published."""
    return bool(known.md5 or known.sha256) and not mismatch(digests, known, None)


def hash_file(path: Path) -> Digests:
    """A file's digests, read once."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            md5.update(block)
    return Digests(sha256.hexdigest(), md5.hexdigest())


def hash_given(path: Path) -> Digests:
    """As `hash_file`, of a file that the user named.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return hash_file(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def read_stamp(file: str, cache: Path) -> Stamp | None:
    """The stamp of this file, or None where there is none that can be read."""
    try:
        return from_json(Stamp, json.loads(stamp_path(file, cache).read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def write_stamp(file: str, content: Path, digests: Digests, cache: Path) -> None:
    """Keeps what is known of a file; nothing is written where it is known already.

    Args:
        file: Its place in the cache.
        content: Where it lies now; a rename keeps its size and time.
        digests: Of its content.
        cache: The cache's folder.

    Raises:
        OSError: The cache cannot be written.
    """
    status = content.stat()
    stamp = Stamp(digests.sha256, digests.md5, status.st_size, status.st_mtime_ns)
    if read_stamp(file, cache) != stamp:
        with replacing(stamp_path(file, cache)) as out:
            out.write(json.dumps(asdict(stamp), indent=2).encode())


def _examine_folder(path: Path, *, every_byte: bool) -> Cached:
    """A folder that `prepare` made says what it was made from, and holds what is noted of it; another is put there by hand."""
    try:
        made = json.loads((path / PREPARED).read_bytes())
        folders, verified = dict(made["files"]), bool(made["verified"])
    except FileNotFoundError:
        return Cached(path, "unverified")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        return Cached(path, "corrupt", why=f"{path / PREPARED} cannot be read: {error}")
    for folder, count in folders.items():
        try:
            found = sum(1 for name in os.listdir(path / folder) if not name.startswith("."))  # noqa: PTH208 - 50,000 names
        except (OSError, ValueError) as error:
            return Cached(path, "corrupt", why=f"{path / folder} cannot be read: {error}")
        if found != count:
            return Cached(path, "corrupt", why=f"{path / folder} holds {found} files, {count} were put there")
    # Those of earlier versions have no note.
    if has_contents(path) and (why := damage(path, every_byte=every_byte)):
        return Cached(path, "corrupt", why=f"{why}; prepare it again")
    return Cached(path, "verified" if verified else "unverified")
