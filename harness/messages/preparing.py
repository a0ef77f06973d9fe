"""What is told of a set whose samples are prepared ahead: the command's side and the child's, the child's and the actors'."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.opening import Recipe
from tasks.sets.digests import Digest


@dataclass(frozen=True, slots=True)
class SetToPrepare:
    """To the child."""

    spec: str
    """Of a run that would use them, as JSON."""


@dataclass(frozen=True, slots=True)
class SetPrepared:
    """From the child: the samples are in the cache."""

    folder: str
    """On this machine, or where a cluster prepared them, on the first of its nodes."""
    samples: int
    seal: str
    """SHA-256 over the checksums of all samples and the digests of what they were made of: the same in every cache."""
    were_here: bool
    """Nothing had to be prepared."""
    caches: int = 1
    nodes: int = 1
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparerOrder:
    """To an actor: what prepares the samples."""

    spec: str
    """As YAML."""
    recipe: Recipe
    """Of an instance, whose tensors they are made for."""


@dataclass(frozen=True, slots=True)
class CanPrepare:
    """From an actor: it has the task open."""

    samples: int
    data: str
    """See `harness.serving.cluster.on_nodes.resident.data_of`."""
    cache: str
    """Which cache it has: the same word from all nodes that share one."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The entry of the set."""

    folder: str
    making: str
    """The folder's name in which it grows; empty where it is whole already."""
    seal: str
    """Of one that is whole."""


@dataclass(frozen=True, slots=True)
class PartPrepared:
    """Samples that lie one behind the other are in the entry."""

    crc32: tuple[tuple[int, ...], ...]
    """By input: of each."""
    digests: tuple[Digest | None, ...]
    """Of what each was made of."""
