"""How long each node of a graph takes, run by run, from a clock around its kernel (`backends.litert.times.profile`).

The piece of a delegate is one node, whatever ops are in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from backends.litert.times.profile import NodeClocks


class NodeTimer:
    """A graph with clocks that can be put in and taken out. Whoever has one closes it."""

    def __init__(
        self,
        clocks: NodeClocks,
        invoke: Callable[[], object],
        inside: Mapping[int, frozenset[int]],
        owned: ExitStack | None = None,
    ) -> None:
        """Takes the clocks out.

        Args:
            clocks: As they were applied to the graph.
            invoke: Runs it once.
            inside: Node of a delegate's piece -> the ops that are in it, as far as known.
            owned: What is freed in the end.
        """
        self._clocks, self._invoke, self._owned = clocks, invoke, owned or ExitStack()
        self.inside = inside
        clocks.take_away()

    @property
    def names(self) -> Mapping[int, str]:
        """Node -> its op's name, in the order in which they run."""
        return self._clocks.op_names

    @property
    def delegates(self) -> Mapping[int, str]:
        """Node of a delegate's piece -> the delegate's name."""
        return self._clocks.delegate_names

    def run(self) -> int:
        """Runs without clocks; how long that took, in ns."""
        began = time.perf_counter_ns()
        self._invoke()
        return time.perf_counter_ns() - began

    def timed_run(self) -> tuple[int, dict[int, int]]:
        """Runs with clocks; how long that took, and each node of it in the order in which they run, in ns."""
        spent = self._clocks.spent
        spent.update(dict.fromkeys(spent, 0))
        self._clocks.put_back()
        try:
            took = self.run()
        finally:
            self._clocks.take_away()
        return took, dict(spent)

    def close(self) -> None:
        """Leaves the graph as it was, and frees what is owned."""
        self._clocks.take_away()
        self._owned.close()
