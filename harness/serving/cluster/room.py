"""On which nodes of a cluster instances have room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import ConfigError
from harness.serving.cluster.session import Needs, Node


def room_on(nodes: Sequence[Node], needs: Needs, asked: int | None) -> Mapping[str, int]:
    """How many instances on which node: the least laden first where a number is asked for, else all that fit.

    Raises:
        ConfigError: They do not fit.
    """
    fits = {node.id: max(0, needs.fits(node.free)) for node in nodes}
    total = sum(fits.values())
    if total >= max(1, asked or 1):
        chosen = dict.fromkeys(fits, 0)
        for _ in range(total if asked is None else asked):
            best = max(fits, key=lambda node: (chosen[node] < fits[node], -chosen[node], fits[node]))
            chosen[best] += 1
        return {node: count for node, count in chosen.items() if count}
    has = "; ".join(f"{node.address}: {_resources(node)}" for node in nodes) or "no node lives"
    wanted = "an instance" if asked is None else f"{asked} instances"
    raise ConfigError(
        f"the cluster has no room for {wanted} of {needs} each: it fits {total} (free of all: {has}). Ask for fewer with "
        "--instances, for less with dispatch.cpus or dispatch.resources, or add nodes: nothing is waited for"
    )


def _resources(node: Node) -> str:
    names = [name for name in node.total if ":" not in name and not name.endswith("memory")]
    return (
        ", ".join(f"{node.free.get(name, 0):g} of {node.total[name]:g} {name}" for name in sorted(names)) or "nothing"
    )
