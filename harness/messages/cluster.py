"""What the worker tells of the Ray cluster that answered, and the result keeps: its nodes, and what each did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node of the cluster, as it was found before it was asked."""

    host: str
    """Its name."""
    address: str
    """By which the cluster knows it."""
    machine: str
    """The processor's architecture."""
    cpu: str | None
    """The CPU's model; null where it does not tell."""
    cpus: int | None
    """CPUs that the system has."""
    python: str
    """Its version."""
    versions: Mapping[str, str]
    """Of the packages that answer and ask; `absent` for one that is not installed."""
    program: str
    """SHA-256 over the harness's own files; `absent` where it is not installed."""
    niceness: int
    """Of the processes that answer: above 0, others go before them."""
    boot: str | None
    """Which start of which machine, so that two nodes on one are known; null where it does not tell."""


@dataclass(frozen=True, slots=True)
class NodeShare:
    """A node of the cluster, and what it did."""

    node: str
    """Ray's number of it, hexadecimal."""
    facts: NodeFacts
    """What it is."""
    instances: int
    """Of the model, that were opened there."""
    samples: int
    """That it answered for LoadGen."""
    share: float
    """The same as a part of all."""
    joined_late: bool
    """It was not there from the beginning: it came, or had room, while LoadGen asked."""
    lost: int
    """Instances there that died or stopped answering."""


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """The cluster that answered."""

    address: str | None
    """HOST:PORT of one that was there; null for one that began and ended with the run."""
    ray: str
    """Ray's version."""
    nodes: tuple[NodeShare, ...]
    """All that had an instance."""
    sent_again: int
    """Samples that were sent to another instance since the first did not answer."""
    late_answers: int
    """Answers of samples that another instance had answered by then: LoadGen never saw them."""
    trust: str
    """Whom the cluster trusts."""
    network: str
    """What LoadGen's times hold of the network, and what the rules say of it."""
