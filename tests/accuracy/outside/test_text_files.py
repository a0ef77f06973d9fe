from __future__ import annotations

from pathlib import Path

import pytest

from accuracy.outside.text_files import NotText, lines_of, read_text


@pytest.mark.parametrize(
    "content",
    [b"ant\nbee\n", b"\xef\xbb\xbfant\nbee\n", b"ant\r\nbee\r\n", b"ant\rbee\r", b"\xef\xbb\xbfant\r\nbee"],
    ids=["unix", "byte order mark", "windows", "old mac", "notepad"],
)
def test_the_lines_are_the_same_whatever_system_wrote_them(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert lines_of(read_text(tmp_path / "a.txt")) == ["ant", "bee"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ant\nbee".encode("utf-16"), "it is in UTF-16, which Windows calls Unicode: save it as UTF-8"),
        ("ant\nbee".encode("utf-32"), "it is in UTF-32"),
        ("ant\nbee".encode("utf-16-le"), "byte 1 is 0"),
        ("\u00e9toile".encode("cp1252"), "not text in UTF-8: byte 0 is 0xe9"),
    ],
)
def test_another_encoding_is_refused_with_what_it_is(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(NotText, match=says):
        read_text(tmp_path / "a.txt")


def test_a_line_ends_at_no_character_that_names_may_hold() -> None:
    assert lines_of("a\x85b\u2028c\nd\n\n") == ["a\x85b\u2028c", "d", ""]
