"""A set of pictures, found in a folder or read in place from a zip archive, in the order that benchmarks count them.

The order is that of the sorted file names: positional ground truth (one label a line) means exactly that order (MA
flutter/cpp/utils.cc GetSortedFileNames), and a subset is always its first pictures.
"""

from __future__ import annotations

import hashlib
import threading
import zipfile
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol, TypeVar

from accuracy.outside.border import reads
from accuracy.outside.opening import open_zip_heard
from accuracy.outside.shown import some
from accuracy.truth.boxes.stored_boxes import StoredBoxes
from accuracy.truth.class_names import ClassNames
from tasks.base import Array, Codec, DataMissing, Prepared
from tasks.pictures.listing import ArchivePlace, FolderPlace, Listing, list_samples
from tasks.pictures.stored_truth import StoredLabels, StoredMasks, StoredTruth
from tasks.sets.digests import Digest

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".npy", ".png", ".rgb8")
"""What counts as a picture, whatever the case."""

FOLDERS = "the folders' names"
"""Where the labels of a folder a class are from."""
OPENING_BYTES = 1 << 16
"""So much of a picture tells its size, but for the few with a long preface."""
_MAX_FILE_BYTES = 512 << 20
_KINDS_SHOWN = 5
_Read = TypeVar("_Read")


class Stored(NamedTuple):
    """One sample as it was read."""

    picture: bytes
    whole: bytes
    """All that is stored of it: the picture, and what lies in one record or row with it."""


class Store(Protocol):
    """Where the bytes lie."""

    def read(self, key: str) -> Stored:
        """One sample; raises OSError or ValueError where it cannot be read."""

    def opening(self, key: str) -> bytes:
        """The picture's first bytes, which may be all of them, not held against a checksum; raises as `read`."""

    def size(self, key: str) -> int | None:
        """Of all that is stored of it, in bytes; None where only reading tells. Raises OSError where it is gone."""

    def stamp(self, key: str) -> str:
        """Tells one state of the file from another without reading it."""


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path

    def read(self, key: str) -> Stored:
        data = (self.path / key).read_bytes()
        return Stored(data, data)

    def opening(self, key: str) -> bytes:
        with (self.path / key).open("rb") as file:
            return file.read(OPENING_BYTES)

    def size(self, key: str) -> int:
        return (self.path / key).stat().st_size

    def stamp(self, key: str) -> str:
        stat = (self.path / key).stat()
        # Copying tools set a file's time back, but nothing sets back when its entry changed.
        return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


