from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from tasks.base import Array, DataMissing
from tasks.pictures.pixels import decoding
from tasks.pictures.pixels.decoding import decode

RAMP = np.arange(20 * 30 * 3, dtype=np.uint32).astype(np.uint8).reshape(20, 30, 3)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def npy(array: Array, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def smooth(height: int, width: int) -> Array:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 255 / height, columns * 255 / width, (rows + columns) / 2], -1).astype(np.uint8)


def png(width: int, height: int, depth: int, colour: int, pixels: bytes = b"") -> bytes:
    """A PNG made by hand, to claim what no encoder would."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


# --- decoding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_a_lossless_rgb_picture_comes_back_as_it_was(kind: str) -> None:
    assert np.array_equal(decode(encode(Image.fromarray(RAMP), kind), "a"), RAMP)


def test_a_jpeg_decodes_as_libjpeg_turbo_does_elsewhere() -> None:
    import cv2

    data = encode(Image.fromarray(smooth(101, 203)), "JPEG", quality=80)
    other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(decode(data, "a").astype(int) - other).max() <= 1


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA"])
def test_gray_palette_and_alpha_pngs_become_rgb(mode: str) -> None:
    image = Image.fromarray(RAMP).convert(mode)
    assert np.array_equal(decode(encode(image, "PNG"), "a"), np.asarray(image.convert("RGB")))


def test_a_transparent_pixel_keeps_the_colour_beneath() -> None:
    rgba = np.dstack([RAMP, np.zeros(RAMP.shape[:2], np.uint8)])
    assert np.array_equal(decode(encode(Image.fromarray(rgba), "PNG"), "a"), RAMP)


def test_a_gray_jpeg_has_three_equal_channels() -> None:
    decoded = decode(encode(Image.fromarray(RAMP).convert("L"), "JPEG"), "a")
    assert decoded.shape == (20, 30, 3)
    assert np.ptp(decoded, axis=2).max() == 0


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB", "RGBA"])
def test_bmps_of_every_kind_become_rgb(mode: str) -> None:
    image = Image.fromarray(RAMP).convert(mode)
    assert np.array_equal(decode(encode(image, "BMP"), "a"), np.asarray(image.convert("RGB")))


def test_a_palette_with_transparent_entries_decodes_without_a_warning() -> None:
    image = Image.fromarray(RAMP).convert("P")
    data = encode(image, "PNG", transparency=bytes(range(256)))
    assert np.array_equal(decode(data, "a"), np.asarray(image.convert("RGB")))


def test_the_exif_rotation_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encode(Image.fromarray(RAMP), "JPEG", exif=exif), "a").shape == (20, 30, 3)


def test_a_corrupt_exif_block_disturbs_neither_the_picture_nor_the_terminal() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + b"\x1a\x01\x05\0\x01\0\0\0\xff\xff\xff\x0f" * 5
    plain = encode(Image.fromarray(RAMP), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    app0_end = 4 + struct.unpack_from(">H", plain, 4)[0]
    without_density = plain[:2] + segment + plain[app0_end:]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert np.array_equal(decode(without_density, "a"), decode(plain, "a"))
    assert caught == []
    with pytest.warns(UserWarning, match=r"File|EXIF|[Tt]ag"):  # Pillow itself does warn of this block
        Image.open(io.BytesIO(without_density)).load()


def cmyk_jpeg(inks: tuple[int, int, int, int], transform: int | None = 0) -> bytes:
    """A JPEG of one colour, its four numbers as they stand in the file, with Adobe's marker or without."""
    data = encode(Image.new("CMYK", (16, 16), tuple(255 - ink for ink in inks)), "JPEG", quality=100)
    start = data.index(b"\xff\xee")
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    marker = data[start : end - 1] + bytes([transform]) if transform is not None else b""
    return data[:start] + marker + data[end:]


INKS = [(200, 100, 50, 220), (255, 0, 128, 255), (3, 250, 77, 13), (255, 255, 255, 255)]


@pytest.mark.parametrize("inks", INKS)
def test_a_cmyk_jpeg_becomes_rgb_as_tensorflows_decoder_makes_it(inks: tuple[int, int, int, int]) -> None:
    *colours, black = inks
    adobe = decode(cmyk_jpeg(inks), "a")
    plain = decode(cmyk_jpeg(inks, None), "a")
    assert adobe.shape == (16, 16, 3)
    assert adobe[0, 0].tolist() == [black * ink // 255 for ink in colours]
    assert plain[0, 0].tolist() == [(255 - black) * (255 - ink) // 255 for ink in colours]


def test_a_ycck_jpeg_is_cmyk_once_libjpeg_has_turned_it() -> None:
    luma, blue, red, black = 120, 90, 160, 230
    decoded = decode(cmyk_jpeg((luma, blue, red, black), 2), "a")
    turned = (
        luma + 1.402 * (red - 128),
        luma - 0.344136 * (blue - 128) - 0.714136 * (red - 128),
        luma + 1.772 * (blue - 128),
    )
    expected = [black * (255 - part) / 255 for part in turned]
    assert decoded[0, 0].tolist() == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_of_a_png_of_16_bits_a_channel_the_higher_8_are_taken(colour: int) -> None:
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    samples = np.random.default_rng(colour).integers(0, 1 << 16, (3, 2, channels)).astype(">u2")
    decoded = decode(png(2, 3, 16, colour, b"".join(b"\0" + row.tobytes() for row in samples)), "deep.png")
    colours = samples[..., :3] if channels >= 3 else samples[..., :1].repeat(3, axis=2)
    assert np.array_equal(decoded, colours >> 8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
def test_a_truncated_picture_is_named(kind: str, share: float) -> None:
    data = encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)), kind)
    with pytest.raises(DataMissing, match=r"half\.pic is not a") as caught:
        decode(data[: int(len(data) * share)], "half.pic")
    assert str(caught.value).split(":", 1)[1].strip()
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_a_png_whose_stream_of_pixels_ends_too_soon_is_refused_and_not_filled_with_black(
    colour: int, channels: int
) -> None:
    row = b"\0" + bytes([200]) * 30 * channels
    assert decode(png(30, 21, 8, colour, row * 21), "whole.png").min() == 200
    for kept in (7, 20):
        with pytest.raises(DataMissing, match=r"short\.png is not a PNG that can be decoded: it ends too soon"):
            decode(png(30, 21, 8, colour, row * kept), "short.png")


