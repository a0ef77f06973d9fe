from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from accuracy.outside.png_files import cut_short, ends_too_soon


def encoded(mode: str, width: int = 13, height: int = 9) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_nothing_is_missing_of_a_whole_png_whatever_its_pixels(mode: str) -> None:
    data = encoded(mode)
    assert ends_too_soon(data) is None
    assert ends_too_soon(data + b"what follows it") is None
    assert ends_too_soon(data[:-12]) is None  # all but the end's own mark


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9), (9, 1), (4, 4), (5, 3), (8, 8), (13, 10)])
def test_the_passes_of_an_interlaced_png_are_counted(width: int, height: int) -> None:
    size = sum(
        rows * (1 + columns * 3)
        for left, top, right, down in (
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
        )
        if (columns := len(range(left, width, right))) and (rows := len(range(top, height, down)))
    )  # fmt: skip
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)

    def made(count: int) -> bytes:
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(count))), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + bytes(4) for kind, body in chunks
        )

    assert ends_too_soon(made(size)) is None
    assert f"are {size} bytes, but it holds {size - 1}" in str(ends_too_soon(made(size - 1)))


def test_a_file_that_a_chunk_outlasts_is_cut_short() -> None:
    data = encoded("RGB")
    assert cut_short(data) is None
    for kept in (len(data) - 13, len(data) // 2, 20, 10):
        assert cut_short(data[:kept]) == f"it is cut short at {kept} bytes"


def test_what_is_no_png_or_damaged_otherwise_is_left_to_the_decoder() -> None:
    assert ends_too_soon(b"") is None
    assert ends_too_soon(b"\xff\xd8\xff\xe0 a JPEG") is None
    data = encoded("RGB")
    start = data.index(b"IDAT") + 4
    assert ends_too_soon(data[:start] + bytes(20) + data[start + 20 :]) is None