class _Archive:
    """A zip archive, read in place. ZipFile counts its open members without a lock, hence ours."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._path = path

    def read(self, key: str) -> Stored:
        info = self._readable(key)
        with self._lock:
            data = self._archive.read(info)
        return Stored(data, data)

    def opening(self, key: str) -> bytes:
        with self._lock, self._archive.open(self._readable(key)) as file:
            return file.read(OPENING_BYTES)

    def _readable(self, key: str) -> zipfile.ZipInfo:
        info = self._archive.getinfo(key)
        if info.flag_bits & 1:
            raise OSError("it is encrypted: unpack the archive and name the folder instead")
        if info.file_size > _MAX_FILE_BYTES:
            raise OSError(f"it unpacks to {info.file_size} bytes, which no picture needs")
        return info

    def size(self, key: str) -> int:
        return self._archive.getinfo(key).file_size

    def stamp(self, key: str) -> str:
        info = self._archive.getinfo(key)
        return f"{info.file_size} {info.CRC:08x}"


class Pictures:
    """Pictures in a fixed order. Safe to read from several threads."""

    def __init__(
        self,
        path: Path,
        store: Store,
        keys: Mapping[str, str],
        names: Sequence[str],
        stored: StoredTruth | None = None,
        order: str = "file names",
        left_out: Mapping[str, int] | None = None,
        suffixes: Sequence[str] = SUFFIXES,
        uncounted: Sequence[str] = (),
        verified: Sequence[str] = (),
    ) -> None:
        """Use `Pictures.open`.

        Args:
            path: The folder or archive that holds the pictures, as found.
            store: Where the bytes lie.
            keys: The store's key of every picture in the set, by base name.
            names: The base names in use, in order.
            stored: The ground truth that is stored with the pictures.
            order: What `names` are in the order of, for the result.
            left_out: Files that look like pictures and are none of the set, by suffix.
            suffixes: What counts as one, for messages.
            uncounted: What `names` would be without a count, where that is not the whole set in its order.
            verified: Names of those whose stored truth must be held against its checksum; empty for all.
        """
        self.path = path
        self.names: tuple[str, ...] = tuple(names)
        """Base names with suffix, in the order of the samples."""
        self.all_names: tuple[str, ...] = tuple(keys)
        """Base names of the whole set; more than `names` where a count or an order left some out."""
        self.order = order
        self.left_out: Mapping[str, int] = left_out or {}
        """Files that look like pictures and are none of the set, by suffix."""
        self._store, self._suffixes = store, suffixes
        self._keys = keys
        self._stored = stored
        self._uncounted = tuple(uncounted) or self.all_names
        self._verified = tuple(verified) or self.names

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        count: int | None = None,
        suffixes: Sequence[str] = SUFFIXES,
        by_class: bool = False,
        what: str = "",
    ) -> Pictures:
        """Finds the pictures; reads none of them.

        Args:
            path: A folder of pictures, a folder with one sub-folder of pictures (`images/`, `val2017/`; `annotations/`
                never counts), or a zip archive of either form.
            count: Use the first `count` pictures only; None for all.
            suffixes: What counts as a picture, lower case with the dot.
            by_class: Whether several folders are classes, by which their pictures are labelled (tasks.pictures.listing).
            what: What messages call the samples; empty for pictures, or files where the suffixes are others.

        Raises:
            DataMissing: Nothing there, no picture in it, more than one sub-folder that may be meant, or fewer pictures
                than `count`.
        """
        what = what or ("pictures" if suffixes == SUFFIXES else "files")
        if str(path).startswith("hf:"):
            raise DataMissing(f"{path}: this task reads no Hugging Face data sets: name a folder or a zip archive")
        if not path.exists():
            raise DataMissing(f"no {what} at {path}: there is no such file or folder")
        listing, store = _listed(path, suffixes, by_class=by_class, what=what)
        found = path / listing.base if path.is_dir() else path
        stored = _FolderLabels(found, listing) if listing.classes else None
        names = first(found, tuple(listing.keys), count, what)
        return cls(found, store, listing.keys, names, stored, left_out=listing.left_out, suffixes=suffixes)

    @classmethod
    def none(cls) -> Pictures:
        """A set without pictures: for a codec that gets its pictures one by one (`FileCodec.prepare`)."""
        return cls(Path(), _Folder(Path()), {}, ())

    def select(self, order: Sequence[str], count: int | None = None) -> Pictures:
        """The same set with other pictures in use.

        Args:
            order: Base names in the order wanted, for example a ground truth's.
            count: Use the first `count` of them only; None for all.

        Raises:
            DataMissing: A picture that is not there or is named twice, or fewer than `count`.
        """
        missing = [name for name in order if name not in self._keys]
        _refuse(self.path, "are named by the ground truth but are not there", missing)
        _refuse(self.path, "are named more than once", [name for name, times in Counter(order).items() if times > 1])
        return self._using(first(self.path, order, count), order)

    @cached_property
    def uncounted(self) -> Pictures:
        """The set as it is without a count, of which the pictures in use are the first; this one where there was none."""
        return self if len(self) == len(self._uncounted) else self._using(self._uncounted, self._uncounted, self.names)

    def _using(self, names: Sequence[str], uncounted: Sequence[str], verified: Sequence[str] = ()) -> Pictures:
        beside = self._stored, self.order, self.left_out, self._suffixes, uncounted, verified
        return Pictures(self.path, self._store, self._keys, names, *beside)

    @cached_property
    def labels(self) -> StoredLabels | None:
        """Of the pictures in use; None where none are stored with them.

        Raises:
            DataMissing: Some have one, or what is stored is no class; so for boxes and masks.
        """
        return None if self._stored is None else self._stored.labels(self.names, self._verified)

    @cached_property
    def boxes(self) -> StoredBoxes | None:
        """As `labels`; they are read when they are asked for."""
        return None if self._stored is None else self._stored.boxes(self.names, self._verified)

    @cached_property
    def masks(self) -> StoredMasks | None:
        """As `labels`."""
        return None if self._stored is None else self._stored.masks(self.names, self._verified)

    @property
    def behind(self) -> Sequence[Path]:
        """Files of those not in use, but for the set's first, by which it is known; none where they lie in one file."""
        if not isinstance(self._store, _Folder):
            return ()
        used = {*self.names, *self.all_names[:1]}
        return [self._store.path / key for name, key in self._keys.items() if name not in used]

    @property
    def files(self) -> Sequence[Path]:
        """As `StoredTruth.files`."""
        return () if self._stored is None else self._stored.files()

    @property
    def classes(self) -> Sequence[str]:
        """As `StoredSamples.classes`."""
        return () if self._stored is None else self._stored.classes()

    def __len__(self) -> int:
        """Number of pictures in use."""
        return len(self.names)

    def stem(self, index: int) -> str:
        """The base name without its suffix."""
        return PurePosixPath(self.names[index]).stem

    def read(self, index: int) -> bytes:
        """The file's bytes, still encoded.

        Raises:
            DataMissing: It cannot be read; the message names it.
        """
        return self.stored(index).picture

    def whole(self, index: int) -> bytes:
        """As `StoredSamples.whole`."""
        return self.stored(index).whole

    def stored(self, index: int) -> Stored:
        """The picture, and all that is stored with it; as `read`."""
        return self._read(self.names[index], self._store.read)

    def opening(self, index: int) -> bytes:
        """The file's first bytes, of a record not held against its checksum; as `read`."""
        return self._read(self.names[index], self._store.opening)

    def size(self, index: int) -> int | None:
        """As `StoredSamples.size`."""
        name = self.names[index]
        try:
            return self._store.size(self._keys[name])
        except OSError as error:
            raise self._gone(name, error) from None

    def first_digest(self) -> str:
        """SHA-256 of the whole set's first picture, by which published sets are known.

        Raises:
            DataMissing: It cannot be read.
        """
        return hashlib.sha256(self._read(self.all_names[0], self._store.read).picture).hexdigest()

    @reads(DataMissing)
    def _read(self, name: str, how: Callable[[str], _Read]) -> _Read:
        try:
            return how(self._keys[name])
        except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
            raise DataMissing(f"{name} in {self.path} cannot be read: {_reason(error)}") from None

    @property
    def left_out_facts(self) -> Mapping[str, Any]:
        """For the result: `left_out`, the number of such files by suffix; nothing where there is none."""
        return {"left_out": dict(self.left_out)} if self.left_out else {}

    def warning(self) -> Sequence[str]:
        """What is said of the files that were left out; nothing where none was."""
        if not self.left_out:
            return ()
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in list(self.left_out.items())[:_KINDS_SHOWN])
        what = f"{sum(self.left_out.values()):,} files of {self.path} are not read and not scored ({kinds})"
        return (
            f"{what}: what is read is {', '.join(self._suffixes)}, in one folder or one a class. Convert or remove them",
        )

    def fingerprint(self) -> str:
        """SHA-256 over the names, sizes and modification times (CRCs in an archive): cheap, reads no picture."""
        digest = hashlib.sha256()
        for name in self.names:
            try:
                stamp = self._store.stamp(self._keys[name])
            except OSError as error:
                raise self._gone(name, error) from None
            digest.update(f"{name}\0{stamp}\n".encode())
        return digest.hexdigest()

    def _gone(self, name: str, error: OSError) -> DataMissing:
        return DataMissing(f"{name} in {self.path} is gone: {_reason(error)}")


