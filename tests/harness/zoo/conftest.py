"""Stand-ins and built-in data; a real HTTP server on this machine that behaves as badly as a test asks."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.zoo.builtin.sets import builtin_path
from harness.zoo.standins.library import standin_path

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="session")
def made(environment: dict[str, str]) -> Callable[[str, str], Path]:
    """made("standins", name) or made("builtin", name): its path, made once for all workers and commands."""
    folder = Path(environment["TFLITE_LOADGEN_CACHE"])

    @cache
    def make(what: str, name: str) -> Path:
        return standin_path(name, folder / what).path if what == "standins" else builtin_path(name, folder / what)

    return make


def serve(body: bytes, *, etag: str | None = '"one"', ranges: bool = True, sends: int | None = None) -> Behaviour:
    """The whole file, or the part asked for; only the first `sends` bytes of it where that is given."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = handler.headers.get("If-Range") in (None, etag)
        if wanted and ranges and same:
            start = int(wanted[1])
            if start >= len(body):
                handler.send_response(416)
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            handler.send_response(200)
        if etag:
            handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        handler.wfile.write(body[start:] if sends is None else body[start : start + sends])

    return behave


def stall(body: bytes, after: int, release: threading.Event) -> Behaviour:
    """Sends a little, then nothing, the connection open."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("ETag", '"one"')
        handler.end_headers()
        handler.wfile.write(body[:after])
        handler.wfile.flush()
        release.wait(600)

    return behave


def status(code: int, **headers: str) -> Behaviour:
    """An answer without content."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


def endless(block: bytes, release: threading.Event) -> Behaviour:
    """No length announced, and no end."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not release.is_set():
                handler.wfile.write(block)
        except OSError:
            pass

    return behave


class Origin:
    """Answers each path by a list of behaviours, one a request; the last one stays."""

    serve = staticmethod(serve)
    stall = staticmethod(stall)
    status = staticmethod(status)
    endless = staticmethod(endless)

    def __init__(self) -> None:
        self.routes: dict[str, list[Behaviour]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.release = threading.Event()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                origin.requests.append((self.path, dict(self.headers.items())))
                behaviours = origin.routes.get(self.path, [status(404)])
                self.close_connection = True
                (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def on(self, path: str, *behaviours: Behaviour) -> str:
        """Sets what a path does; returns its address."""
        self.routes[path] = list(behaviours)
        return self.url + path


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """A server that is gone after the test. The machine's own proxies have no say."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Origin()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.release.set()
    server.server.shutdown()
    server.server.server_close()
    thread.join()
