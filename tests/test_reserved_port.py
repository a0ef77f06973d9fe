"""Ports that tests keep for servers which they start."""

from __future__ import annotations

import socket

import pytest

from tests.reserved_port import reserved_port


def test_a_reserved_port_is_for_who_names_it_as_a_server_does_alone() -> None:
    port = reserved_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port
