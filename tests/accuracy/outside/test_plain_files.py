"""What is no plain file is told apart before anything waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from accuracy.outside.plain_files import NotPlain, open_plain, read_plain

# A reader that waits must not take the whole suite with it.
_LONG_ENOUGH_S = 60


def test_a_file_and_a_link_to_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"some bytes")
    (tmp_path / "link").symlink_to("file")
    assert read_plain(tmp_path / "file") == read_plain(tmp_path / "link") == b"some bytes"


def test_a_pipe_a_folder_and_a_device_are_refused_with_what_they_are(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    for name, said in (
        ("pipe", "a pipe, not a file"),
        ("device", "a device, not a file"),
        ("folder", "Is a directory"),
    ):
        with pytest.raises(NotPlain, match=said):
            open_plain(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "absent")


def test_what_the_shell_hands_over_is_read_to_its_end() -> None:
    words = "import sys; from pathlib import Path; from accuracy.outside.plain_files import read_plain; "
    words += "print(read_plain(Path(sys.argv[1])))"
    script = f"{sys.executable} -c '{words}' <(sleep 0.1; echo late)"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=_LONG_ENOUGH_S)
    assert done.stdout == "b'late\\n'\n"
