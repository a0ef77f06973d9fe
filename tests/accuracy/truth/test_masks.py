from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from accuracy.errors import TruthError
from accuracy.truth.masks import Masks

LABELS = np.array([[0, 1, 2], [31, 150, 255]], np.uint8)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG written by hand: Pillow writes neither 2-bit grey nor a size that is not there."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_grey_png_holds_class_ids(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    masks = Masks.open(tmp_path)
    np.testing.assert_array_equal(masks.read("a"), LABELS)
    assert masks.size("a") == (2, 3)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_a_palette_png_gives_its_indices_and_not_its_colours(tmp_path: Path, bits: int) -> None:
    labels = (LABELS.astype(int) % (1 << bits)).astype(np.uint8)
    picture = Image.fromarray(labels).convert("L")
    picture.putpalette([255 - i // 3 for i in range(3 << bits)])
    picture.save(tmp_path / "a.png", bits=bits)
    assert (tmp_path / "a.png").read_bytes()[24:26] == bytes([bits, 3])
    np.testing.assert_array_equal(Masks.open(tmp_path).read("a"), labels)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("RGB", "is RGB, but .*ADEChallengeData2016"), ("RGBA", "is RGBA, but"), ("LA", "is grey with alpha, but")],
)
def test_a_png_of_colours_is_refused_with_the_reason(tmp_path: Path, mode: str, reason: str) -> None:
    Image.new(mode, (3, 2)).save(tmp_path / "a.png")
    with pytest.raises(TruthError, match=f"a.png in .* {reason}"):
        Masks.open(tmp_path).read("a")


def test_a_png_of_16_bits_is_refused(tmp_path: Path) -> None:
    Image.fromarray(LABELS.astype(np.uint16) * 256).save(tmp_path / "a.png")
    with pytest.raises(TruthError, match=r"a\.png in .* has 16 bits a pixel"):
        Masks.open(tmp_path).read("a")


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_grey_png_of_few_bits_is_refused_since_its_values_would_be_stretched(tmp_path: Path, bits: int) -> None:
    (tmp_path / "a.png").write_bytes(png(1, 1, bits, 0, b"\x00\x80"))
    with pytest.raises(TruthError, match=f"has {bits} bits a pixel"):
        Masks.open(tmp_path).read("a")


