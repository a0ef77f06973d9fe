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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.reserved_port import reserved_port

NAMED = "TFLITE_LOADGEN_CLUSTER"
"""An environment variable: where it is set, Ray must be here and work."""
_STARTS = 4
"""Ray gives a node 30 s to start, which a busy machine may need more than once."""
_SCRIPT = Path(__file__).with_name("ray_node.py")


class RayNodes:
    """A head and nodes beside it, a CPU each; each is a session of processes of its own."""

    def __init__(self, site: Path) -> None:
        """Starts the head; `site` is on Python's path of all."""
        # Sockets have names of 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        self.port = reserved_port()
        self.cache = self._folder / "cache"
        """Of the head and of all nodes that are given no other."""
        self.environment = {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_worker_niceness": "0",
            "RAY_enable_metrics_collection": "0",
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
        """Starts a node; `before` are words in front of its command."""
        return self._start("node", resources, environment, before)

    def kill(self, node: subprocess.Popen[str]) -> None:
        """Ends a node and all of its processes at once, as a machine that loses its power."""
        for pid in of_session(node.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.communicate()
        self._nodes.remove(node)

    def close(self) -> None:
        """Ends all."""
        for node in reversed(list(self._nodes)):
            self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(
        self,
        kind: str,
        resources: Mapping[str, float] = {},
        environment: Mapping[str, str] = {},
        before: Sequence[str] = (),
    ) -> subprocess.Popen[str]:
        words = [str(os.getpid()), kind, str(self.port), str(self._folder), json.dumps(dict(resources))]
        path = os.pathsep.join([str(self._site), str(Path(__file__).resolve().parents[4])])
        for _ in range(_STARTS):
            node = subprocess.Popen(
                [*before, sys.executable, "-P", str(_SCRIPT), *words],
                env={
                    **os.environ,
                    "PYTHONPATH": path,
                    "TFLITE_LOADGEN_CACHE": str(self.cache),
                    **self.environment,
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            self._nodes.append(node)
            assert node.stdout is not None
            if node.stdout.readline() == "up\n":
                return node
            self.kill(node)
        raise AssertionError(f"Ray started no {kind} in {_STARTS} tries")


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
    def __init__(self, model, *, threads, mark="", wait=0, input_shapes=None):
        super().__init__(model, name="slow", threads=threads, input_shapes=input_shapes)
        self.mark, self.wait, self.count = mark, wait, 0

    def invoke(self, inputs):
        time.sleep(0.004)
        self.count += 1
        if self.mark and self.count == 20:
            Path(self.mark, str(os.getpid())).touch()
        while self.mark and self.count >= 20 and self.wait > len(os.listdir(self.mark)):
            time.sleep(0.05)
        return super().invoke(inputs)
"""
"""4 ms a sample, and a file with its process's number once it has answered some: `--backend slow:mark=FOLDER`; with `wait=N` it
answers no more until so many have."""


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


@pytest.fixture(scope="module")
def nodes(slow_site: Path) -> Iterator[RayNodes]:
    """A head and a node beside it."""
    if not os.environ.get(NAMED):
        pytest.skip(f"a Ray cluster is started only where it is asked for: ./run.sh install ray, then {NAMED}=1")
    found = RayNodes(slow_site)
    try:
        found.add()
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def cluster_env(nodes: RayNodes, slow_site: Path) -> dict[str, str]:
    """What a command is run with that joins it."""
    path = os.pathsep.join([str(Path(__file__).resolve().parents[4]), str(slow_site)])
    return {**nodes.environment, "PYTHONPATH": path}
