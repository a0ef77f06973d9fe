"""Ground truth that comes as one file a sample, in a folder or a zip archive, found by file name without suffix."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from accuracy.errors import TruthError
from accuracy.outside.border import reads
from accuracy.outside.opening import open_zip_heard, read_heard

_MAX_FILE_BYTES = 1 << 27


class TruthFiles:
    """Files by the names (without suffix) of the samples that they belong to."""

    def __init__(self, path: Path, files: Mapping[str, str], archive: zipfile.ZipFile | None) -> None:
        """Use `TruthFiles.open`."""
        self.path = path
        self.stems: tuple[str, ...] = tuple(sorted(files))
        """File names without suffix, sorted."""
        self._files = files
        self._archive = archive

    @classmethod
    @reads(TruthError)
    def open(cls, path: Path, suffixes: Sequence[str]) -> TruthFiles:
        """Finds every file in a folder (not below it) or in a zip archive (anywhere); reads none.

        What an archiver or a desktop leaves behind (`__MACOSX/`, names with a leading dot) does not count.

        Args:
            path: The folder or the archive.
            suffixes: What counts, lower case with the dot.

        Raises:
            TruthError: Nothing there, no such file in it, or two of one name.
        """
        archive = None
        try:
            if path.is_dir():
                names = [entry.name for entry in path.iterdir() if entry.is_file()]
            else:
                archive = open_zip_heard(path)
                names = archive.namelist()
        except FileNotFoundError:
            raise TruthError(f"no ground truth at {path}: name a folder or a zip archive") from None
        except (OSError, zipfile.BadZipFile) as error:
            raise TruthError(f"{path} is neither a folder nor a zip archive that can be read: {error}") from None
        return cls(path, _by_stem(path, names, suffixes), archive)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, or the archive."""
        return (self.path,) if self._archive else tuple(self.path / self._files[stem] for stem in self.stems)

    def require(self, stems: Iterable[str]) -> None:
        """Holds the files against the samples.

        Raises:
            TruthError: Samples without a file; the first ones are named.
        """
        missing = [stem for stem in stems if stem not in self._files]
        if missing:
            named = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            raise TruthError(f"{self.path} has no file for {len(missing)} of the samples: {named}")

    def name(self, stem: str) -> str:
        """The file and where it lies, for messages."""
        return f"{self._files.get(stem, stem)} in {self.path}"

    def suffix(self, stem: str) -> str:
        """Of the sample's file, lower case with the dot."""
        return PurePosixPath(self._files[stem]).suffix.lower()

    @reads(TruthError)
    def read(self, stem: str) -> bytes:
        """The file of a sample, still encoded.

        Raises:
            TruthError: There is none, or it cannot be read; the message names it.
        """
        self.require([stem])
        file = self._files[stem]
        try:
            if self._archive is None:
                return read_heard(self.path / file)
            if (size := self._archive.getinfo(file).file_size) > _MAX_FILE_BYTES:
                raise OSError(f"it unpacks to {size} bytes, more than the {_MAX_FILE_BYTES} that are read")
            return self._archive.read(file)
        except (OSError, RuntimeError, zipfile.BadZipFile, EOFError, ValueError) as error:
            raise TruthError(f"{self.name(stem)} cannot be read: {error}") from None


def _by_stem(path: Path, names: Iterable[str], suffixes: Sequence[str]) -> dict[str, str]:
    files: dict[str, str] = {}
    for name in sorted(names):
        file = PurePosixPath(name)
        if file.suffix.lower() not in suffixes or file.name.startswith(".") or "__MACOSX" in file.parts:
            continue
        if file.stem in files:
            raise TruthError(f"{path} has two files for {file.stem}: {files[file.stem]} and {name}")
        files[file.stem] = name
    if not files:
        raise TruthError(f"{path} holds no ground truth (looked for {', '.join(suffixes)} files)")
    return files
