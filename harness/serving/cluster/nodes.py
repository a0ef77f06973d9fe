"""The nodes of a cluster that may work for the head: looked at before anything is started on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from harness.errors import ConfigError
from harness.messages.cluster import NodeFacts
from harness.serving.cluster.room import room_on
from harness.serving.cluster.session import Needs, Node, NodeLost, Session, facts_of, own_facts
from harness.serving.cluster.skew import refuse_skew, skew


class Nodes:
    """Those with room, that run what the head runs."""

    def __init__(self, session: Session, needs: Needs, asked: int | None, tick: Callable[[], None]) -> None:
        """Asks each node what it is.

        Args:
            session: The cluster.
            needs: Of one actor.
            asked: Actors; None for as many as fit.
            tick: Says that something gets on.

        Raises:
            ConfigError: There is no room, or a node runs something else than this machine.
        """
        self._session = session
        self.head = own_facts()
        self.facts: dict[str, NodeFacts] = {}
        """By Ray's number of the node."""
        self.why_not_joined: list[str] = []
        """What became of nodes that are not used, a sentence each."""
        nodes = session.nodes()
        chosen = room_on(nodes, needs, asked)
        told = session.ask_about([node for node in nodes if node.id in chosen])
        for node in nodes:
            if node.id in told:
                self._look_at(node, told[node.id])
        tick()
        refuse_skew(self.head, list(self.facts.values()))
        # Ray may know a node for some seconds after it is gone.
        self.room: Mapping[str, int] = room_on([node for node in nodes if node.id in self.facts], needs, asked)
        """How many actors on which node."""

    def meet(self, node: Node) -> None:
        """Looks at one that has come.

        Raises:
            ConfigError: It runs something else.
            NodeLost: It does not say.
        """
        if node.id not in self.facts:
            facts = facts_of(node, self._session.ask_about([node])[node.id])
            if why := skew(self.head, facts):
                raise ConfigError(why)
            self.facts[node.id] = facts

    def complain(self, text: str) -> None:
        """Notes why a node is not used, once."""
        if text not in self.why_not_joined:
            self.why_not_joined.append(text)

    def _look_at(self, node: Node, told: Future[Any]) -> None:
        try:
            self.facts[node.id] = facts_of(node, told)
        except NodeLost as error:
            self.complain(str(error))
