"""Actors for a work that nobody times: opened on all nodes, given a part after the other; what one leaves goes to others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Generic, TypeVar

from harness.errors import RunFailed
from harness.messages.actor import Lent
from harness.serving.cluster.calls import Calls
from harness.serving.cluster.member import Asks
from harness.serving.cluster.members import AT_ONCE
from harness.serving.cluster.nodes import Nodes
from harness.serving.cluster.session import Actor, Needs, NodeLost, Session

_AT_AN_ACTOR = 2
"""Parts: one that it works on and one that waits there."""
_SETTLE_S = 3.0
P = TypeVar("P")


@dataclass(slots=True)
class _Given(Generic[P]):
    actor: Asks
    number: int
    part: P
    since: float = field(default_factory=monotonic)


class Crew:
    """Actors of one kind."""

    def __init__(self, session: Session, kind: type[Any], needs: Needs, timeout_s: float) -> None:
        """Starts as many as the cluster has room for; see `Nodes` for what it raises.

        Args:
            session: The cluster.
            kind: A `harness.serving.cluster.on_nodes.resident.Resident`.
            needs: Of one.
            timeout_s: For opening, and for a part: an actor that takes longer counts as lost.
        """
        _settle(session)
        self.nodes = Nodes(session, needs, None, lambda: None)
        self.calls = Calls(session, self.nodes.facts, timeout_s, lambda: None)
        self._session, self._timeout_s = session, timeout_s
        self.actors = [
            session.start(kind, node, needs) for node, count in self.nodes.room.items() for _ in range(count)
        ]
        self.given_again = 0
        """Parts."""
        self.lost: list[Asks] = []

    def open(self, lent: Sequence[Lent], beside: Sequence[Path], start: Callable[[Asks], None]) -> None:
        """Brings files to every node and starts every actor; those of lost nodes are left out.

        Args:
            lent: What they need of the head's files.
            beside: Files of a folder around one that go along.
            start: Asks one actor to open what it works with, by `calls`.

        Raises:
            Reported: What went wrong on a node.
            RunFailed: None is left.
        """
        by_node: dict[str, list[Actor]] = {}
        for actor in self.actors:
            by_node.setdefault(actor.node, []).append(actor)

        def open_node(actors: Sequence[Actor]) -> list[Actor]:
            try:
                # The first brings what the node lacks, the others find it there.
                for actor in actors:
                    self.calls.bring(actor, lent, beside)
                with ThreadPoolExecutor(len(actors)) as together:
                    list(together.map(start, actors))
            except NodeLost as error:
                self.nodes.complain(str(error))
                return []
            return list(actors)

        with ThreadPoolExecutor(min(AT_ONCE, len(by_node))) as pool:
            opened = list(pool.map(open_node, by_node.values()))
        self.actors = [actor for actors in opened for actor in actors]
        if not self.actors:
            raise RunFailed("; ".join(self.nodes.why_not_joined))

    def work(
        self, parts: Iterable[P], ask: Callable[[Asks, P], Future[Any]], among: Sequence[Asks] | None = None
    ) -> Iterator[tuple[int, Any]]:
        """Has every part done; gives its number and what came of it, as they come.

        Args:
            parts: Taken as actors are free, so that few are in memory.
            ask: Asks an actor to do one.
            among: Those who may; None for all.

        Raises:
            RunFailed: Nobody is left.
            Exception: What a call ends with, but that its actor is gone.
        """
        able: list[Asks] = list(self.actors if among is None else among)
        again: deque[tuple[int, P]] = deque()
        rest = enumerate(parts)
        busy: dict[Future[Any], _Given[P]] = {}
        more = True
        while True:
            while (more or again) and (actor := _freest(able, busy)) is not None:
                item = again.popleft() if again else next(rest, None)
                if item is None:
                    more = False
                    continue
                busy[ask(actor, item[1])] = _Given(actor, *item)
            if not busy:
                if able or not (more or again):
                    return
                raise RunFailed(
                    "no node of the cluster is left to go on: all actors are gone or have said nothing for "
                    f"{self._timeout_s:g} s. Look at the nodes with `ray status`"
                )
            done, _ = wait(busy, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                given = busy.pop(future)
                error = future.exception()
                if error is None:
                    yield given.number, future.result()
                elif self._session.is_loss(error):
                    self._lose(given.actor, able, again, {future: given})
                else:
                    raise error
            now = monotonic()
            for given in [given for given in busy.values() if now - given.since > _AT_AN_ACTOR * self._timeout_s]:
                mine = {future: each for future, each in busy.items() if each.actor is given.actor}
                for future in mine:
                    del busy[future]
                self._lose(given.actor, able, again, mine)

    def close(self) -> None:
        """Ends them."""
        for actor in self.actors:
            actor.kill()

    def _lose(
        self, actor: Asks, able: list[Asks], again: deque[tuple[int, P]], given: dict[Future[Any], _Given[P]]
    ) -> None:
        if actor in able:
            able.remove(actor)
            self.lost.append(actor)
            self.nodes.complain(f"{self.calls.where(actor)} lost an actor, whose parts went to others")
        again.extend((each.number, each.part) for each in given.values())
        self.given_again += len(given)


def _settle(session: Session) -> None:
    """Gives the actors of a run that has just ended a moment to go: their CPUs are free a little later."""
    until = monotonic() + _SETTLE_S
    while any(node.free.get("CPU", 0) < node.total.get("CPU", 0) for node in session.nodes()) and monotonic() < until:
        sleep(_SETTLE_S / 10)


def _freest(able: Sequence[Asks], busy: dict[Future[Any], _Given[P]]) -> Asks | None:
    """Who has the least to do; None where all have enough."""
    has = {id(actor): 0 for actor in able}
    for given in busy.values():
        if id(given.actor) in has:
            has[id(given.actor)] += 1
    least = min(able, key=lambda actor: has[id(actor)], default=None)
    return least if least is not None and has[id(least)] < _AT_AN_ACTOR else None
