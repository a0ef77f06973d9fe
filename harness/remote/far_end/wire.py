"""Requests in, answers out. Read by `os.read` alone, so that `select` tells the truth."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Iterator

CHUNK = 1 << 20
LONGEST_LINE = 64 << 20
"""Bytes. The longest that is ever said names some 100,000 files."""


class Refused(Exception):  # noqa: N818 - it is an answer
    """What is asked for cannot be done: told to whoever asked, with a word for what kind it is."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind
        """`full`, `closed`, `foreign`, `busy`, `unknown`, `broken`, `pip` or `system`."""


class Endless(Exception):  # noqa: N818 - it says what came
    """A line that nobody here says: it has no end."""


class Incoming:
    """What comes out of a pipe, by either end of a connection."""

    def __init__(self, pipe: int) -> None:
        """Reads nothing yet.

        Args:
            pipe: Its descriptor, which is read by nobody else.
        """
        self._pipe, self._rest = pipe, bytearray()

    def line(self) -> bytes:
        """The next line, without its end.

        Raises:
            EOFError: The connection is gone.
            Endless: It is longer than any line of ours.
        """
        seen = 0
        while (end := self._rest.find(b"\n", seen)) < 0:
            seen = len(self._rest)
            if seen > LONGEST_LINE:
                raise Endless
            self._more()
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line

    def pieces(self, size: int) -> Iterator[bytes]:
        """So many bytes, in pieces.

        Raises:
            EOFError: The connection is gone.
        """
        while size > 0:
            if not self._rest:
                self._more()
            piece = bytes(self._rest[:size])
            del self._rest[:size]
            size -= len(piece)
            yield piece

    def waits(self, seconds: float) -> bool:
        """Whether there is something to read within so many seconds."""
        return bool(self._rest) or bool(select.select([self._pipe], [], [], seconds)[0])

    def _more(self) -> None:
        piece = os.read(self._pipe, CHUNK)
        if not piece:
            raise EOFError
        self._rest += piece


class Wire(Incoming):
    """Standard input and output, at the far end."""

    def __init__(self) -> None:
        """Opens nothing: both are there."""
        super().__init__(0)

    def tell(self, **answer: object) -> None:
        """Sends a line."""
        self.send(json.dumps(answer).encode() + b"\n")

    def send(self, data: bytes) -> None:
        """Sends bytes."""
        while data:
            data = data[os.write(1, data) :]
