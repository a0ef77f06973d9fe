"""The border to Ray, where Ray is not there; what is there is in `test_ray`."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.config.dispatch import DispatchSection
from harness.errors import ConfigError
from harness.serving.cluster.room import room_on
from harness.serving.cluster.session import Needs, Node, Session, _join


@pytest.mark.parametrize("use", ["ray", "ray://10.0.0.1:6379"])
def test_without_ray_the_command_that_brings_it_is_named_and_nothing_is_left(
    use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(Path("/tmp").glob(f"ray-{os.getpid()}-*"))
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    with pytest.raises(ConfigError, match=rf"--dispatch {use} needs Ray, which is not here .*install ray"):
        Session(DispatchSection(use=use))
    # Others on this machine may have theirs.
    assert set(Path("/tmp").glob(f"ray-{os.getpid()}-*")) <= before


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "something else than Ray answers there: b'HTTP/1.1"),
        (b"", "answers there: b''"),
    ],
)
def test_a_port_of_something_else_is_refused_at_once(answer: bytes, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1000)
                line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"no Ray cluster answers at 127\.0\.0\.1:{port}.*{re.escape(says)}"):
            _join(None, f"127.0.0.1:{port}")
        thread.join()


def test_who_takes_the_connection_at_once_may_be_slow_to_say_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.serving.cluster.session._REACH_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1000)
                time.sleep(0.6)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ConfigError, match="something else than Ray answers there: b'HTTP/1"):
            _join(None, f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def node(name: str, cpus: float, free: float | None = None, **others: float) -> Node:
    total = {"CPU": cpus, "memory": 1e9, f"node:{name}": 1.0, **others}
    return Node(name, name, total, {**total, "CPU": cpus if free is None else free})


def test_instances_fill_what_is_free_or_are_spread_evenly() -> None:
    nodes = [node("a", 4), node("b", 8, 2), node("c", 1, 0)]
    assert room_on(nodes, Needs(1, {}), None) == {"a": 4, "b": 2}
    assert room_on(nodes, Needs(1, {}), 3) == {"a": 2, "b": 1}
    assert room_on(nodes, Needs(0.5, {}), None) == {"a": 8, "b": 4}
    assert room_on([node("a", 4, GPU=2.0), node("b", 4)], Needs(1, {"GPU": 1}), None) == {"a": 2}


@pytest.mark.parametrize(
    ("needs", "asked", "says"),
    [
        (
            Needs(1, {}),
            7,
            r"no room for 7 instances of 1 CPU each: it fits 6 \(free of all: a: 4 of 4 CPU; b: 2 of 8 CPU\)",
        ),
        (Needs(1, {"GPU": 1}), None, r"no room for an instance of 1 CPU, 1 GPU each: it fits 0"),
        (Needs(16, {}), None, r"fits 0 .*nothing is waited for"),
    ],
)
def test_a_cluster_without_room_is_refused_with_what_each_node_has(needs: Needs, asked: int | None, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        room_on([node("a", 4), node("b", 8, 2)], needs, asked)


def test_a_cluster_without_nodes_says_so() -> None:
    with pytest.raises(ConfigError, match="no node lives"):
        room_on([], Needs(1, {}), None)
