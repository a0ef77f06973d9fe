"""A port of this machine that nobody else is handed out while what is to listen there starts."""

from __future__ import annotations

import socket


def reserved_port() -> int:
    """A free port of 127.0.0.1, kept for a minute.

    A connection that its side has ended first leaves it waiting: the kernel gives it to nobody who asks for any port, only to
    who names it and says, as servers do, that it may be used again (SO_REUSEADDR).
    """
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        line, _ = server.accept()
        line.close()
        client.recv(1)
        port: int = server.getsockname()[1]
    return port
