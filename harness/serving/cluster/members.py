"""The actors of a run: as many as fit, opened on every node at once, and more on nodes that come while LoadGen asks."""

from __future__ import annotations

import itertools
import threading
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, Reported, RunFailed, message_of
from harness.machine.json_line import encode
from harness.messages.actor import Lent, Loaded, Order, Started
from harness.serving.cluster.calls import Calls
from harness.serving.cluster.member import Asks, Member
from harness.serving.cluster.nodes import Nodes
from harness.serving.cluster.on_nodes.answerer import Answerer
from harness.serving.cluster.session import Actor, Needs, Node, NodeLost, Session
from tasks.sets.digests import Digest

AT_ONCE = 32
"""Nodes on which actors are opened at the same time."""
_LOOK_S = 2.0
_MOST_LOST = 3
"""Instances of one node; then there is something about it, and it gets no more."""


@dataclass(frozen=True, slots=True)
class MemberOpening:
    """What the instances of a run open."""

    order: Order
    lent: tuple[Lent, ...]
    """What they need of the head's files."""
    beside: tuple[Path, ...]
    """Files of the data set's folder that are needed with it."""
    data: str
    """SHA-256 of the samples, as the head has them: see `resident.data_of`."""
    samples: int
    """Of the whole set."""
    service_ns: float
    """What a sample takes, about."""


