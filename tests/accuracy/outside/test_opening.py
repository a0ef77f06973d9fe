"""Who must know that files stayed what they were hears of each that is opened, by its descriptor."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from accuracy.outside.opening import heard_by, open_heard, open_zip_heard, read_heard
from accuracy.outside.text_files import read_text
from accuracy.truth.files import TruthFiles


def test_each_opening_is_heard_of_while_somebody_hears_with_the_file_that_was_opened(tmp_path: Path) -> None:
    text, archive, masks = tmp_path / "a.txt", tmp_path / "a.zip", tmp_path / "masks"
    text.write_bytes(b"one\r\n")
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.png", b"png")
    masks.mkdir()
    (masks / "b.png").write_bytes(b"mask")
    heard: list[tuple[Path, int]] = []
    with heard_by(lambda path, descriptor: heard.append((path, os.fstat(descriptor).st_ino))):
        assert read_heard(text) == b"one\r\n"
        assert read_text(text) == "one\n"
        with open_heard(text) as file:
            assert file.read(3) == b"one"
        with open_zip_heard(archive) as opened:
            assert opened.namelist() == ["a.png"]
        assert TruthFiles.open(archive, (".png",)).read("a") == b"png"
        assert TruthFiles.open(masks, (".png",)).read("b") == b"mask"
    read_text(text)
    expected = [text, text, text, archive, archive, masks / "b.png"]
    assert heard == [(path, path.stat().st_ino) for path in expected]
