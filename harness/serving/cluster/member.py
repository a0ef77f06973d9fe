"""An actor as the head sees it, and what it has been asked."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.errors import RunFailed, shortened
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Frame


class Asks(Protocol):
    """An actor: see `harness.serving.cluster.session.Actor`."""

    @property
    def node(self) -> str:
        """Ray's number of its node."""

    def ask(self, method: str, *words: object) -> Future[Any]:
        """Calls a method."""


def answered(result: object, node: str) -> tuple[int, bytes, str, Frame]:
    """What an actor's `answer` gave: how long it took in ns, the frame's bytes, what was loaded for it, the frame.

    Raises:
        RunFailed: It is none of this: the run must not go on with memory or times that nobody has answered.
    """
    match result:
        case (int() as took_ns, bytes() as data, str() as loaded) if took_ns >= 0:
            try:
                return took_ns, data, loaded, frames.read(data)
            except ValueError as error:
                why = str(error)
        case _:
            why = shortened(ascii(result))
    raise RunFailed(f"an instance on the node {node} answers what is no answer: {why}")


@dataclass(slots=True, eq=False)
class Piece:
    """Samples that go together."""

    ids: Sequence[int]
    indices: Sequence[int]
    issued_ns: Sequence[int]
    """When LoadGen asked each; empty where nobody wants to know."""
    answered: bool = False


@dataclass(slots=True, eq=False)
class Member:
    """An actor as the head sees it."""

    number: int
    actor: Asks
    service_ns: float
    """What it takes for a sample: measured with each answer."""
    late: bool = False
    """It came while LoadGen asked."""
    answer_bytes: float = 1.0
    asked: dict[Piece, int] = field(default_factory=dict)
    """What it has not answered, oldest first, and when it was sent, by the monotonic clock in ns."""
    answered: int = 0
    """Samples that it answered first."""
    done_ns: int = 0
    """When it last answered."""
    silent: bool = False
    """It has answered nothing for too long, and gets nothing more until it does."""
    lost: bool = False

    @property
    def node(self) -> str:
        """Ray's number of its node."""
        return self.actor.node
