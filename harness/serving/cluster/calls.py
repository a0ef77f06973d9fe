"""What the head asks of actors and hears: a record for a record, files where they are lacking, errors with their node."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from harness.errors import RunFailed
from harness.machine.json_line import decode, encode
from harness.messages.actor import FileTree, Lacking, Lent, Needed, Wanted
from harness.messages.cluster import NodeFacts
from harness.messages.failure import Failed
from harness.serving.cluster import files
from harness.serving.cluster.member import Asks
from harness.serving.cluster.own_cluster import first_line
from harness.serving.cluster.session import NodeLost, Session

M = TypeVar("M")


class Calls:
    """From several threads at once."""

    def __init__(
        self, session: Session, facts: Mapping[str, NodeFacts], timeout_s: float, tick: Callable[[], None]
    ) -> None:
        """Asks nothing yet.

        Args:
            session: The cluster.
            facts: What is known of nodes, by Ray's number, for messages; may grow.
            timeout_s: For an answer.
            tick: Says that something gets on.
        """
        self._session, self._facts, self._timeout_s, self._tick = session, facts, timeout_s, tick
        self._trees: dict[str, FileTree] = {}
        self._lock = threading.Lock()
        """Of what is sent, which is hashed once."""

    def ask(self, actor: Asks, kind: type[M], method: str, *words: object) -> M:
        """Calls a method that tells a record.

        Raises:
            Reported: What went wrong there, in its words, with the node.
            NodeLost: The actor is gone.
            RunFailed: It tells nothing in time.
        """
        return self.hear(actor, kind, actor.ask(method, *words))

    def hear(self, actor: Asks, kind: type[M], future: Future[Any]) -> M:
        """What comes of a call that tells a record; raises as `ask`."""
        found: object = decode(self._text(actor, future), kind, Failed)
        if isinstance(found, Failed):
            raise replace(found, message=f"on {self.where(actor)}: {found.message}").error()
        return cast("M", found)

    def done(self, actor: Asks, method: str, *words: object) -> None:
        """Calls a method that tells nothing where all is well; raises as `ask`."""
        if told := self._text(actor, actor.ask(method, *words)):
            failure = decode(told, Failed)
            raise replace(failure, message=f"on {self.where(actor)}: {failure.message}").error()

    def bring(self, actor: Asks, lent: Sequence[Lent], beside: Sequence[Path]) -> None:
        """Sends what the node lacks of the head's files.

        Args:
            actor: Needs them.
            lent: The files and folders.
            beside: Files of a folder around one that go along.

        Raises:
            ConfigError: Something cannot be read here.
            Exception: As `ask`.
        """
        for path in self.ask(actor, Lacking, "need", encode(Needed(tuple(lent)))).paths:
            tree = self._tree(Path(path), beside)
            if not self.ask(actor, Wanted, "expect", encode(tree)).sha256s:
                continue
            for place, piece in files.pieces(tree):
                self.done(actor, "receive", place, piece)
                self._tick()
            self.done(actor, "keep")

    def where(self, actor: Asks) -> str:
        """The actor's node, as a person knows it."""
        facts = self._facts.get(actor.node)
        return f"node {facts.address} ({facts.host})" if facts else f"node {actor.node}"

    def _tree(self, path: Path, beside: Sequence[Path]) -> FileTree:
        with self._lock:
            if str(path) not in self._trees:
                self._trees[str(path)] = files.tree_of(path, beside)
            return self._trees[str(path)]

    def _text(self, actor: Asks, future: Future[Any]) -> str:
        try:
            return str(future.result(self._timeout_s))
        except TimeoutError:
            raise RunFailed(
                f"{self.where(actor)} did not open what it works with or load samples within {self._timeout_s:g} s; allow "
                "more with --set backend.timeout_s=..."
            ) from None
        except Exception as error:
            if not self._session.is_loss(error):
                raise
            raise NodeLost(f"{self.where(actor)} was lost while it was made ready: {first_line(error)}") from None
