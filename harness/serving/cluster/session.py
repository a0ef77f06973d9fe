"""The border to Ray, which only this module imports: a cluster joined or started, its nodes, actors on them.

Ray restarts and retries nothing here: who answers a sample a second time is for `harness.serving.cluster.pool` to say, and
LoadGen never hears of it. Ray has no login of ours and unpickles what it gets: a cluster is for a trusted network only.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.config.dispatch import DispatchSection
from harness.errors import ConfigError, RunFailed
from harness.json_records import from_json
from harness.machine import child_process
from harness.machine.facts import usable_cpus
from harness.machine.offspring import children, end
from harness.messages.cluster import NodeFacts
from harness.serving.cluster import probe

_PACKAGES = ("tflite-loadgen", "ai-edge-litert", "numpy", "pillow", "tokenizers", "ray")
_REACH_S = 5.0
_OBJECT_STORE_BYTES = 80_000_000
"""The least that Ray takes: indices and answers are small."""
_STARTS = 3
"""Ray itself waits 30 s for a node to start, which a busy machine may not do."""
_LONGEST_START_S = 180.0
"""For a process on a node that has room for it."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_COLOR_PREFIX": "0",
}
_OWN = {
    # By its name for other systems; what it does is to make this machine's address 127.0.0.1, to which all then bind.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    # Its processes would else give way to all others.
    "RAY_worker_niceness": "0",
}
_FOLDERS = "ray-"
"""How the folders of clusters of runs' own begin, below /tmp; the process's number comes next."""
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
        self._folder: Path | None = None
        self._janitor: int | None = None
        """The pipe to it."""
        if self.address is None:
            self._folder = _prepare_own()
        try:
            # After the environment: Ray reads it as it is imported.
            import ray
        except ImportError as error:
            self._forget_folder()
            raise ConfigError(f"--dispatch {dispatch.use} needs Ray, which is not here ({error}): {INSTALL}") from None
        self.version = str(ray.__version__)
        if self.address is None:
            self._start(ray)
        else:
            _join(ray, self.address)

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
        self._forget_folder()

    def _start(self, ray: Any) -> None:
        heard, self._janitor = os.pipe()
        child_process.start("harness.serving.cluster.janitor", [heard], str(self._folder), own_session=True)
        os.close(heard)
        before = children()
        for left in reversed(range(_STARTS)):
            try:
                ray.init(
                    address="local",
                    num_cpus=usable_cpus(),
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    log_to_driver=False,
                    configure_logging=False,
                    _temp_dir=str(self._folder),
                )
                return
            except Exception as error:
                with contextlib.suppress(Exception):
                    ray.shutdown()
                # Which knows nothing of what a start that failed has left.
                end(children() - before)
                if left:
                    continue
                self._forget_folder()
                raise RunFailed(
                    f"no Ray cluster could be started on this machine in {_STARTS} tries: {first_line(error)} A machine "
                    "that is busy may be too slow for it: try again, or start one yourself (docs/cluster.md)"
                ) from error

    def _forget_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._janitor is not None:
            os.write(self._janitor, b".")
            os.close(self._janitor)
            self._janitor = None


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


def _prepare_own() -> Path:
    """For a cluster of this run's own: nothing but loopback, and a password that nobody else has."""
    os.environ.update(_OWN)
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    # A cluster that the user's environment names is not this one.
    os.environ.pop("RAY_ADDRESS", None)
    _forget_stale_folders()
    # The names of sockets below it may have 107 bytes.
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-", dir="/tmp"))


def _forget_stale_folders() -> None:
    """Of runs that were killed with all that they had started."""
    for path in Path("/tmp").glob(f"{_FOLDERS}*-*"):
        pid = path.name.removeprefix(_FOLDERS).partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdecimal() and path.stat().st_uid == os.getuid() and not Path("/proc", pid).exists():
                shutil.rmtree(path, ignore_errors=True)


def _join(ray: Any, address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _REACH_S) as line:
            # Ray itself would wait for minutes for a server that is none of its kind.
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


def first_line(error: BaseException) -> str:
    """Of what an error says, the first line: Ray's say much more."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0].strip()
