"""Packs runs and what they read into one archive: the same runs give the same bytes."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from accuracy.outside.plain_files import open_plain
from harness.config.registry import task_class
from harness.errors import ConfigError, RunFailed
from harness.results.files import read_result
from harness.results.loadgen_log import ACCURACY_LOG, DETAIL_LOG
from harness.results.read_data import SAMPLES_FILE, lack_of_samples_file, load_read_data
from harness.results.record import Result
from harness.spec.schema import Spec, read_spec
from harness.submission.bundle.manifest import (
    MANIFEST,
    VERSION,
    BundledData,
    BundledFile,
    BundledRun,
    Manifest,
    manifest_text,
)
from harness.submission.forms.runs import run_folders
from harness.submission.tree.documents import sha256_of
from harness.units import bytes_text
from harness.whole_file import replacing

_LEFT_OUT = (".result.json.reserve",)


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive that was written."""

    bundle: str
    sha256: str
    """Of the archive: tell it those who verify."""
    size: int
    runs: tuple[str, ...]
    files: int
    missing: tuple[str, ...]
    """What is not in it, and why."""
    made: tuple[str, ...] = ()
    """Data that need not be in it: they are made anew from a seed that is."""


@dataclass(frozen=True, slots=True)
class _PackedEntry:
    path: str
    source: Path


def pack(folders: Sequence[Path], out: Path, most_data_bytes: int) -> Packed:
    """Writes the archive, whole or not at all.

    Args:
        folders: Of runs and series.
        out: The archive.
        most_data_bytes: Data sets up to here are packed; of larger ones the ground truth alone.

    Raises:
        ConfigError: A folder is no run, something in it cannot be read or is gone, or the archive is there already.
        RunFailed: The disk is full.
    """
    if out.exists() or out.is_symlink():
        raise ConfigError(f"{out} is there already: name another --out")
    runs = list(dict.fromkeys(one.resolve() for folder in folders for one in run_folders(folder)))
    named = [_unique(number, one) for number, one in enumerate(runs, 1)]
    entries: dict[str, _PackedEntry] = {}
    bundled = []
    made = []
    try:
        for name, folder in zip(named, runs, strict=True):
            entries |= {entry.path: entry for entry in _files(f"runs/{name}", folder)}
            data, missing = _data_of(folder, most_data_bytes)
            made += [f"{folder}: {one}" for one in _made_anew(read_spec(folder))]
            for one in data:
                entries |= {entry.path: entry for entry in _files(one.path, Path(one.was))}
            bundled.append(BundledRun(f"runs/{name}", str(folder), tuple(data), missing))
        ordered = [entries[path] for path in sorted(entries)]
        files = tuple(BundledFile(one.path, one.source.stat().st_size, sha256_of(one.source)) for one in ordered)
        manifest = Manifest(VERSION, f"tflite-loadgen {metadata.version('tflite-loadgen')}", tuple(bundled), files)
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read: {error.strerror}") from None
    try:
        _write(out, manifest, ordered)
    except OSError as error:
        raise RunFailed(f"{out} cannot be written: {error.strerror}; nothing of it is left") from None
    missing_all = tuple(f"{one.was}: {one.missing}" for one in bundled if one.missing)
    return Packed(str(out), sha256_of(out), out.stat().st_size, tuple(named), len(files), missing_all, tuple(made))


def _write(out: Path, manifest: Manifest, entries: Sequence[_PackedEntry]) -> None:
    """One order, no times, no owners: the bytes are those of the content alone."""
    text = manifest_text(manifest).encode()
    with (
        replacing(out) as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        archive.addfile(_info(MANIFEST, len(text)), io.BytesIO(text))
        for known, entry in zip(manifest.files, entries, strict=True):
            with open_plain(entry.source) as source:
                archive.addfile(_info(entry.path, known.size), source)


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info


def _files(below: str, source: Path) -> Iterator[_PackedEntry]:
    """A file, or all plain files of a folder; what links to a file is taken as the file."""
    if source.is_file():
        yield _PackedEntry(below, source)
        return
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and name not in _LEFT_OUT:
                yield _PackedEntry(f"{below}/{path.relative_to(source).as_posix()}", path)


def _data_of(folder: Path, most_bytes: int) -> tuple[list[BundledData], str]:
    """What an accuracy run is scored by: its data set and whatever it read as a whole."""
    spec = read_spec(folder)
    _refuse_without_proof(folder, spec)
    if spec.load.mode != "accuracy":
        return [], ""
    kept = load_read_data(folder)
    whole = [Path(item.name) for item in kept.files] if kept else []
    made = bool(_made_anew(spec))
    wanted = dict.fromkeys([*([] if made else [spec.dataset.path]), *_named(spec), *whole])
    paths = [path for path in wanted if path.exists()]
    there = not made and spec.dataset.path.exists()
    missing = "" if there or made else f"the data set {spec.dataset.path} is not there"
    size = sum(one.source.stat().st_size for one in _files("", spec.dataset.path)) if there else 0
    if size > most_bytes:
        paths = [path for path in paths if path != spec.dataset.path and spec.dataset.path not in path.parents]
        missing = (
            f"the data set {spec.dataset.path} has {bytes_text(size)}, more than --max-data {bytes_text(most_bytes)}: verify "
            "it with --dataset PATH"
        )
    if kept is None:
        missing = f"{missing}; " * bool(missing) + f"the run kept no {SAMPLES_FILE}"
    inner = [path for path in paths if not any(other in path.parents for other in paths)]
    top = Path(os.path.commonpath([path.parent for path in inner])) if inner else Path("/")
    return [BundledData(str(path), f"data/{path.relative_to(top).as_posix()}") for path in inner], missing


def _refuse_without_proof(folder: Path, spec: Spec) -> None:
    """A bundle is to be verified: a run that lost what its figures are made of is none to hand on.

    Raises:
        ConfigError: A log is gone, or samples.json is gone or another.
    """
    result = read_result(folder)
    if not isinstance(result, Result) or result.status not in ("valid", "invalid"):
        return
    lack = lack_of_samples_file(folder, result.dataset.samples_file_sha256)
    gone = [lack] if lack else []
    logs = [DETAIL_LOG, *([ACCURACY_LOG] if spec.load.mode == "accuracy" else [])]
    gone += [f"{name} is gone, of which its figures are made" for name in logs if not (folder / name).is_file()]
    if gone:
        raise ConfigError(f"{folder} cannot be bundled: {'; '.join(gone)}. Put back what was there, or run once more")


def _made_anew(spec: Spec) -> list[str]:
    """What to say of data that the task makes by itself; nothing of other data."""
    own = task_class(spec.task).own_data
    if not own or spec.dataset.name != own:
        return []
    seed = spec.options.get("seed")
    return [f"its {own} are no files: they are made anew from the seed {seed} in its spec.yaml"]


def _named(spec: Spec) -> list[Path]:
    """The ground truth, and files that the task's options name."""
    texts = [value for value in spec.options.values() if isinstance(value, str) and value.startswith("/")]
    return [*([spec.dataset.truth] if spec.dataset.truth else []), *map(Path, texts)]


def _unique(number: int, folder: Path) -> str:
    return f"{number}-{folder.name}"