def test_a_truncated_png_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 32, (64, 64)).astype(np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    for kept in (0, 10, 25, len(whole) // 2):
        (tmp_path / "a.png").write_bytes(whole[:kept])
        with pytest.raises(TruthError, match=r"a\.png in"):
            Masks.open(tmp_path).read("a")


def test_a_mask_whose_stream_of_pixels_ends_too_soon_is_refused_and_not_filled_with_background(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(3, 4, 8, 0, b"\0\1\2\3" * 2))
    with pytest.raises(TruthError, match=r"a\.png in .*: it ends too soon: 3x4 pixels are 16 bytes, but it holds 8"):
        Masks.open(tmp_path).read("a")


def test_a_png_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(60000, 60000, 8, 0, b""))
    with pytest.raises(TruthError, match="claims 60000x60000 pixels"):
        Masks.open(tmp_path).read("a")


def test_a_jpeg_named_png_is_refused(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(TruthError, match=r"a\.png in .* is no PNG"):
        Masks.open(tmp_path).read("a")


@pytest.mark.parametrize("kind", ["<i4", "<f4"])
def test_a_raw_map_of_wider_values_is_no_map_of_twice_the_side(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.raw").write_bytes(np.arange(16).astype(kind).tobytes())
    with pytest.raises(
        TruthError, match=r"a\.raw in .* looks like 4x4 class ids of (int32|float32): a \.raw map has one byte"
    ):
        Masks.open(tmp_path).read("a")
    (tmp_path / "a.raw").write_bytes(bytes(64))
    assert Masks.open(tmp_path).read("a").shape == (8, 8)


def test_a_raw_map_is_square(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(range(9)))
    np.testing.assert_array_equal(Masks.open(tmp_path).read("a"), np.arange(9).reshape(3, 3))
    (tmp_path / "a.raw").write_bytes(bytes(10))
    with pytest.raises(TruthError, match="10 bytes, which is no square map"):
        Masks.open(tmp_path).size("a")


def test_an_archive_is_read_in_place_without_what_a_mac_leaves_in_it(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "maps.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "annotations/a.png")
        archive.writestr("__MACOSX/annotations/._a.png", b"resource fork")
        archive.writestr("__MACOSX/annotations/c.png", b"resource fork")
        archive.writestr("annotations/._b.png", b"resource fork")
        archive.writestr("annotations/readme.txt", b"")
    masks = Masks.open(tmp_path / "maps.zip")
    assert masks.stems == ("a",)
    np.testing.assert_array_equal(masks.read("a"), LABELS)


def test_a_damaged_entry_of_an_archive_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "maps.zip", "w") as archive:
        archive.writestr("a.png", b"some bytes that are stored as they are")
    content = (tmp_path / "maps.zip").read_bytes()
    (tmp_path / "maps.zip").write_bytes(content.replace(b"some bytes", b"damage ..."))
    with pytest.raises(TruthError, match=r"a\.png in .*maps\.zip cannot be read: Bad CRC-32"):
        Masks.open(tmp_path / "maps.zip").read("a")


def test_the_archive_of_the_benchmark_holds_thirty_annotations(zoo: Path) -> None:
    masks = Masks.open(zoo / "datasets/mlperf_mobile/v3_1_datasets_ade20k_tiny_annotations.zip")
    assert len(masks.stems) == 30
    assert {masks.size(stem) for stem in masks.stems} == {(512, 512)}


def test_pictures_without_an_annotation_are_named(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    masks = Masks.open(tmp_path)
    masks.require(["a"])
    with pytest.raises(TruthError, match="no file for 2 of the samples: b, c"):
        masks.require(["a", "b", "c"])
    with pytest.raises(TruthError, match="no file for 1 of the samples: b"):
        masks.read("b")


def test_two_annotations_of_one_name_are_refused(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    (tmp_path / "a.raw").write_bytes(bytes(9))
    with pytest.raises(TruthError, match=r"two files for a: a\.png and a\.raw"):
        Masks.open(tmp_path)


def test_a_place_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="no ground truth at"):
        Masks.open(tmp_path / "absent")
    with pytest.raises(TruthError, match=r"holds no ground truth \(looked for .png, .raw files\)"):
        Masks.open(tmp_path)
    (tmp_path / "file.zip").write_bytes(b"no archive")
    with pytest.raises(TruthError, match=r"file\.zip is neither a folder nor a zip archive"):
        Masks.open(tmp_path / "file.zip")


def test_palettes_in_which_a_number_has_two_colours_are_refused_since_the_numbers_are_no_classes(
    tmp_path: Path,
) -> None:
    colours = {"sky": (0, 0, 200), "tree": (0, 200, 0), "road": (90, 90, 90)}
    for stem, things in (("a", ["sky", "tree"]), ("b", ["road", "tree"])):
        indices = np.array([[0, 1], [1, 0]], np.uint8)
        picture = Image.frombytes("P", (2, 2), indices.tobytes())
        picture.putpalette([part for thing in things for part in colours[thing]])
        picture.save(tmp_path / f"{stem}.png")
    masks = Masks.open(tmp_path)
    masks.read("a")
    with pytest.raises(
        TruthError, match=r"b\.png in .* shows 0 in the colour 90,90,90, but a\.png in .* in 0,0,200"
    ) as failed:
        masks.read("b")
    assert "save the maps as 8-bit grey PNGs of class ids" in str(failed.value)


def test_a_palette_that_is_cut_behind_its_last_class_is_the_same_one(tmp_path: Path) -> None:
    for stem, most in (("a", 3), ("b", 2)):
        picture = Image.frombytes("P", (2, 2), bytes([0, 1, most - 1, 0]))
        picture.putpalette([0, 0, 0, 9, 9, 9, 7, 7, 7][: 3 * most])
        picture.save(tmp_path / f"{stem}.png", optimize=True)
    masks = Masks.open(tmp_path)
    assert [masks.read(stem).max() for stem in "ab"] == [2, 1]
