"""The journal of a series: whatever ends the command, every step before it can be read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.series.journal import JOURNAL_FILE, Journal, Line, read_journal


def test_every_step_is_read_again_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert read_journal(tmp_path) == []
    journal.write("planned", "1-performance-cpu", "ab" * 32)
    journal.write("began", "1-performance-cpu", "ab" * 32)
    journal.write("ended", "1-performance-cpu", "ab" * 32, "valid")
    assert read_journal(tmp_path) == [
        Line("planned", "1-performance-cpu", "ab" * 32),
        Line("began", "1-performance-cpu", "ab" * 32),
        Line("ended", "1-performance-cpu", "ab" * 32, "valid"),
    ]


@settings(deadline=None)
@given(st.integers(1, 200))
def test_a_line_that_was_cut_in_the_middle_is_no_line(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("series")
    journal = Journal(folder)
    journal.write("began", "1-performance-cpu", "ab" * 32)
    whole = (folder / JOURNAL_FILE).read_bytes()
    journal.write("ended", "1-performance-cpu", "ab" * 32, "valid")
    both = (folder / JOURNAL_FILE).read_bytes()
    (folder / JOURNAL_FILE).write_bytes(both[: max(len(both) - cut, len(whole))])
    assert read_journal(folder) == [Line("began", "1-performance-cpu", "ab" * 32)]


def test_a_series_that_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    Journal(tmp_path).write("planned", "1-performance-cpu", "ab" * 32)
    with pytest.raises(ConfigError, match="File exists"):
        Journal(tmp_path)
    assert len(read_journal(tmp_path)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"what": "began"}',
        '{"what": "began", "run": 1, "identity": "a"}',
        '{"what": "began", "run": "1", "identity": "a", "speed": "2"}',
        '{"what": "slept", "run": "1", "identity": "a"}',
        "began",
        '{"what"',
    ],
)
def test_a_line_of_something_else_is_named_by_its_number(tmp_path: Path, text: str) -> None:
    Journal(tmp_path).write("planned", "1-performance-cpu", "ab" * 32)
    with (tmp_path / JOURNAL_FILE).open("a") as file:
        file.write(text + "\n")
    with pytest.raises(ConfigError, match=r"line 2 of .*journal\.jsonl is not a journal's.*another --out"):
        read_journal(tmp_path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\n"])
def test_no_journal_or_one_that_is_no_text_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / JOURNAL_FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=JOURNAL_FILE):
        read_journal(tmp_path)
