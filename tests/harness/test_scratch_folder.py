"""Folders that go with what they were made for, and with the next one where their owner was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from harness.scratch_folder import ScratchFolder


def left_by_a_killed_process(purpose: str, place: Path | None) -> Path:
    told, tell = os.pipe()
    if not (pid := os.fork()):
        folder = ScratchFolder(purpose, place)
        (Path(folder.name) / "large.bin").write_bytes(bytes(9))
        os.write(tell, folder.name.encode())
        signal.pause()
    name = os.read(told, 4096).decode()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(told)
    os.close(tell)
    return Path(name)


@pytest.mark.parametrize("hidden", [False, True])
def test_what_a_killed_process_left_goes_with_the_next_of_its_purpose_and_what_lives_stays(
    hidden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = tmp_path if hidden else None
    left, other = left_by_a_killed_process("cut", place), left_by_a_killed_process("cutting", place)
    link = left.with_name(f"{left.name}x")
    link.symlink_to(other)
    assert (left / "large.bin").exists()
    with ScratchFolder("cut", place) as lives, ScratchFolder("cut", place) as second:
        assert not left.exists()
        assert lives != second
        assert Path(lives).is_dir()
        assert Path(lives).name.startswith(".cut." if hidden else "tflite-loadgen-cut.")
    assert {entry.name for entry in tmp_path.iterdir()} == {other.name, link.name}
    assert (other / "large.bin").exists(), "a link is followed by nobody"


def test_one_that_is_taken_away_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_late(path: Path, flags: int) -> int:
        opened.append(str(path))
        found = real(path, flags)
        if len(opened) == 1:
            Path(path).rmdir()
        return found

    real = os.open
    monkeypatch.setattr("harness.scratch_folder.os.open", open_late)
    with ScratchFolder("cut", tmp_path) as name:
        assert name != opened[0]
        assert Path(name).is_dir()
