"""What a device keeps of what it is sent, on a disk that is full, and from a connection that breaks."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.remote.far_end.store import FULL, FileStore
from harness.remote.far_end.wire import Refused, Wire


class Sent(Wire):
    """A wire that has these bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def pieces(self, size: int) -> Iterator[bytes]:
        while size:
            if not self.data:
                raise EOFError
            piece, self.data = self.data[: min(size, 7000)], self.data[min(size, 7000) :]
            size -= len(piece)
            yield piece


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def full_at_200_kb() -> Iterator[None]:
    """No file grows beyond: what a full disk does to a write, on any machine, with no disk of its own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_at_200_kb")
def test_a_disk_that_fills_in_the_middle_keeps_no_part_of_a_file_and_the_requests_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path / "ours")
    store.make()
    large, small = bytes(300_000), b"fits"
    wire = Sent(large + small + b"the next request")
    with pytest.raises(OSError, match="File too large") as full:
        store.take([(_sha256(large), len(large)), (_sha256(small), len(small))], wire)
    assert full.value.errno in FULL
    assert wire.data == b"the next request"
    assert [file.name for file in (store.folder / "blobs").iterdir()] == [_sha256(small)]
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=200_000))
    with pytest.raises(Refused, match="MB are free") as refused:
        store.missing([(_sha256(large), len(large))])
    assert refused.value.kind == "full"
    # What is there already needs no room.
    assert store.missing([(_sha256(small), len(small))]) == []


def test_a_file_that_lost_its_contents_with_the_power_is_sent_again_and_laid_out_anew(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.make()
    this, tree = _sha256(b"this"), tmp_path / "trees" / "id"
    store.take([(this, 4)], Sent(b"this"))
    store.tree("id", [("a", this, 4), ("named", "", 0)])
    (tree / "a").write_bytes(b"")
    assert store.missing([(this, 4)]) == [this]
    store.take([(this, 4)], Sent(b"this"))
    store.tree("id", [("a", this, 4), ("named", "", 0)])
    assert [(tree / name).read_bytes() for name in ("a", "named")] == [b"this", b""]


def test_a_file_that_did_not_arrive_as_it_was_sent_is_not_kept(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.make()
    with pytest.raises(Refused, match="did not arrive"):
        store.take([(_sha256(b"this"), 4)], Sent(b"that"))
    with pytest.raises(EOFError):
        store.take([(_sha256(b"this"), 4)], Sent(b"th"))
    assert store.missing([(_sha256(b"this"), 4)]) == [_sha256(b"this")]
    assert not any((tmp_path / "blobs").iterdir())


def test_a_tree_has_its_files_under_their_own_names_and_is_the_same_the_second_time(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.make()
    store.take([(_sha256(b"this"), 4)], Sent(b"this"))
    for _ in range(2):
        store.tree("id", [("a b/it's; $(x)\n.txt", _sha256(b"this"), 4), ("copy", _sha256(b"this"), 4)])
    tree = tmp_path / "trees" / "id"
    assert (tree / "a b" / "it's; $(x)\n.txt").read_bytes() == b"this"
    assert (tree / "copy").stat().st_nlink == 3
    assert store.clean() == 4


def test_a_folder_of_somebodys_is_neither_used_nor_cleaned(tmp_path: Path) -> None:
    for name in ("cache", "jobs", "blobs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("mine")
    (tmp_path / "letters").mkdir()
    for ask in (FileStore(tmp_path).make, FileStore(tmp_path).clean, lambda: FileStore(tmp_path).missing([])):
        with pytest.raises(Refused, match=r"has other files \(letters\)") as refused:
            ask()
        assert refused.value.kind == "foreign"
    assert (tmp_path / "cache" / "mine").read_text() == "mine"


def test_what_was_put_beside_ours_since_and_a_link_to_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    store = FileStore(tmp_path / "link")
    store.make()
    (tmp_path / "disk" / "notes.txt").write_text("mine")
    store.clean()
    assert [each.name for each in (tmp_path / "disk").iterdir()] == ["notes.txt"]
    assert (tmp_path / "link").is_symlink()
