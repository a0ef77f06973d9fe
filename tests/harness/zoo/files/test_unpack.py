"""Archives that try to get out of their folder, or to fill the disk."""

import bz2
import contextlib
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.zoo.files.unpack import ArchiveRefused, Limits, unpack

ESCAPES = ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil", "a/../b"]


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def tarred(path: Path, *members: tuple[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def everything(folder: Path, archive: Path, limits: Limits | None = None) -> list[Path]:
    return unpack(archive, lambda name: folder.joinpath(*name.parts), limits)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:xz"])
def test_plain_files_come_out_as_they_went_in(mode: str, tmp_path: Path) -> None:
    members = ("a/b.txt", b"one"), ("c.bin", bytes(5000))
    path = tmp_path / "archive"
    archive = zipped(path, *members) if mode == "zip" else tarred(path, *members, mode=mode)
    everything(tmp_path / "out", archive)
    assert files(tmp_path / "out") == dict(members)


def test_what_is_not_wanted_stays_inside(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "archive", ("a.txt", b"1"), ("b.bin", b"2"))
    written = unpack(archive, lambda name: tmp_path / "out" / name.name if name.suffix == ".txt" else None)
    assert written == [tmp_path / "out" / "a.txt"]


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", ESCAPES)
def test_a_path_that_leads_out_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    make = zipped if kind == "zip" else tarred
    archive = make(tmp_path / "archive", ("good", b"1"), (name, b"2"))
    with pytest.raises(ArchiveRefused, match="a path that leads out of it"):
        everything(tmp_path / "out", archive)
    assert not (tmp_path / "evil").exists()
    assert not Path("/evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_refused(kind: bytes, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "archive", "w") as file:
        info = tarfile.TarInfo("innocent")
        info.type, info.linkname = kind, "/etc/passwd"
        file.addfile(info)
    with pytest.raises(ArchiveRefused, match="holds a link or a device: 'innocent'"):
        everything(tmp_path / "out", tmp_path / "archive")
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("innocent")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "archive", "w") as file:
        file.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveRefused, match="holds a link or a device"):
        everything(tmp_path / "out", tmp_path / "archive")


def test_a_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "archive", ("a", b"1"), ("a", b"2"))
    with pytest.raises(ArchiveRefused, match="holds two files for a"):
        everything(tmp_path / "out", archive)


def test_limits_of_count_size_and_sum_hold(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "archive", *((str(number), bytes(1000)) for number in range(5)))
    assert len(everything(tmp_path / "fits", archive, Limits(5, 1000, 5000))) == 5
    for number, limits in enumerate([Limits(4, 1000, 5000), Limits(5, 999, 5000), Limits(5, 1000, 4999)]):
        with pytest.raises(ArchiveRefused):
            everything(tmp_path / str(number), archive, limits)


def test_a_zip_bomb_is_stopped_by_its_announced_size(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "archive", ("bomb", bytes(10 << 20)))
    assert archive.stat().st_size < 20_000
    with pytest.raises(ArchiveRefused, match="would unpack to 10,485,760 bytes"):
        everything(tmp_path / "out", archive, Limits(file_bytes=1 << 20))
    assert not (tmp_path / "out").exists()


def test_a_zip_whose_header_lies_about_a_size_is_stopped_by_what_comes(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "archive", ("bomb", bytes(10 << 20)))
    data = bytearray(archive.read_bytes())
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = (100).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(ArchiveRefused):
        everything(tmp_path / "out", archive, Limits(file_bytes=1 << 20))
    assert all(len(content) <= 1 << 20 for content in files(tmp_path / "out").values())


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>", encoding="ascii")
    with pytest.raises(ArchiveRefused, match="neither a zip nor a tar archive"):
        everything(tmp_path / "out", tmp_path / "page")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_cut_tar_is_refused(mode: str, tmp_path: Path) -> None:
    noise = bytes(number * 7919 % 251 for number in range(200_000))
    archive = tarred(tmp_path / "archive", ("a", noise), ("b", noise), mode=mode)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 3])
    with pytest.raises(ArchiveRefused):
        everything(tmp_path / "out", archive)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(flips=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8), kind=st.booleans())
def test_a_corrupt_archive_is_refused_or_read_but_never_leaves_its_folder(
    flips: list[tuple[int, int]], kind: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("corrupt")
    make = zipped if kind else tarred
    archive = make(folder / "archive", ("a/b.txt", b"one" * 99), ("c.bin", bytes(900)))
    data = bytearray(archive.read_bytes())
    for at, value in flips:
        data[at % len(data)] = value
    archive.write_bytes(data)

    def place(name: PurePosixPath) -> Path:
        assert ".." not in name.parts
        return folder.joinpath("out", *(part for part in name.parts if part != "/"))

    with contextlib.suppress(ArchiveRefused, OSError):
        unpack(archive, place, Limits(10, 10_000, 20_000))
    assert {path.name for path in folder.iterdir()} <= {"archive", "out"}


def test_a_header_that_would_fill_the_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        header = tarfile.TarInfo("note")
        header.type, header.size = kind, 1 << 31
        (tmp_path / "archive").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 16))
        with pytest.raises(
            ArchiveRefused, match="a header takes 2,147,483,648 bytes, more than the limit of 1,048,576"
        ):
            everything(tmp_path / "out", tmp_path / "archive")


def test_long_names_that_people_give_still_come_out(tmp_path: Path) -> None:
    name = "/".join(["folder"] * 40) + "/a.txt"
    assert len(everything(tmp_path / "out", tarred(tmp_path / "archive", (name, b"1")))) == 1


def headers(count: int, kind: bytes) -> bytes:
    """An archive of so many empty members."""
    info = tarfile.TarInfo()
    info.type = kind
    made = []
    for number in range(count):
        info.name = f"{number}"
        made.append(info.tobuf(tarfile.GNU_FORMAT))
    return b"".join(made) + bytes(1024)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_a_tar_of_too_many_files_or_folders_is_refused_before_any_is_read(
    pack: Callable[[bytes], bytes], kind: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(pack(headers(21, kind)))
    with monkeypatch.context() as context:
        context.setattr(tarfile, "open", None)
        with pytest.raises(ArchiveRefused, match=r"archive: it holds more files than the limit of 20$"):
            everything(tmp_path / "out", archive, Limits(files=20))
    assert not (tmp_path / "out").exists()
    archive.write_bytes(pack(headers(20, kind)))
    everything(tmp_path / "out", archive, Limits(files=20))


def test_a_tar_that_is_too_large_to_be_looked_through_is_counted_as_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.zoo.files.tar_headers._PACKED_BYTES", 10)
    archive = tmp_path / "archive"
    archive.write_bytes(gzip.compress(headers(21, tarfile.DIRTYPE)))
    with pytest.raises(ArchiveRefused, match=r"more files than the limit of 20$"):
        everything(tmp_path / "out", archive, Limits(files=20))


def test_a_zip_of_too_many_files_is_refused_before_any_is_read(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "archive", *((f"{number}", b"") for number in range(21)))
    with pytest.raises(ArchiveRefused, match=r"archive: it holds 21 files, more than the limit of 20$"):
        everything(tmp_path / "out", archive, Limits(files=20))
    assert not (tmp_path / "out").exists()
