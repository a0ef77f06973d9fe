"""The border to Ray, which only this module imports: a cluster joined or started, its nodes, actors on them.

Ray restarts and retries nothing here: who answers a sample a second time is for `harness.serving.cluster.pool` to say, and
LoadGen never hears of it. Ray has no login of ours and unpickles what it gets: a cluster is for a trusted network only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from harness.config.dispatch import DispatchSection
from harness.errors import ConfigError
from harness.json_records import from_json
from harness.messages.cluster import NodeFacts
from harness.serving.cluster.on_nodes import probe
from harness.serving.cluster.own_cluster import OwnCluster, first_line

_PACKAGES = ("tflite-loadgen", "ai-edge-litert", "numpy", "pillow", "tokenizers", "ray")
_REACH_S = 5.0
"""Within which a machine takes a connection, however busy its processes are."""
_HELLO_S = 60.0
"""Within which the process there says what it is: one that waits for a CPU is no wrong address."""
_LONGEST_START_S = 180.0
"""For a process on a node that has room for it."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_COLOR_PREFIX": "0",
}
INSTALL = "./run.sh install ray"


_HTTP2_EMPTY_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
_HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _HTTP2_EMPTY_SETTINGS
"""With which a client of gRPC begins, and which its server answers in kind (RFC 9113, 3.4)."""


class NodeLost(Exception):  # noqa: N818 - it is what happened
    """A node of the cluster is gone, or says nothing, before LoadGen asks it anything."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that lives."""

    id: str
    """Ray's number of it, hexadecimal."""
    address: str
    total: Mapping[str, float]
    """Resources by name."""
    free: Mapping[str, float]
    """Those that nobody has."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What one instance sets aside."""

    cpus: float
    others: Mapping[str, float]

    def fits(self, free: Mapping[str, float]) -> int:
        """How many instances these resources are enough for."""
        wanted = {"CPU": self.cpus, **self.others}
        return int(min(free.get(name, 0.0) / amount + 1e-9 for name, amount in wanted.items()))

    def __str__(self) -> str:
        return ", ".join([f"{self.cpus:g} CPU", *(f"{amount:g} {name}" for name, amount in self.others.items())])


class Actor:
    """A process on a node with an object of ours in it."""

    def __init__(self, handle: Any, node: str) -> None:
        """Takes Ray's handle."""
        self._handle = handle
        self.node = node

    def ask(self, method: str, *words: object) -> Future[Any]:
        """Calls a method with plain values. What fails on the way is the future's exception; see `Session.is_loss`."""
        found: Future[Any] = getattr(self._handle, method).remote(*words).future()
        return found

    def kill(self) -> None:
        """Ends the process."""
        import ray

        with contextlib.suppress(Exception):
            ray.kill(self._handle)


class Session:
    """This process as a driver of a cluster."""

    def __init__(self, dispatch: DispatchSection) -> None:
        """Joins the cluster, or starts one on this machine that ends with this process.

        Raises:
            ConfigError: Ray is not installed, nothing answers at the address, or the versions differ.
            RunFailed: A cluster of this machine's own cannot be started.
        """
        os.environ.update(_QUIET)
        self.address = dispatch.address
        self._own = OwnCluster() if self.address is None else None
        try:
            # After the environment: Ray reads it as it is imported.
            import ray
        except ImportError as error:
            self._forget()
            raise ConfigError(f"--dispatch {dispatch.use} needs Ray, which is not here ({error}): {INSTALL}") from None
        self.version = str(ray.__version__)
        if self._own is not None:
            self._own.start(ray)
        else:
            _join(ray, str(self.address))

    def nodes(self) -> list[Node]:
        """Those that live."""
        import ray
        from ray._private.state import available_resources_per_node

        free = available_resources_per_node()
        return [
            Node(each["NodeID"], each["NodeManagerAddress"], each["Resources"], free.get(each["NodeID"], {}))
            for each in ray.nodes()
            if each["Alive"]
        ]

    def ask_about(self, nodes: Sequence[Node]) -> dict[str, Future[Any]]:
        """What each node is, by its number: see `facts_of`."""
        import ray

        ray.cloudpickle.register_pickle_by_value(probe)
        try:
            describe = ray.remote(probe.describe_node)
            return {
                node.id: describe.options(num_cpus=0, max_retries=0, scheduling_strategy=_on(node.id))
                .remote(list(_PACKAGES))
                .future()
                for node in nodes
            }
        finally:
            ray.cloudpickle.unregister_pickle_by_value(probe)

    def start(self, kind: type[Any], node: str, needs: Needs) -> Actor:
        """An actor on a node. Its first answer comes when it has started."""
        import ray

        others = dict(needs.others)
        gpus = others.pop("GPU", 0)
        remote = ray.remote(kind).options(
            num_cpus=needs.cpus,
            num_gpus=gpus,
            resources=others,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=_on(node),
        )
        return Actor(remote.remote(), node)

    @staticmethod
    def is_loss(error: BaseException) -> bool:
        """Whether a call failed since its process or node is gone, not for what it did there."""
        import ray

        lost = (ray.exceptions.RayActorError, ray.exceptions.ObjectLostError, ray.exceptions.WorkerCrashedError)
        return isinstance(error, lost)

    def close(self) -> None:
        """Leaves the cluster; one of this run's own ends."""
        import ray

        with contextlib.suppress(Exception):
            ray.shutdown()
        self._forget()

    def _forget(self) -> None:
        if self._own is not None:
            self._own.forget()


def facts_of(node: Node, told: Future[Any]) -> NodeFacts:
    """What a node has told of itself.

    Raises:
        NodeLost: It tells nothing in time, or cannot.
    """
    try:
        text = told.result(_LONGEST_START_S)
    except Exception as error:
        raise NodeLost(f"node {node.address} of the cluster cannot be asked what it is: {first_line(error)}") from None
    return replace(from_json(NodeFacts, json.loads(text)), address=node.address)


def own_facts() -> NodeFacts:
    """Of the machine and the program that LoadGen runs in."""
    return from_json(NodeFacts, json.loads(probe.describe_node(list(_PACKAGES))))


def _join(ray: Any, address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _REACH_S) as line:
            # Ray itself would wait for minutes for a server that is none of its kind.
            line.settimeout(_HELLO_S)
            line.sendall(_HTTP2_HELLO)
            heard = line.recv(len(_HTTP2_EMPTY_SETTINGS), socket.MSG_WAITALL)
        if heard[3:4] != _HTTP2_EMPTY_SETTINGS[3:4]:
            raise ConnectionError(f"something else than Ray answers there: {heard!r}")
    except OSError as error:
        raise ConfigError(
            f"no Ray cluster answers at {address}, where --dispatch ray://{address} looks for it: "
            f"{error.strerror or error}. `ray status` on a node names its address; start one with: ray start --head "
            "--port=6379"
        ) from None
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except Exception as error:
        said = " ".join(str(error).split())
        if "Version mismatch" in said:
            raise ConfigError(
                f"the cluster at {address} has another Ray or Python than this machine: {said}. Install the same on all nodes"
            ) from None
        raise ConfigError(
            f"the cluster at {address} cannot be joined: {said}. LoadGen runs on a node of it: on this machine, start one with "
            f"ray start --address={address} (docs/cluster.md), and name the port of `ray start --head`, not that of Ray Client"
        ) from None


def _on(node: str) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)