class Cluster:
    """The instances of a run on the nodes of a session."""

    def __init__(
        self, session: Session, needs: Needs, asked: int | None, timeout_s: float, tick: Callable[[], None]
    ) -> None:
        """Looks at the nodes and says how many instances they have room for; opens none.

        Args:
            session: The cluster.
            needs: Of one instance.
            asked: Instances; None for as many as fit.
            timeout_s: For opening the model on a node, and for loading its samples.
            tick: Says that something gets on.

        Raises:
            ConfigError: See `Nodes`.
        """
        self.session = session
        self._needs, self._asked, self._timeout_s, self._tick = needs, asked, timeout_s, tick
        self.nodes = Nodes(session, needs, asked, tick)
        self.members: list[Member] = []
        self.started: dict[int, Started] = {}
        """What each member told of itself, by its number."""
        self._calls = Calls(session, self.nodes.facts, timeout_s, tick)
        self._opening: MemberOpening | None = None
        self._actors: list[Actor] = []
        self._numbers = itertools.count()
        self._loaded: bytes | None = None
        self._digests: dict[int, Digest] = {}
        self._lock = threading.RLock()
        """Of members, and of what is loaded."""
        self._end = threading.Event()

    def open(self, opening: MemberOpening) -> None:
        """Opens all instances, on all nodes at once.

        Raises:
            Reported: What went wrong on a node, in its words.
            RunFailed: A node has other data, or none is left.
        """
        self._opening = opening
        with ThreadPoolExecutor(min(AT_ONCE, len(self.nodes.room))) as pool:
            for found in pool.map(lambda item: self._open_or_lose(*item), self.nodes.room.items()):
                self.members += found
                self._tick()
        if not self.members:
            raise RunFailed("; ".join(self.nodes.why_not_joined))
        for member in self.members:
            self._name(member)

    def load(self, indices: Sequence[int], on_sample: Callable[[], None]) -> dict[int, Digest]:
        """Brings samples into the memory of every instance; returns what they were made of.

        Raises:
            Reported: As `open`.
            RunFailed: Two nodes read different data, or none is left.
        """
        with self._lock:
            self._loaded = array("I", sorted(set(indices))).tobytes()
            self._digests = {}
            firsts = {member.node: member for member in reversed(self.members)}
            # One on each node prepares and keeps them, the others take what it has kept.
            self._load_all(list(firsts.values()))
            self._load_all([member for member in self.members if member not in firsts.values()])
            for _ in range(len(set(indices))):
                on_sample()
            if not self.members:
                raise RunFailed("no node of the cluster is left to load samples")
            return self._digests

    def unload(self) -> None:
        """Lets the samples go that were loaded."""
        with self._lock:
            asked = [member.actor.ask("unload", self._loaded) for member in self.members if self._loaded]
            self._loaded = None
        for future in asked:
            if (error := future.exception(self._timeout_s)) is not None and not self.session.is_loss(error):
                raise error

    def watch(self, join: Callable[[Member], None]) -> threading.Thread:
        """Starts to look for nodes that have come; `join` hears of each instance on them, which is ready."""
        self._end.clear()
        thread = threading.Thread(target=self._watch, args=(join,), name="nodes", daemon=True)
        thread.start()
        return thread

    def stop_watching(self, thread: threading.Thread) -> None:
        """Ends that."""
        self._end.set()
        thread.join()

    def close(self) -> None:
        """Ends all instances."""
        self._end.set()
        for actor in self._actors:
            actor.kill()
        self._actors.clear()
        self.session.close()

    def _watch(self, join: Callable[[Member], None]) -> None:
        refused: set[str] = set()
        while not self._end.wait(_LOOK_S):
            try:
                for node in self.session.nodes():
                    count = 0 if node.id in refused else self._wanted_on(node)
                    if count and not self._end.is_set():
                        refused |= self._join_on(node, count, join)
            except Exception as error:
                # The next look may find it well again; that nobody answers is for others to see.
                self.nodes.complain(f"the cluster could not be looked at: {message_of(error)}")

    def _wanted_on(self, node: Node) -> int:
        here = [member for member in self.members if member.node == node.id]
        if sum(member.lost for member in here) >= _MOST_LOST:
            return 0
        alive = sum(not member.lost for member in self.members)
        return min(self._needs.fits(node.free), self._needs.fits(node.total), (self._asked or 1 << 30) - alive)

    def _join_on(self, node: Node, count: int, join: Callable[[Member], None]) -> set[str]:
        """Opens instances on a node that has come, or where some were lost; the node where that cannot be done."""
        try:
            self.nodes.meet(node)
            found = self._open_on(node.id, count)
            with self._lock:
                for member in found:
                    self._name(member)
                    member.late = True
                    if self._loaded is not None:
                        self._note_loaded(member, self._calls.ask(member.actor, Loaded, "load", self._loaded))
                    self.members.append(member)
                    join(member)
        except (HarnessError, Reported, NodeLost) as error:
            self.nodes.complain(f"node {node.address} came and is not used: {message_of(error)}")
            return {node.id}
        return set()

    def _name(self, member: Member) -> None:
        """Gives it a number that no other had, those that are gone among them."""
        number = next(self._numbers)
        self.started[number] = self.started.pop(member.number)
        member.number = number

    def _open_or_lose(self, node: str, count: int) -> list[Member]:
        try:
            return self._open_on(node, count)
        except NodeLost as error:
            self.nodes.complain(str(error))
            return []

    def _open_on(self, node: str, count: int) -> list[Member]:
        """The first brings what the node lacks, the others find it there."""
        opening = self._opening
        if opening is None:
            raise RunFailed("instances were to be opened before anybody said of what")
        actors = [self.session.start(Answerer, node, self._needs) for _ in range(count)]
        with self._lock:
            self._actors += actors
        words = encode(opening.order)
        self._calls.bring(actors[0], opening.lent, opening.beside)
        opened = [self._started(actors[0], words, opening)]
        for actor in actors[1:]:
            self._calls.bring(actor, opening.lent, opening.beside)
        rest = [actor.ask("open", words) for actor in actors[1:]]
        told = [self._calls.hear(actor, Started, future) for actor, future in zip(actors[1:], rest, strict=True)]
        found = []
        for actor, started in zip(actors, [*opened, *told], strict=True):
            # A number of its own until it is named.
            member = Member(-1 - id(actor), actor, opening.service_ns)
            self.started[member.number] = started
            found.append(member)
        return found

    def _started(self, actor: Asks, words: str, opening: MemberOpening) -> Started:
        started = self._calls.ask(actor, Started, "open", words)
        if (started.data, started.samples) != (opening.data, opening.samples):
            raise RunFailed(other_data(self._calls.where(actor), started.samples, opening.samples))
        return started

    def _load_all(self, members: Sequence[Member]) -> None:
        asked = [(member, member.actor.ask("load", self._loaded)) for member in members]
        for member, future in asked:
            error = future.exception(self._timeout_s)
            if error is not None and self.session.is_loss(error):
                member.lost = True
                self.members.remove(member)
                continue
            self._note_loaded(member, self._calls.hear(member.actor, Loaded, future))
            self._tick()

    def _note_loaded(self, member: Member, loaded: Loaded) -> None:
        for index, digest in loaded.digests.items():
            if self._digests.setdefault(index, digest) != digest:
                raise RunFailed(
                    f"{self._calls.where(member.actor)} has other bytes for sample {index} than another node: "
                    "make their data the same"
                )


def other_data(where: str, found: int, wanted: int) -> str:
    """What to say of a node whose data are not the head's."""
    return (
        f"{where} has other data than this machine under the same path: {found:,} samples instead of {wanted:,}, or others. "
        "Make the folders the same, or take the node's away: then it is sent"
    )
