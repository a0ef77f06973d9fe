"""manifest.json of a bundle: what is in it, with every file's hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from accuracy.outside.border import reads
from harness.errors import ConfigError
from harness.json_records import NotThisRecord, from_json, to_json
from harness.submission.tree.documents import Broken, read_text_file

MANIFEST = "manifest.json"
VERSION = 1
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of the archive."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BundledData:
    """Where something that a run read lies in the archive."""

    was: str
    """The path in the run's spec.yaml and samples.json."""
    path: str
    """A file or a folder of the archive."""


@dataclass(frozen=True, slots=True)
class BundledRun:
    """A run's directory."""

    folder: str
    """In the archive."""
    was: str
    """As the user named it."""
    data: tuple[BundledData, ...]
    missing: str
    """What it read and is not in the archive, and why; empty for nothing."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it."""

    version: int
    made_by: str
    runs: tuple[BundledRun, ...]
    files: tuple[BundledFile, ...]
    """In the archive's order, the manifest apart."""


def manifest_text(manifest: Manifest) -> str:
    """The file."""
    return json.dumps(to_json(manifest), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@reads(ConfigError)
def read_manifest(path: Path) -> Manifest:
    """Reads it.

    Raises:
        ConfigError: It is absent, none, or of another version.
    """
    text = read_text_file(path, _MOST_BYTES)
    if isinstance(text, Broken):
        raise ConfigError(f"this is no bundle: {MANIFEST} {text.what}")
    try:
        found = from_json(Manifest, json.loads(text))
    except (NotThisRecord, ValueError, RecursionError) as error:
        raise ConfigError(f"this is no bundle: {MANIFEST} is not what `bundle` writes ({error})") from None
    if found.version != VERSION:
        raise ConfigError(
            f"the bundle is of version {found.version}, not {VERSION}: verify it with the harness that made it"
        )
    return found
