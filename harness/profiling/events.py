"""What a run's events say: which op took how long by itself, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backends.litert.times.event_profile import RuntimeEvent

_CUT_US = 0.5


@dataclass(frozen=True, slots=True)
class Key:
    """What took time, the same in every run."""

    kind: Literal["op", "xnnpack", "piece"]
    """An op of the runtime's, an operator of XNNPACK's, or a delegate's piece as a whole."""
    graph: int
    piece: int
    """Of XNNPACK's pieces in the graph; -1 for an op outside of them."""
    index: int
    """The op's place in the graph; an operator's in its piece; the node of a piece."""
    name: str


@dataclass(slots=True)
class Timed:
    """One call of it."""

    key: Key
    start_us: float
    own_us: float
    """Without what other graphs took that it called."""
    laid: bool
    """Its start is not told: it is laid behind what came before."""


@dataclass(slots=True)
class _Open:
    """A graph or an op that may not have ended yet."""

    event: RuntimeEvent
    timed: Timed | None
    """Of an op."""
    piece: int = -1
    last: int | None = None
    at_us: float = 0
    """Of a graph: where the next operator of XNNPACK is laid."""

    @property
    def ends_us(self) -> int:
        return self.event.start_us + self.event.elapsed_us


def read_run(events: Sequence[RuntimeEvent]) -> list[Timed]:
    """The calls of a run, in the order in which they began.

    A graph that an op calls is an event within that op's own; the op keeps what is left.

    Args:
        events: As `EventProfiler.profiled_run` gives them.
    """
    found: list[Timed] = []
    stack: list[_Open] = []
    for event in events:
        if event.kind == "invoke":
            _enter(stack, event)
            continue
        while stack and not (stack[-1].timed is None and stack[-1].event.graph == event.graph):
            stack.pop()
        if not stack:
            continue  # outside of any run: what makes variables ready
        graph = stack[-1]
        if event.kind == "op":
            key = Key("op", event.graph, -1, event.index, event.name)
            timed = Timed(key, event.start_us, event.elapsed_us, laid=False)
            graph.at_us = event.start_us + event.elapsed_us
            stack.append(_Open(event, timed))
        else:
            if graph.last is None or event.index <= graph.last:
                graph.piece += 1
            graph.last = event.index
            key = Key("xnnpack", event.graph, graph.piece, event.index, event.name)
            # Its length is cut to whole microseconds: it is taken for the middle of what that may have been.
            length = event.elapsed_us + _CUT_US
            timed = Timed(key, graph.at_us, length, laid=True)
            graph.at_us += length
        found.append(timed)
    return found


def _enter(stack: list[_Open], event: RuntimeEvent) -> None:
    """A graph begins: the first, or one that an op calls which has not ended yet."""
    while stack and (stack[-1].timed is None or stack[-1].ends_us < event.start_us):
        stack.pop()
    if stack and (caller := stack[-1].timed) is not None:
        caller.own_us = max(0, caller.own_us - event.elapsed_us)
    stack.append(_Open(event, None, at_us=event.start_us))
