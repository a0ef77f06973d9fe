"""Servers that lie: about sizes, ranges, redirects, patience, and whether they speak HTTP at all."""

from __future__ import annotations

import random
import socket
import tempfile
import threading
from pathlib import Path

from harness.errors import exit_status
from harness.zoo.files.download import Patience, Source, download
from tests.faults.table import Group

_BODY = bytes(range(256)) * 64
_HASTY = Patience(timeout_s=300.0, attempts=2, first_wait_s=0.001, longest_wait_s=0.002)
_STATUS = (
    "200 OK",
    "206 Partial Content",
    "301 Moved",
    "302 Found",
    "404 No",
    "416 No",
    "429 Wait",
    "500 Oh",
    "503 Wait",
    "99999 x",
    "abc",
    "200",
)
_VALUES = (
    "",
    "0",
    "-1",
    "1",
    str(len(_BODY)),
    "9" * 400,
    "9" * 5_000,
    "\xb2",
    "bytes 0-1/2",
    "bytes */9",
    "https://[::1",
    "//",
    "file:///etc/passwd",
    "\x1b[2J",
    "a" * 70_000,
    "gzip",
    "chunked",
    "Fri, 99 Foo 9999 99:99:99 GMT",
)
_NAMES = (
    "Content-Length",
    "Content-Range",
    "Location",
    "Retry-After",
    "ETag",
    "Last-Modified",
    "Transfer-Encoding",
    "Content-Encoding",
    "X",
)


def lies(count: int, seed: int) -> Group:
    """So many answers. Right is: the file itself, or a sentence; nothing else is ever taken for the file."""
    group, dice = Group("servers that lie"), random.Random(f"{seed} servers")
    server = socket.create_server(("127.0.0.1", 0))
    answers: list[bytes] = [b""]
    asked = [0]
    threading.Thread(target=_serve, args=(server, answers, asked), daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        for number in range(count):
            answers[0], asked[0] = _answer(dice), 0
            partial = Path(name) / str(number)
            url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
            wrong = None
            try:
                download(Source(url, len(_BODY), checked=True), partial, patience=_HASTY)
                if partial.stat().st_size != len(_BODY):
                    wrong = "another size was taken for the file"
            except Exception as error:
                if exit_status(error) is None:
                    wrong = f"{type(error).__name__}: {str(error)[:100]}"
            if asked[0]:
                group.note(wrong)
            else:
                group.miss()
    server.close()
    return group


def _answer(dice: random.Random) -> bytes:
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(300))
    lines = [f"HTTP/1.{dice.choice('1109')} {dice.choice(_STATUS)}"]
    lines += [f"{dice.choice(_NAMES)}: {dice.choice(_VALUES)}" for _ in range(dice.randrange(4))]
    head = dice.choice(("\r\n", "\r\n", "\n")).join([*lines, "", ""]).encode("latin-1")
    return head + dice.choice((b"", _BODY, _BODY[:100], _BODY * 2, b"zz\r\n"))


def _serve(server: socket.socket, answers: list[bytes], asked: list[int]) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:
            return
        with line:
            try:
                line.settimeout(60)
                line.recv(1 << 16)
                asked[0] += 1
                line.sendall(answers[0])
            except OSError:
                continue