class FileCodec(Codec):
    """A codec whose samples are files, each prepared by itself: those of a set, or whatever else is at hand."""

    def __init__(self, files: Pictures) -> None:
        """`files` is the set; `Pictures.none()` where only `prepare` is called."""
        self._files = files

    def preprocess(self, index: int) -> tuple[Array, ...]:
        """One file of the set, prepared."""
        return self.prepare(self._files.names[index], self._files.read(index))

    def preprocess_with_digest(self, index: int) -> Prepared:
        """As `Codec.preprocess_with_digest`: the file is read once."""
        stored = self._files.stored(index)
        # While the bytes are still in the processor's cache.
        digest = Digest.of(stored.whole)
        return Prepared(self.prepare(self._files.names[index], stored.picture), digest)

    @abstractmethod
    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """One file as the model's inputs: see `Codec.preprocess`.

        Args:
            name: Of the file, whose suffix tells a headerless picture (.rgb8, .bin), and for the error message.
            data: The file's bytes.

        Raises:
            DataMissing: They are not what the task needs.
        """


def _listed(path: Path, suffixes: Sequence[str], *, by_class: bool, what: str) -> tuple[Listing, Store]:
    """The samples of a folder or archive, and what reads them."""
    if path.is_dir():
        try:
            listing = list_samples(FolderPlace(path), suffixes, by_class=by_class, what=what)
            broken = next((key for key in listing.keys.values() if not (path / key).is_file()), None)
        except OSError as error:
            raise DataMissing(f"the {what} in {path} cannot be listed: {_reason(error)}") from None
        if broken is not None:
            raise DataMissing(f"{path / broken} is no file: a link to nothing, or a device. Mend or remove it")
        return listing, _Folder(path)
    try:
        archive = open_zip_heard(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataMissing(f"{path} is neither a folder nor a zip archive that can be read: {_reason(error)}") from None
    place = ArchivePlace(path, archive, suffixes)
    listing = list_samples(place, suffixes, by_class=by_class, what=what)
    return replace(listing, keys={name: place.key_of[key] for name, key in listing.keys.items()}), _Archive(
        path, archive
    )


class _FolderLabels:
    """The folders that pictures lie in, as what they are of."""

    def __init__(self, path: Path, listing: Listing) -> None:
        self._classes = ClassNames(listing.classes, f"{path} (a folder a class)")
        place = {folder: number for number, folder in enumerate(listing.classes)}
        self._whole = {name: place[name.partition("/")[0]] for name in listing.keys}

    def files(self) -> Sequence[Path]:
        """None: the names of the pictures have their folders' names."""
        return ()

    def classes(self) -> Sequence[str]:
        return self._classes.names

    def labels(self, names: Sequence[str], verified: Sequence[str]) -> StoredLabels:
        del verified
        values = [self._whole[name] for name in names]
        return StoredLabels(values, 0, FOLDERS, classes=self._classes)

    def boxes(self, names: Sequence[str], verified: Sequence[str]) -> None:
        """Folders hold none."""

    def masks(self, names: Sequence[str], verified: Sequence[str]) -> None:
        """Folders hold none."""


def first(path: Path, names: Sequence[str], count: int | None, what: str = "pictures") -> Sequence[str]:
    """The first `count` names, or all.

    Raises:
        DataMissing: There are not so many.
    """
    if count is None:
        return names
    if not 1 <= count <= len(names):
        raise DataMissing(
            f"{count} {what} are wanted, but {path} has {len(names)}: choose a count of 1 to {len(names)}"
        )
    return names[:count]


def _refuse(path: Path, what: str, names: Iterable[str]) -> None:
    listed = list(names)
    if listed:
        raise DataMissing(f"{len(listed)} pictures of {path} {what}: {some(listed)}")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
