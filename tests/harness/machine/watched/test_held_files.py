"""Whatever is done to a file that is held shows, also where it is as before by the end."""

from __future__ import annotations

import mmap
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.litert.file.opened_file import OpenedFile
from harness.machine.watched.held_files import HeldFiles


def replace(path: Path) -> None:
    beside = path.with_name("beside")
    beside.write_bytes(path.read_bytes())
    beside.replace(path)


def write_under_its_old_time(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"others")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def move_away_and_back(path: Path) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    path.write_bytes(b"others")
    aside.replace(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (replace, "another file lies there"),
        (lambda path: path.write_bytes(b"longer than before"), r"its size is another \(6 bytes then, 18 now\)"),
        (write_under_its_old_time, "it was moved, linked or written"),
        (os.utime, "it was written or touched"),
        (move_away_and_back, "it was moved, linked or written"),
        (Path.unlink, "it is gone"),
    ],
)
def test_a_file_that_was_changed_is_named_with_what_was_done(
    change: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    path, other = tmp_path / "model", tmp_path / "other"
    path.write_bytes(b"before")
    other.write_bytes(b"before")
    held = HeldFiles()
    held.note(path)
    held.note(other)
    assert held.changes() == []
    change(path)
    [said] = held.changes()
    assert said.startswith(f"{path} changed during the run: ")
    assert re.search(says, said), said


def test_what_is_written_through_a_mapping_shows_by_the_contents() -> None:
    # In memory no time tells of it.
    path = Path("/dev/shm") / f"tflite-loadgen-held-{os.getpid()}"
    path.write_bytes(bytes(4096))
    try:
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
            mapped[0] = 1
            held = HeldFiles()
            held.note_hashed(path)
            mapped[0] = 2
            [said] = held.changes()
        assert "its contents are others, under its old size and times" in said
    finally:
        path.unlink()


def test_a_file_that_was_written_while_it_was_read_counts_as_changed_and_an_older_one_does_not(tmp_path: Path) -> None:
    before, during = tmp_path / "before", tmp_path / "during"
    before.write_bytes(b"x")
    held = HeldFiles()
    begun_ns = time.time_ns()
    while not during.exists() or during.stat().st_ctime_ns <= begun_ns:
        # The kernel stamps files by the last tick of its clock.
        during.write_bytes(b"x")
    held.note_read(before)
    held.note_read(during)
    assert held.changes() == [f"{during} changed during the run: it was written after the run had begun"]


def test_a_file_that_is_not_there_must_not_appear(tmp_path: Path) -> None:
    held = HeldFiles()
    assert held.note_hashed(tmp_path / "none") is None
    assert held.changes() == []
    (tmp_path / "none").write_bytes(b"")
    assert len(held.changes()) == 1


def test_a_file_that_is_made_anew_the_same_is_as_good_where_its_contents_alone_count(tmp_path: Path) -> None:
    path = tmp_path / "copy"
    path.write_bytes(b"before")
    held = HeldFiles()
    held.note_bytes(OpenedFile.of(path))
    replace(path)
    assert held.changes() == []
    path.write_bytes(b"others")
    assert held.changes() == [f"{path} changed during the run: its contents are others"]


def test_a_file_that_was_opened_is_noted_as_it_was_then_and_a_second_one_under_its_path_is_a_change(
    tmp_path: Path,
) -> None:
    """As where a folder above it is moved away and put back: at the end there lies what lay there at first."""
    path, other = tmp_path / "truth", tmp_path / "other"
    path.write_bytes(b"before")
    other.write_bytes(b"others")
    held = HeldFiles()
    with path.open("rb") as file, other.open("rb") as for_a_moment:
        held.note_opened(path, file.fileno())
        assert held.digest_of(path) == OpenedFile.of(path).sha256
        assert held.changes() == []
        held.note_opened(path, for_a_moment.fileno())
    said = f"{path} changed during the run: another file lies there, when it was opened once more"
    assert held.changes() == [said]
    late = HeldFiles()
    with other.open("rb") as for_a_moment:
        late.note_opened(path, for_a_moment.fileno())
    assert late.changes() == [f"{path} changed during the run: another file lies there"]
    assert late.digest_of(other) is None
