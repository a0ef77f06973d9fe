"""A real Ray cluster of several nodes on this machine's loopback, for the tests marked `cluster`."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.living import lives

NAMED = "TFLITE_LOADGEN_CLUSTER"
"""An environment variable: where it is set, Ray must be here and work."""
PATIENT = {
    # Ray takes what is slow for what is broken: a node has 30 s to start, its agent 30 s, a process on it 60 s.
    "RAY_raylet_start_wait_time_s": "600",
    "RAY_gcs_server_port_wait_time_s": "600",
    "RAY_gcs_server_request_timeout_seconds": "600",
    "RAY_gcs_rpc_server_connect_timeout_s": "600",
    "RAY_agent_register_timeout_ms": "600000",
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_raylet_client_num_connect_attempts": "600",
    # Who is there and slow is not dead; who is gone refuses the connection, and that is asked every second.
    "RAY_health_check_timeout_ms": "600000",
    "RAY_health_check_period_ms": "1000",
    "RAY_grpc_keepalive_timeout_ms": "600000",
    "RAY_grpc_client_keepalive_timeout_ms": "600000",
    # Where memory or the disk is nearly full with what others have, it would kill or refuse what is ours.
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_local_fs_capacity_threshold": "1",
}
"""What of Ray's settings a busy machine needs: in the environment of nodes and commands."""
PATIENT_RUN = ["--set", "dispatch.resend_after_s=3600"]
"""Words of a run: who waits for a CPU is not silent."""
_STARTS = 2
_SCRIPT = Path(__file__).with_name("ray_node.py")


