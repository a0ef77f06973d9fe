"""How a worker and its peers speak: frames of one form over a socket, packed and read without a copy too many.

A frame is a header (kind, count, size, bytes that follow) and a body. The body of `count` items of one `size` is those items
joined; where they differ in size, `size` is -1 and the body opens with each one's.
"""

from __future__ import annotations

import ctypes
import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct("<IIqQ")
_FIRST_ROOM = 1 << 16
UNEVEN = -1


class Kind(IntEnum):
    """What a frame says."""

    OPEN = 1
    """To a peer: JSON, how to open the model. It answers READY."""
    READY = 2
    SAMPLES = 3
    """To a peer: a file with samples comes along. It answers DONE once it can be asked for them."""
    FORGET = 4
    """To a peer: the samples go. It answers DONE."""
    DONE = 5
    WORK = 6
    """To a peer: indices of samples."""
    ANSWERS = 7
    """From a peer: their answers, in order."""
    FAILED = 8
    """From a peer: JSON, what went wrong. Its last word."""
    STEP = 9
    """From a peer, before READY: a step of its opening is done."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One that has arrived. `start` and `stop` are where its items lie in the inbox, until the next one is asked for."""

    kind: Kind
    count: int
    size: int
    """Of each item; UNEVEN where `sizes` tells."""
    sizes: Sequence[int]
    start: int
    stop: int


def pack_text(kind: Kind, text: str = "") -> bytes:
    """A frame of one text."""
    body = text.encode()
    return _HEADER.pack(kind, 1, len(body), len(body)) + body


def pack_indices(indices: Sequence[int]) -> bytes:
    """Samples to be asked."""
    body = array("I", indices).tobytes()
    return _HEADER.pack(Kind.WORK, len(indices), 4, len(body)) + body


def pack_answers(answers: Sequence[bytes]) -> bytes:
    """Answers in the order in which they were asked for; at least one."""
    count, size = len(answers), len(answers[0])
    body = b"".join(answers)
    # No answer is longer than the first, and together they are as long as if all were: so all are.
    if len(body) == count * size and max(map(len, answers)) == size:
        return _HEADER.pack(Kind.ANSWERS, count, size, len(body)) + body
    sizes = array("Q", map(len, answers)).tobytes()
    return b"".join((_HEADER.pack(Kind.ANSWERS, count, UNEVEN, len(sizes) + len(body)), sizes, body))


def read(data: bytes) -> Frame:
    """The one frame that bytes are, as packed here. Its items lie in them from `start` to `stop`.

    Raises:
        ValueError: They are none: whoever reads its items by their address would read what lies behind them.
    """
    if len(data) < _HEADER.size:
        raise ValueError(f"{len(data)} bytes are no frame")
    kind, count, size, length = _HEADER.unpack_from(data)
    sizes: Sequence[int] = ()
    start = _HEADER.size
    if size == UNEVEN:
        sizes = array("Q", data[start : start + 8 * count][: (len(data) - start) // 8 * 8])
        start += 8 * count
    held = sum(sizes) if size == UNEVEN else count * size
    if length != len(data) - _HEADER.size or (size == UNEVEN and len(sizes) != count) or held != len(data) - start:
        raise ValueError(f"a frame of {count} items that says {length} bytes has {len(data) - _HEADER.size}")
    return Frame(Kind(kind), count, size, sizes, start, len(data))


def items(data: bytes) -> list[bytes]:
    """The items of the one frame that bytes are."""
    frame = read(data)
    found, place = [], frame.start
    for size in frame.sizes or [frame.size] * frame.count:
        found.append(data[place : place + size])
        place += size
    return found


class Inbox:
    """Bytes as they arrive, in a buffer that is used again and again; frames as soon as they are whole."""

    def __init__(self) -> None:
        self._begin = self._end = 0
        self._take(_FIRST_ROOM)

    def _take(self, room: int) -> None:
        self.buffer = bytearray(room)
        self.view = memoryview(self.buffer)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))

    def room(self) -> memoryview:
        """Where to receive next; then say how much came, with `arrived`. What was read before is gone."""
        waiting = self._end - self._begin
        if waiting == 0:
            # Mostly so: then answers of one size lie where those before them lay.
            self._begin = self._end = 0
        needed = _HEADER.size
        if waiting >= needed:
            needed += _HEADER.unpack_from(self.buffer, self._begin)[3]
        if needed > len(self.buffer) - self._begin:
            rest = bytes(self.view[self._begin : self._end])
            if needed > len(self.buffer):
                self._take(2 * needed)
            self.view[:waiting] = rest
            self._begin, self._end = 0, waiting
        return self.view[self._end :]

    def arrived(self, count: int) -> None:
        """So many bytes were received into `room`."""
        self._end += count

    def next(self) -> Frame | None:
        """The next frame that is whole; None if more must be received first."""
        start = self._begin + _HEADER.size
        if self._end < start:
            return None
        kind, count, size, length = _HEADER.unpack_from(self.buffer, self._begin)
        if self._end < start + length:
            return None
        self._begin = stop = start + length
        sizes: Sequence[int] = ()
        if size == UNEVEN:
            sizes = array("Q", bytes(self.view[start : start + 8 * count]))
            start += 8 * count
        return Frame(Kind(kind), count, size, sizes, start, stop)

    def indices(self, frame: Frame) -> memoryview:
        """A WORK frame's."""
        return self.view[frame.start : frame.stop].cast("I")

    def text(self, frame: Frame) -> str:
        """The one text of a frame."""
        return str(self.view[frame.start : frame.stop], "utf-8")

    def items(self, frame: Frame) -> Iterable[bytes]:
        """The items, copied."""
        place = frame.start
        for size in frame.sizes or [frame.size] * frame.count:
            yield bytes(self.view[place : place + size])
            place += size
