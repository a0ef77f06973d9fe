"""Whether the nodes of a cluster run what the head runs: another program answers something else."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import ConfigError
from harness.messages.cluster import NodeFacts
from harness.serving.cluster.session import INSTALL

_OURS, _RUNTIME = "tflite-loadgen", "ai-edge-litert"
_PREPARES = ("numpy", "pillow", "tokenizers")


def skew(head: NodeFacts, node: NodeFacts) -> str:
    """Why a node cannot answer beside the head, with what to do; empty where it can."""
    where = f"node {node.address} ({node.host})"
    if node.program == "absent":
        return f"{where} has no {_OURS}: install version {head.versions[_OURS]} there, with {INSTALL}"
    if node.program != head.program:
        versions = f"{node.versions[_OURS]} there, {head.versions[_OURS]} here"
        return (
            f"{where} has another {_OURS} than this machine ({versions}; files {node.program[:12]} and {head.program[:12]}): "
            "install the very same on all nodes, from one wheel or one commit"
        )
    for name, theirs, ours in (
        ("Python", _minor(node.python), _minor(head.python)),
        (_RUNTIME, node.versions[_RUNTIME], head.versions[_RUNTIME]),
    ):
        if theirs != ours:
            return f"{where} has {name} {theirs} and this machine {ours}: install {name} {ours} there"
    return ""


def refuse_skew(head: NodeFacts, nodes: Sequence[NodeFacts]) -> None:
    """Refuses a cluster of which a node runs something else.

    Raises:
        ConfigError: Names each such node, and the fix.
    """
    found = [why for node in nodes if (why := skew(head, node))]
    if found:
        raise ConfigError(found[0] if len(found) == 1 else f"{len(found)} nodes differ:\n  " + "\n  ".join(found))


def differences(nodes: Sequence[NodeFacts]) -> list[str]:
    """What of the nodes differs and changes how fast they are, or the last digit of what they answer; a sentence each."""
    found = []
    cpus = sorted({f"{node.cpu or node.machine} ({node.cpus} CPUs)" for node in nodes})
    if len(cpus) > 1:
        found.append(f"the nodes differ in CPU, so the figures are of a mixture: {'; '.join(cpus)}")
    for package in _PREPARES:
        versions = sorted({node.versions.get(package, "absent") for node in nodes})
        if len(versions) > 1:
            found.append(f"the nodes differ in {package}, which prepares samples: {', '.join(versions)}")
    nice = [node.address for node in nodes if node.niceness > 0]
    if nice:
        found.append(
            f"Ray lets all other processes go before those that answer, on {len(nice)} of {len(nodes)} nodes: start them with "
            "RAY_worker_niceness=0 for figures of a machine that does something else as well"
        )
    return found


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
