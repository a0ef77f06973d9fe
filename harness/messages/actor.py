"""What the worker and the actors of a Ray cluster tell each other beside indices and answers.

All of it goes as text, one record a message: nothing of ours is pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model.opening import Recipe
from tasks.sets.digests import Digest


@dataclass(frozen=True, slots=True)
class Lent:
    """A file or folder of the head's that an actor needs."""

    path: str
    """On the head."""
    sha256: str | None
    """Of a file that must be the very same; None for data, whose samples are held against the head's when they are read."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What an actor needs of the head's files."""

    lent: tuple[Lent, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What an actor opens."""

    spec: str
    """The run's spec.yaml."""
    recipe: Recipe
    """The instance."""
    loads_as_asked: bool
    """Samples are loaded when they are asked, and let go at once: nothing is timed."""
    cpus: int
    """For preparing samples."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """What of it is not on the node, nor in its cache."""

    paths: tuple[str, ...]
    """On the head."""


@dataclass(frozen=True, slots=True)
class FileOfTree:
    """A file below a path."""

    name: str
    """From the path; empty for the path itself."""
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileTree:
    """All files of a path of the head's, as they are to lie in a node's cache."""

    path: str
    """On the head."""
    files: tuple[FileOfTree, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of a tree, the files that the node's cache lacks, by their SHA-256."""

    sha256s: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """An actor has the model open."""

    pid: int
    own_bytes: int
    """The process's memory before it opened the model."""
    device: str | None
    """The one that the backend runs on, where there are several."""
    samples: int
    """Of the whole set."""
    data: str
    """SHA-256 over what the set's samples are called and what is read of it as a whole."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Samples are in memory."""

    digests: Mapping[int, Digest]
    """Of what they were made of, by index."""