def test_an_interlaced_png_that_lacks_its_last_passes_is_refused() -> None:
    pixels = b"".join(
        b"\0" + bytes([200]) * 3 * columns for columns in (2, 2, 4)
    )  # of 16x8 pixels the first three passes
    short = bytearray(png(16, 8, 8, 2, pixels))
    short[28] = 1
    short[29:33] = struct.pack(">I", zlib.crc32(short[12:29]))
    with pytest.raises(DataMissing, match="it ends too soon: 16x8 pixels are 399 bytes, but it holds 27"):
        decode(bytes(short), "short.png")


def test_a_png_that_is_cut_behind_its_last_pixel_is_refused_as_libpng_does() -> None:
    whole = encode(Image.fromarray(RAMP), "PNG")
    with pytest.raises(DataMissing, match=r"a\.png is not a PNG that can be decoded: it is cut short at"):
        decode(whole[:-17], "a.png")


def test_a_picture_that_claims_a_billion_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(DataMissing, match=r"bomb\.png claims 40000x40000 pixels"):
        decode(png(40000, 40000, 8, 2), "bomb.png")


def test_a_large_picture_below_the_limit_raises_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode(encode(Image.fromarray(RAMP), "PNG"), "a").shape == RAMP.shape
    monkeypatch.setattr(decoding, "_MAX_PIXELS", 100)
    with pytest.raises(DataMissing, match="more than the 100 that are decoded"):
        decode(encode(Image.fromarray(RAMP), "PNG"), "a")


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(50), b"<html>not found</html>", bytes(100)])
def test_what_is_no_picture_is_refused_with_its_first_bytes(data: bytes) -> None:
    with pytest.raises(
        DataMissing, match=r"a\.jpg is not a JPEG, PNG, BMP or \.npy picture: (it starts with|the file)"
    ):
        decode(data, "a.jpg")


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "BMP", "npy"]),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6),
    head=st.booleans(),
)
def test_a_damaged_picture_decodes_to_rgb_or_is_named(kind: str, flips: list[tuple[float, int]], head: bool) -> None:
    data = bytearray(npy(RAMP) if kind == "npy" else encode(Image.fromarray(RAMP), kind))
    reach = min(len(data), 80) if head else len(data)
    for place, change in flips:
        data[int(place * reach)] ^= change
    try:
        decoded = decode(bytes(data), "hurt.pic")
    except DataMissing as error:
        assert str(error).startswith("hurt.pic")  # noqa: PT017 - either outcome is right
    else:
        assert decoded.dtype == np.uint8
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3


def test_a_npy_picture_comes_back_as_it_was() -> None:
    assert np.array_equal(decode(npy(RAMP), "a.npy"), RAMP)


@pytest.mark.parametrize(
    "array",
    [
        RAMP.astype(np.float32),
        RAMP[..., 0],
        RAMP[..., :2],
        np.asfortranarray(RAMP),
        np.array([{"a": 1}], dtype=object),
    ],
)
def test_a_npy_file_of_anything_else_is_refused_with_its_header(array: Array) -> None:
    with pytest.raises(DataMissing, match=r"a\.npy is not a picture: its header is .*'shape'.*, not that of uint8"):
        decode(npy(array, allow_pickle=array.dtype == object), "a.npy")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (npy(RAMP)[:-10], r"a\.npy has 1790 bytes of pixels, but \[20, 30, 3\] are 1800"),
        (npy(RAMP) + b"x", r"has 1801 bytes of pixels"),
        (npy(RAMP[:0]), r"has 0 bytes of pixels, but \[0, 30, 3\]"),
        (npy(RAMP)[:7], r"its header is ''"),
        (npy(RAMP)[:40], r"its header is "),
    ],
)
def test_a_npy_file_that_is_cut_or_empty_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(DataMissing, match=complaint):
        decode(data, "a.npy")


def test_a_npy_file_with_a_long_header_is_read() -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, RAMP, version=(2, 0))
    assert np.array_equal(decode(file.getvalue(), "a.npy"), RAMP)
