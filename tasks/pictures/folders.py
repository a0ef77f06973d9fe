"""A set of pictures, found in a folder or read in place from a zip archive, in the order that benchmarks count them.

The order is that of the sorted file names: positional ground truth (one label a line) means exactly that order (MA
flutter/cpp/utils.cc GetSortedFileNames), and a subset is always its first pictures.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from accuracy.outside.border import reads
from accuracy.outside.shown import some
from accuracy.truth.boxes.stored_boxes import StoredBoxes
from tasks.base import DataMissing
from tasks.pictures.folder_labels import FolderLabels
from tasks.pictures.stored_truth import StoredLabels, StoredMasks, StoredTruth
from tasks.pictures.stores import FolderStore, PictureStore, Stored, list_stored, reason

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".npy", ".png", ".rgb8")
"""What counts as a picture, whatever the case."""

_KINDS_SHOWN = 5
_Read = TypeVar("_Read")


class Pictures:
    """Pictures in a fixed order. Safe to read from several threads."""

    def __init__(
        self,
        path: Path,
        store: PictureStore,
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
        listing, store = list_stored(path, suffixes, by_class=by_class, what=what)
        found = path / listing.base if path.is_dir() else path
        stored = FolderLabels(found, listing) if listing.classes else None
        names = first(found, tuple(listing.keys), count, what)
        return cls(found, store, listing.keys, names, stored, left_out=listing.left_out, suffixes=suffixes)

    @classmethod
    def none(cls) -> Pictures:
        """A set without pictures: for a codec that gets its pictures one by one (`FileCodec.prepare`)."""
        return cls(Path(), FolderStore(Path()), {}, ())

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
        if not isinstance(self._store, FolderStore):
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
            raise DataMissing(f"{name} in {self.path} cannot be read: {reason(error)}") from None

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
        return DataMissing(f"{name} in {self.path} is gone: {reason(error)}")


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
