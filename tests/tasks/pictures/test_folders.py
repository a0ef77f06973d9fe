from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.base import DataMissing
from tasks.pictures.folders import Pictures

Make = Callable[[Mapping[str, bytes]], Path]


def folder_of(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def archive_of(path: Path, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(params=["folder", "archive"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Lays out files as a folder and as an archive: both must be found alike."""

    def lay_out(files: Mapping[str, bytes]) -> Path:
        if request.param == "folder":
            return folder_of(tmp_path / "set", files)
        return archive_of(tmp_path / "set.zip", files)

    return lay_out


def test_pictures_come_sorted_by_name_and_nothing_else_comes(make: Make) -> None:
    files = {"b.JPEG": b"2", "a.png": b"1", "d.rgb8": b"4", "c.Npy": b"3", "labels.csv": b"", ".hidden.jpg": b""}
    pictures = Pictures.open(make(files))
    assert pictures.names == ("a.png", "b.JPEG", "c.Npy", "d.rgb8")
    assert [pictures.read(index) for index in range(len(pictures))] == [b"1", b"2", b"3", b"4"]
    assert [pictures.stem(index) for index in range(len(pictures))] == ["a", "b", "c", "d"]


def test_the_only_sub_folder_with_pictures_is_the_set(make: Make) -> None:
    files = {"val2017/b.jpg": b"2", "val2017/a.jpg": b"1", "annotations/a.png": b"mask", "notes/readme.txt": b""}
    pictures = Pictures.open(make(files))
    assert pictures.names == ("a.jpg", "b.jpg")
    assert pictures.read(1) == b"2"


def test_two_sub_folders_with_pictures_are_named(make: Make) -> None:
    with pytest.raises(DataMissing, match=r"more than one folder of pictures: .*train2017.*val2017"):
        Pictures.open(make({"val2017/a.jpg": b"", "train2017/a.jpg": b""}))


def test_pictures_beside_a_sub_folder_are_the_set(make: Make) -> None:
    assert Pictures.open(make({"a.jpg": b"", "old/b.jpg": b""})).names == ("a.jpg",)


def test_a_mac_archivers_resource_forks_are_no_pictures(tmp_path: Path) -> None:
    files = {"__MACOSX/._a.png": b"x", "__MACOSX/images/._a.png": b"x", "images/a.png": b"1", "images/._a.png": b"x"}
    assert Pictures.open(archive_of(tmp_path / "set.zip", files)).names == ("a.png",)


def test_the_annotations_archive_of_the_benchmark_has_thirty_pictures(zoo: Path) -> None:
    path = zoo / "datasets/mlperf_mobile/v3_1_datasets_ade20k_tiny_annotations.zip"
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) > 30
    assert len(Pictures.open(path)) == 30


def test_an_empty_set_is_refused(make: Make) -> None:
    with pytest.raises(DataMissing, match=r"holds no pictures \(looked for \.bmp"):
        Pictures.open(make({"readme.txt": b""}))


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"no pictures at .*absent"):
        Pictures.open(tmp_path / "absent")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\xff" * 18])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(DataMissing, match=r"neither a folder nor a zip archive that can be read|holds no pictures"):
        Pictures.open(tmp_path / "set.zip")


def test_a_count_takes_the_first_by_name(make: Make) -> None:
    pictures = Pictures.open(make({"c.jpg": b"", "a.jpg": b"", "b.jpg": b""}), count=2)
    assert pictures.names == ("a.jpg", "b.jpg")
    assert pictures.all_names == ("a.jpg", "b.jpg", "c.jpg")


@pytest.mark.parametrize("count", [0, -1, 4])
def test_a_count_that_the_set_cannot_give_is_refused_with_both_numbers(tmp_path: Path, count: int) -> None:
    path = folder_of(tmp_path, {"c.jpg": b"", "a.jpg": b"", "b.jpg": b""})
    with pytest.raises(DataMissing, match=f"{count} pictures are wanted, but .* has 3"):
        Pictures.open(path, count=count)


def test_an_explicit_order_is_kept_and_may_leave_pictures_out(make: Make) -> None:
    pictures = Pictures.open(make({"c.jpg": b"3", "a.jpg": b"1", "b.jpg": b"2"})).select(["c.jpg", "a.jpg"])
    assert pictures.names == ("c.jpg", "a.jpg")
    assert pictures.read(0) == b"3"
    assert pictures.select(["c.jpg", "a.jpg"], 1).names == ("c.jpg",)


def test_pictures_that_an_order_names_and_the_set_lacks_are_counted_and_the_first_named(tmp_path: Path) -> None:
    order = ["a.jpg", *(f"x{number}.jpg" for number in range(7))]
    with pytest.raises(DataMissing, match=r"7 pictures .* not there: x0\.jpg, x1\.jpg, .* x4\.jpg, \.\.\.$"):
        Pictures.open(folder_of(tmp_path, {"a.jpg": b""})).select(order)


def test_a_picture_twice_in_an_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"more than once: a\.jpg"):
        Pictures.open(folder_of(tmp_path, {"a.jpg": b""})).select(["a.jpg", "a.jpg"])


def test_other_suffixes_can_be_asked_for(make: Make) -> None:
    assert Pictures.open(make({"a.bin": b"", "a.jpg": b""}), suffixes=(".bin",)).names == ("a.bin",)


def test_a_picture_that_vanished_is_named(tmp_path: Path) -> None:
    pictures = Pictures.open(folder_of(tmp_path, {"a.jpg": b""}))
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(DataMissing, match=r"a\.jpg in .* cannot be read: No such file"):
        pictures.read(0)
    with pytest.raises(DataMissing, match=r"a\.jpg in .* is gone"):
        pictures.fingerprint()


def test_a_picture_whose_checksum_in_the_archive_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jpg", b"content of the picture")
    path.write_bytes(path.read_bytes().replace(b"content", b"CONTENT", 1))
    with pytest.raises(DataMissing, match=r"a\.jpg in .* cannot be read: Bad CRC"):
        Pictures.open(path).read(0)


def test_an_encrypted_picture_is_refused(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "set.zip", {"a.jpg": b"x"})
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataMissing, match=r"a\.jpg in .* it is encrypted"):
        Pictures.open(path).read(0)


def test_a_picture_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "set.zip", {"a.jpg": b"x"})
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 24 : central + 28] = struct.pack("<I", 2**31)
    path.write_bytes(bytes(content))
    with pytest.raises(DataMissing, match="unpacks to 2147483648 bytes"):
        Pictures.open(path).read(0)


def test_an_archive_can_be_read_from_several_threads(tmp_path: Path) -> None:
    contents = {f"{number:03}.jpg": os.urandom(2000) + bytes([number % 256]) for number in range(200)}
    pictures = Pictures.open(archive_of(tmp_path / "set.zip", contents))
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(pictures.read, list(range(200)) * 5))
    assert read == list(contents.values()) * 5


def test_the_fingerprint_changes_with_names_sizes_and_times(tmp_path: Path) -> None:
    path = folder_of(tmp_path, {"a.jpg": b"1", "b.jpg": b"2"})
    os.utime(path / "a.jpg", ns=(1, 1))
    before = Pictures.open(path).fingerprint()
    assert Pictures.open(path).fingerprint() == before
    assert Pictures.open(path, count=1).fingerprint() != before
    os.utime(path / "a.jpg", ns=(2, 2))
    touched = Pictures.open(path).fingerprint()
    assert touched != before
    (path / "b.jpg").rename(path / "c.jpg")
    assert Pictures.open(path).fingerprint() not in (before, touched)


def test_the_fingerprint_changes_with_a_picture_of_the_same_size_and_time(tmp_path: Path) -> None:
    path = folder_of(tmp_path, {"a.jpg": b"1"})
    os.utime(path / "a.jpg", ns=(1, 1))
    before, changed = Pictures.open(path).fingerprint(), (path / "a.jpg").stat().st_ctime_ns
    while (path / "a.jpg").stat().st_ctime_ns == changed:  # the clock of some file systems ticks every 10 ms
        (path / "a.jpg").write_bytes(b"2")
        os.utime(path / "a.jpg", ns=(1, 1))
    written = Pictures.open(path).fingerprint()
    assert written != before
    (path / "other").write_bytes(b"3")
    os.utime(path / "other", ns=(1, 1))
    (path / "other").replace(path / "a.jpg")
    assert Pictures.open(path).fingerprint() not in (before, written)


def test_the_fingerprint_of_an_archive_changes_with_the_content_of_a_picture(tmp_path: Path) -> None:
    one = Pictures.open(archive_of(tmp_path / "1.zip", {"a.jpg": b"1"})).fingerprint()
    same = Pictures.open(archive_of(tmp_path / "2.zip", {"a.jpg": b"1"})).fingerprint()
    other = Pictures.open(archive_of(tmp_path / "3.zip", {"a.jpg": b"2"})).fingerprint()
    assert one == same != other
