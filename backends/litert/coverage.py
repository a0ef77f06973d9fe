"""Which ops of an allocated interpreter run, and where: on the CPU's kernels or in a delegate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from backends.base import Coverage

Op = Mapping[str, Any]
_DELEGATE = "DELEGATE"


def delegate_nodes(interpreter: Any) -> frozenset[int]:
    """The nodes that stand for delegates' partitions."""
    return frozenset(op["index"] for op in interpreter._get_ops_details() if op["op_name"] == _DELEGATE)


def read_coverage(interpreter: Any, nodes: Collection[int] | None = None) -> Coverage:
    """Counts ops and those that a delegate took over.

    Args:
        interpreter: After allocation.
        nodes: The DELEGATE nodes that count; None for all.
    """
    ops: list[Op] = interpreter._get_ops_details()
    delegates = [op for op in ops if op["op_name"] == _DELEGATE and (nodes is None or op["index"] in nodes)]
    plain = [op for op in ops if op["op_name"] != _DELEGATE]
    taken = _taken(plain, delegates)
    left = Counter(op["op_name"] for op in plain if op["index"] not in taken)
    return Coverage(len(plain), len(taken), len(delegates), dict(sorted(left.items())))


def read_partitions(interpreter: Any) -> dict[int, frozenset[int]]:
    """DELEGATE node -> the ops that it replaced, in the order of these nodes.

    Args:
        interpreter: After allocation.
    """
    ops: list[Op] = interpreter._get_ops_details()
    plain = [op for op in ops if op["op_name"] != _DELEGATE]
    return {op["index"]: frozenset(_taken(plain, [op])) for op in ops if op["op_name"] == _DELEGATE}


def executed(interpreter: Any) -> list[Op]:
    """The nodes that run: those that stand for delegates' partitions, and the ops that no delegate took."""
    ops: list[Op] = interpreter._get_ops_details()
    delegates = [op for op in ops if op["op_name"] == _DELEGATE]
    plain = [op for op in ops if op["op_name"] != _DELEGATE]
    taken = _taken(plain, delegates)
    return [*(op for op in plain if op["index"] not in taken), *delegates]


def _taken(plain: Sequence[Op], delegates: Iterable[Op]) -> set[int]:
    """The ops that delegates replaced, which the runtime goes on listing beside the DELEGATE nodes that stand for them.

    An op belongs to a DELEGATE node when one of the node's outputs depends on it without passing through one of the node's
    inputs.
    """
    producer = {int(tensor): op["index"] for op in plain for tensor in op["outputs"]}
    by_index = {op["index"]: op for op in plain}
    taken: set[int] = set()
    for delegate in delegates:
        borders = {int(tensor) for tensor in delegate["inputs"]}
        pending = [int(tensor) for tensor in delegate["outputs"]]
        while pending:
            tensor = pending.pop()
            index = producer.get(tensor)
            if tensor in borders or index is None or index in taken:
                continue
            taken.add(index)
            pending += [int(source) for source in by_index[index]["inputs"]]
    return taken
