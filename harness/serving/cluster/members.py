"""The actors of a run: as many as fit, opened on every node at once, and more on nodes that come while LoadGen asks."""

from __future__ import annotations

import itertools
import threading
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from harness.errors import ConfigError, HarnessError, Reported, RunFailed, message_of
from harness.machine.json_line import decode, encode
from harness.messages.actor import Lacking, Loaded, Order, Started, Tree, Wanted
from harness.messages.cluster import NodeFacts
from harness.messages.failure import Failed
from harness.serving.cluster import files
from harness.serving.cluster.answerer import Answerer
from harness.serving.cluster.member import Asks, Member
from harness.serving.cluster.room import room_on
from harness.serving.cluster.session import Actor, Needs, Node, NodeLost, Session, facts_of, first_line, own_facts
from harness.serving.cluster.skew import refuse_skew, skew
from tasks.sets.digests import Digest

_AT_ONCE = 32
"""Nodes on which actors are opened at the same time."""
_LOOK_S = 2.0
_MOST_LOST = 3
"""Instances of one node; then there is something about it, and it gets no more."""
M = TypeVar("M")


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
            ConfigError: There is no room, or a node runs something else than this machine.
            RunFailed: A node cannot be asked what it is.
        """
        self.session = session
        self._needs, self._asked, self._timeout_s, self._tick = needs, asked, timeout_s, tick
        self.head = own_facts()
        nodes = session.nodes()
        self.why_not_joined: list[str] = []
        """What became of nodes that are not used, a sentence each."""
        self.facts: dict[str, NodeFacts] = {}
        chosen = room_on(nodes, needs, asked)
        told = session.ask_about([node for node in nodes if node.id in chosen])
        for node in nodes:
            if node.id in told:
                self._look_at(node, told[node.id])
        tick()
        refuse_skew(self.head, list(self.facts.values()))
        # Ray may know a node for some seconds after it is gone.
        self._room = room_on([node for node in nodes if node.id in self.facts], needs, asked)
        self.members: list[Member] = []
        self.started: dict[int, Started] = {}
        """What each member told of itself, by its number."""
        self._order: Order | None = None
        self._data, self._service_ns = ("", 0), 1.0
        self._actors: list[Actor] = []
        self._numbers = itertools.count()
        self._trees: dict[str, Tree] = {}
        self._loaded: bytes | None = None
        self._digests: dict[int, Digest] = {}
        self._lock = threading.RLock()
        """Of members, what is loaded, and what is sent."""
        self._end = threading.Event()

    def open(self, order: Order, data: tuple[str, int], service_ns: float, beside: Sequence[Path]) -> None:
        """Opens all instances, on all nodes at once.

        Args:
            order: What they open.
            data: SHA-256 and number of the samples, as the head has them: see `answerer.data_of`.
            service_ns: What a sample takes, about.
            beside: Files of the data set's folder that are needed with it.

        Raises:
            Reported: What went wrong on a node, in its words.
            RunFailed: A node has other data, or none is left.
        """
        self._order, self._data, self._service_ns, self._beside = order, data, service_ns, beside
        with ThreadPoolExecutor(min(_AT_ONCE, len(self._room))) as pool:
            for found in pool.map(lambda item: self._open_or_lose(*item), self._room.items()):
                self.members += found
                self._tick()
        if not self.members:
            raise RunFailed("; ".join(self.why_not_joined))
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
                self._complain(f"the cluster could not be looked at: {message_of(error)}")

    def _wanted_on(self, node: Node) -> int:
        here = [member for member in self.members if member.node == node.id]
        if sum(member.lost for member in here) >= _MOST_LOST:
            return 0
        alive = sum(not member.lost for member in self.members)
        return min(self._needs.fits(node.free), self._needs.fits(node.total), (self._asked or 1 << 30) - alive)

    def _join_on(self, node: Node, count: int, join: Callable[[Member], None]) -> set[str]:
        """Opens instances on a node that has come, or where some were lost; the node where that cannot be done."""
        try:
            if node.id not in self.facts:
                facts = facts_of(node, self.session.ask_about([node])[node.id])
                if why := skew(self.head, facts):
                    raise ConfigError(why)
                self.facts[node.id] = facts
            found = self._open_on(node.id, count)
            with self._lock:
                for member in found:
                    self._name(member)
                    member.late = True
                    if self._loaded is not None:
                        self._note_loaded(member, self._loaded_on(member))
                    self.members.append(member)
                    join(member)
        except (HarnessError, Reported, NodeLost) as error:
            self._complain(f"node {node.address} came and is not used: {message_of(error)}")
            return {node.id}
        return set()

    def _complain(self, text: str) -> None:
        if text not in self.why_not_joined:
            self.why_not_joined.append(text)

    def _name(self, member: Member) -> None:
        """Gives it a number that no other had, those that are gone among them."""
        number = next(self._numbers)
        self.started[number] = self.started.pop(member.number)
        member.number = number

    def _look_at(self, node: Node, told: Future[Any]) -> None:
        try:
            self.facts[node.id] = facts_of(node, told)
        except NodeLost as error:
            self._complain(str(error))

    def _open_or_lose(self, node: str, count: int) -> list[Member]:
        try:
            return self._open_on(node, count)
        except NodeLost as error:
            self._complain(str(error))
            return []

    def _open_on(self, node: str, count: int) -> list[Member]:
        """The first brings what the node lacks, the others find it there."""
        order = self._order
        if order is None:
            raise RunFailed("instances were to be opened before anybody said of what")
        actors = [self.session.start(Answerer, node, self._needs) for _ in range(count)]
        with self._lock:
            self._actors += actors
        words = encode(order)
        lacking = self._ask(actors[0], Lacking, "take_order", words)
        for path in lacking.paths:
            self._send(actors[0], path)
        opened = [self._started(actors[0])]
        for actor in actors[1:]:
            for path in self._ask(actor, Lacking, "take_order", words).paths:
                self._send(actor, path)
        rest = [actor.ask("open") for actor in actors[1:]]
        told = [self._hear(actor, Started, future) for actor, future in zip(actors[1:], rest, strict=True)]
        found = []
        for actor, started in zip(actors, [*opened, *told], strict=True):
            # A number of its own until it is named.
            member = Member(-1 - id(actor), actor, self._service_ns)
            self.started[member.number] = started
            found.append(member)
        return found

    def _started(self, actor: Asks) -> Started:
        started = self._ask(actor, Started, "open")
        if (started.data, started.samples) != self._data:
            raise RunFailed(
                f"{self._where(actor)} has other data than this machine under the same path: {started.samples:,} samples "
                f"instead of {self._data[1]:,}, or others. Make the folders the same, or take the node's away: then it is sent"
            )
        return started

    def _send(self, actor: Asks, path: str) -> None:
        with self._lock:
            if path not in self._trees:
                self._trees[path] = files.tree_of(Path(path), self._beside)
            tree = self._trees[path]
        if not self._ask(actor, Wanted, "expect", encode(tree)).sha256s:
            return
        for place, piece in files.pieces(tree):
            self._done(actor, "receive", place, piece)
            self._tick()
        self._done(actor, "keep")

    def _load_all(self, members: Sequence[Member]) -> None:
        asked = [(member, member.actor.ask("load", self._loaded)) for member in members]
        for member, future in asked:
            error = future.exception(self._timeout_s)
            if error is not None and self.session.is_loss(error):
                member.lost = True
                self.members.remove(member)
                continue
            self._note_loaded(member, self._hear(member.actor, Loaded, future))
            self._tick()

    def _loaded_on(self, member: Member) -> Loaded:
        return self._ask(member.actor, Loaded, "load", self._loaded)

    def _note_loaded(self, member: Member, loaded: Loaded) -> None:
        for index, digest in loaded.digests.items():
            if self._digests.setdefault(index, digest) != digest:
                raise RunFailed(
                    f"{self._where(member.actor)} has other bytes for sample {index} than another node: "
                    "make their data the same"
                )

    def _ask(self, actor: Asks, kind: type[M], method: str, *words: object) -> M:
        return self._hear(actor, kind, actor.ask(method, *words))

    def _hear(self, actor: Asks, kind: type[M], future: Future[Any]) -> M:
        told = self._text(actor, future)
        found: object = decode(told, kind, Failed)
        if isinstance(found, Failed):
            raise replace(found, message=f"on {self._where(actor)}: {found.message}").error()
        return cast("M", found)

    def _done(self, actor: Asks, method: str, *words: object) -> None:
        told = self._text(actor, actor.ask(method, *words))
        if told:
            raise replace(
                decode(told, Failed), message=f"on {self._where(actor)}: {decode(told, Failed).message}"
            ).error()

    def _text(self, actor: Asks, future: Future[Any]) -> str:
        try:
            return str(future.result(self._timeout_s))
        except TimeoutError:
            raise RunFailed(
                f"{self._where(actor)} did not open the model or load samples within {self._timeout_s:g} s; allow more with "
                "--set backend.timeout_s=..."
            ) from None
        except Exception as error:
            if not self.session.is_loss(error):
                raise
            raise NodeLost(f"{self._where(actor)} was lost before LoadGen asked: {first_line(error)}") from None

    def _where(self, actor: Asks) -> str:
        facts = self.facts.get(actor.node)
        return f"node {facts.address} ({facts.host})" if facts else f"node {actor.node}"
