"""From what took time to the ops of the model: which op it was, of what shape, and how much work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from backends.litert.file.model_file import ModelFile, Operator, Shape, Subgraph
from harness.model.contents.multiply_adds import operator_multiply_adds
from harness.profiling.events import Key
from harness.profiling.kernels import base_name, matched
from harness.profiling.peak import kind_of
from harness.profiling.record import Op
from harness.profiling.timing import Runs, quickest

_LEAST_US = 1.0
"""What takes less on average is beyond the clock, and has no rate."""
_XNNPACK = "XNNPack"
"""In the name of its pieces."""
_WEIGHTS = 1
"""Of the inputs of an op that has some."""


class ModelOps:
    """The file's graphs, of whose ops the times are."""

    def __init__(
        self,
        model: ModelFile,
        shapes: Mapping[int, Shape],
        pieces: Sequence[frozenset[int]],
        inside: Mapping[int, frozenset[int]],
        delegated: int | None,
    ) -> None:
        """Takes what is known.

        Args:
            model: The file.
            shapes: Of its first graph's tensors, as the runtime has them.
            pieces: The ops in each piece of XNNPACK's in the first graph, in order; empty where the engine does not tell.
            inside: See `Source`.
            delegated: How many ops an accelerator took; None where it is none, or does not tell.
        """
        self._model, self._pieces, self._inside, self._delegated = model, pieces, inside, delegated
        self._shapes = [
            [(shapes.get(index) if not number else None) or tensor.shape for index, tensor in enumerate(graph.tensors)]
            for number, graph in enumerate(model.subgraphs)
        ]

    def ops(self, runs: Runs) -> list[Op]:
        """A record for everything that took time, by the runs that count."""
        nodes = self._nodes(runs.keys)
        counted = [runs.times_us[place] for place in quickest(runs.sums_us)]
        times = {key: np.array([each.get(key, 0.0) for each in counted]) for key in runs.keys}
        whole = sum(float(array.mean()) for array in times.values()) or 1.0
        pieces = [key for key in runs.keys if key.kind == "piece" and _XNNPACK not in key.name]
        return [
            self._op(order, key, nodes[key], times[key], runs.calls[key], whole, pieces)
            for order, key in enumerate(runs.keys)
        ]

    def _nodes(self, keys: Sequence[Key]) -> dict[Key, int | None]:
        """The op of its graph that each is, by its place; None where it cannot be told."""
        found: dict[Key, int | None] = {key: key.index if key.kind == "op" else None for key in keys}
        for number in {key.graph for key in keys if key.kind == "xnnpack"}:
            operators = self._model.subgraphs[number].operators
            for ours, theirs in self._groups(number, keys):
                names = [operators[place].name for place in theirs]
                for key, place in zip(ours, matched([key.name for key in ours], names), strict=True):
                    found[key] = None if place is None else theirs[place]
        return found

    def _groups(self, number: int, keys: Sequence[Key]) -> list[tuple[list[Key], list[int]]]:
        """XNNPACK's operators of a graph and the ops that they run, piece by piece where the pieces are known."""
        inner = [key for key in keys if key.kind == "xnnpack" and key.graph == number]
        if number == 0 and len({key.piece for key in inner}) == len(self._pieces):
            return [
                ([key for key in inner if key.piece == place], sorted(ops)) for place, ops in enumerate(self._pieces)
            ]
        # Of other graphs nobody tells: what did not run by itself ran inside.
        apart = {key.index for key in keys if key.kind == "op" and key.graph == number}
        count = len(self._model.subgraphs[number].operators)
        return [(inner, [place for place in range(count) if place not in apart])]

    def _op(
        self,
        order: int,
        key: Key,
        node: int | None,
        times: npt.NDArray[np.float64],
        calls: float,
        whole: float,
        whole_pieces: Sequence[Key],
    ) -> Op:
        graph = self._model.subgraphs[key.graph]
        # A delegate's own nodes come behind those of the file.
        known = node is not None and node < len(graph.operators)
        operator = graph.operators[node] if known and node is not None else None
        average = float(times.mean())
        found = Op(
            order,
            operator.name if operator else base_name(key.name),
            kernel="built-in" if key.kind == "op" else key.name,
            graph=key.graph,
            node=node if known else None,
            inside=self._count_inside(key, whole_pieces) if key.kind == "piece" else 0,
            tensor="",
            shape="",
            calls=calls,
            avg_us=average,
            std_us=float(times.std()),
            min_us=float(times.min()),
            max_us=float(times.max()),
            share=average / whole,
            multiply_adds=self._work(key, operator, calls),
            multiply_adds_per_s=None,
            peak_of=None,
            peak_share=None,
        )
        return found if operator is None else self._with_shape(found, graph, operator)

    def _count_inside(self, key: Key, pieces: Sequence[Key]) -> int | None:
        """Ops in a piece: as the graph tells, or all that the accelerator took where this is its only one."""
        if key.index in self._inside:
            return len(self._inside[key.index])
        return self._delegated if list(pieces) == [key] else None

    def _work(self, key: Key, operator: Operator | None, calls: float) -> int | None:
        shapes = self._shapes[key.graph]
        if key.kind == "piece":
            inner = [self._model.main.operators[place] for place in self._inside.get(key.index, ())]
            counted = [operator_multiply_adds(each, shapes) for each in inner]
            return None if not inner or None in counted else sum(each or 0 for each in counted)
        macs = operator_multiply_adds(operator, shapes) if operator else None
        return None if macs is None else round(macs * calls)

    def _with_shape(self, found: Op, graph: Subgraph, operator: Operator) -> Op:
        shapes = self._shapes[found.graph]
        read = [shapes[index] for index in operator.inputs if index >= 0]
        weights = f" * {_text(read[_WEIGHTS])}" if found.multiply_adds and len(read) > _WEIGHTS else ""
        made = [index for index in operator.outputs if index >= 0]
        return replace(
            found,
            tensor=graph.tensors[made[0]].name if made else "",
            shape=(_text(read[0]) if read else "") + weights + (f" -> {_text(shapes[made[0]])}" if made else ""),
            peak_of=kind_of(graph, operator) if found.multiply_adds else None,
        )


def with_rates(op: Op, peaks: Mapping[str, float]) -> Op:
    """The op with what it achieved, and the share of the machine's peak that this is."""
    if not op.multiply_adds or op.avg_us < _LEAST_US:
        return op
    rate = op.multiply_adds / op.avg_us * 1e6
    peak = peaks.get(op.peak_of or "")
    return replace(op, multiply_adds_per_s=rate, peak_share=rate / peak if peak else None)


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "scalar"