class RayNodes:
    """A head and nodes beside it, a CPU each; each is a session of processes of its own."""

    def __init__(self, site: Path) -> None:
        """Starts the head; `site` is on Python's path of all."""
        # Sockets have names of 107 bytes at most.
        # By its name the next cluster of a run takes it away, where this process was killed: see `own_cluster`.
        self._folder = Path(tempfile.mkdtemp(prefix=f"ray-{os.getpid()}-", dir="/tmp"))
        self.port = 0
        """Ray's choice, once there is a head."""
        self.cache = self._folder / "cache"
        """Of the head and of all nodes that are given no other."""
        self.environment = {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_worker_niceness": "0",
            "RAY_enable_metrics_collection": "0",
            **PATIENT,
        }
        self._site = site
        self._nodes: list[subprocess.Popen[str]] = []
        self.head = self._start("head")

    @property
    def dispatch(self) -> list[str]:
        """The words of a command that it is to answer."""
        return ["--dispatch", f"ray://127.0.0.1:{self.port}"]

    def add(
        self, resources: Mapping[str, float] = {}, environment: Mapping[str, str] = {}, before: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Starts a node, which the head then knows; `before` are words in front of its command."""
        return self._start("node", resources, environment, before)

    def at_rest(self) -> bool:
        """Whether the head knows all that live and nobody else, and nothing is set aside on any."""
        seen = self._seen()
        return len(seen) == len(self._nodes) and all(seen.values())

    def kill(self, node: subprocess.Popen[str]) -> None:
        """Ends a node and all of its processes at once, as a machine that loses its power."""
        # What one of them starts meanwhile goes with the next look.
        while living := [pid for pid in of_session(node.pid) if lives(pid)]:
            for pid in living:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        node.communicate()
        self._nodes.remove(node)

    def end_guests(self) -> None:
        """Ends all but the head and the node beside it."""
        for node in self._nodes[2:]:
            self.kill(node)

    def close(self) -> None:
        """Ends all."""
        for node in reversed(list(self._nodes)):
            self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _seen(self) -> dict[str, bool]:
        """The nodes that the head knows, by Ray's number, and whether nothing is set aside there."""
        assert self.head.stdin is not None
        assert self.head.stdout is not None
        self.head.stdin.write("?\n")
        self.head.stdin.flush()
        found: dict[str, bool] = json.loads(self.head.stdout.readline())
        return found

    def _start(
        self,
        kind: str,
        resources: Mapping[str, float] = {},
        environment: Mapping[str, str] = {},
        before: Sequence[str] = (),
    ) -> subprocess.Popen[str]:
        words = [str(os.getpid()), kind, str(self.port), str(self._folder), json.dumps(dict(resources))]
        path = os.pathsep.join([str(self._site), str(Path(__file__).resolve().parents[4])])
        said = self._folder / "node.txt"
        for _ in range(_STARTS):
            with said.open("ab") as heard:
                node = subprocess.Popen(
                    [*before, sys.executable, "-P", str(_SCRIPT), *words],
                    env={
                        **os.environ,
                        "PYTHONPATH": path,
                        "TFLITE_LOADGEN_CACHE": str(self.cache),
                        **self.environment,
                        **environment,
                    },
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=heard,
                    text=True,
                    start_new_session=True,
                )
            self._nodes.append(node)
            assert node.stdout is not None
            if (up := node.stdout.readline().split())[:1] == ["up"]:
                if kind == "head":
                    self.port = int(up[1])
                else:
                    self._meet(up[2])
                return node
            self.kill(node)
        raise AssertionError(f"Ray started no {kind} in {_STARTS} tries: {said.read_text(encoding='utf-8')[-3000:]}")

    def _meet(self, node: str) -> None:
        until = time.monotonic() + 600
        while node not in self._seen():
            assert time.monotonic() < until, f"the head does not know the node {node}"
            time.sleep(0.05)


def of_session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(int(path.name)) == leader:
                found.append(int(path.name))
    return found


SLOW = """
import os, time
from pathlib import Path
from backends.litert.interpreter import InterpreterBackend

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, mark="", input_shapes=None):
        super().__init__(model, name="slow", threads=threads, input_shapes=input_shapes)
        self.mark, self.count = mark and Path(mark), 0

    def invoke(self, inputs):
        time.sleep(0.004)
        self.count += 1
        if self.mark and self.count == 20:
            (self.mark / str(os.getpid())).touch()
            while not (self.mark / "go").exists():
                time.sleep(0.05)
        return super().invoke(inputs)
"""
"""4 ms a sample; `--backend slow:mark=FOLDER` leaves a file there with its process's number at the 20th and answers no more
until there is one called `go`: so long the run is in its middle, however slow the test."""


class Marks:
    """The folder of such files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def backend(self) -> list[str]:
        """The words of a run that waits here."""
        return ["--backend", f"slow:mark={self.folder}"]

    def waiting(self) -> list[int]:
        """The processes that do, by number."""
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())

    def go(self) -> None:
        """Lets them go on."""
        (self.folder / "go").touch()


@pytest.fixture(scope="module")
def slow_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the backend `slow`, as a package that is installed."""
    site = tmp_path_factory.mktemp("site")
    info = site / "plug_in_slow-1.0.dist-info"
    info.mkdir()
    (site / "plug_in_slow.py").write_text(SLOW, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug_in_slow\nVersion: 1.0\n", encoding="ascii")
    (info / "entry_points.txt").write_text("[tflite_loadgen.backends]\nslow = plug_in_slow:Backend\n", encoding="ascii")
    return site


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    """Where the run of a test waits in its middle."""
    return Marks(tmp_path / "marks")


@pytest.fixture(scope="module")
def ray_nodes(slow_site: Path) -> Iterator[RayNodes]:
    """A head and a node beside it."""
    if not os.environ.get(NAMED):
        pytest.skip(f"a Ray cluster is started only where it is asked for: ./run.sh install ray, then {NAMED}=1")
    found = RayNodes(slow_site)
    try:
        found.add()
        yield found
    finally:
        found.close()


@pytest.fixture
def nodes(ray_nodes: RayNodes, eventually: Callable[..., None]) -> Iterator[RayNodes]:
    """The same, as if nobody had been there before: Ray knows nodes and actors for some seconds after they are gone."""
    eventually(ray_nodes.at_rest, "all nodes are known, and nothing is set aside on them")
    yield ray_nodes
    ray_nodes.end_guests()


@pytest.fixture(scope="module")
def cluster_env(ray_nodes: RayNodes, slow_site: Path) -> dict[str, str]:
    """What a command is run with that joins it."""
    path = os.pathsep.join([str(Path(__file__).resolve().parents[4]), str(slow_site)])
    return {**ray_nodes.environment, "PYTHONPATH": path}
