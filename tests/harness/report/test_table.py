"""Tables on terminals of several widths."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.table import Column, table_lines
from harness.report.terminal.folded import folded

COLUMNS = (Column("model"), Column("p50", "right"), Column("energy an inference", "right"), Column("verdict"))
ROWS = (
    ("mobilenet_edgetpu_224_1.0_uint8", "8.26 ms", "1.2 mJ", "1.02 of the first, not told apart"),
    ("mobilebert_float32", "48.00 ms", "", "5.9 of the first"),
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    columns = int(request.param)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    return columns


def words(lines: list[str]) -> list[str]:
    return sorted(" ".join(lines).split())


@pytest.mark.parametrize("terminal", [60, 80, 200], indirect=True)
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(terminal: int) -> None:
    lines = table_lines(ROWS, COLUMNS, width=118)
    assert max(map(len, lines)) <= terminal
    assert set(words([" ".join(cell for row in ROWS for cell in row)])) <= set(words(lines))


@pytest.mark.parametrize("terminal", [60], indirect=True)
def test_columns_that_do_not_fit_stand_below_each_other_without_the_empty_ones(terminal: int) -> None:
    assert table_lines(ROWS[1:], COLUMNS, width=118) == [
        "mobilebert_float32",
        "  p50      48.00 ms",
        "  verdict  5.9 of the first",
    ]


def test_what_is_no_terminal_gets_the_whole_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, table_lines(ROWS, COLUMNS, width=118))) > 80


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.text("ab \n-", max_size=200), st.integers(20, 60))
def test_folding_keeps_every_word_and_every_line_that_fits(text: str, columns: int) -> None:
    found = folded(text, columns)
    assert found.split() == text.split()
    if all(len(line) <= columns for line in text.split("\n")):
        assert found == text


def test_a_line_that_is_too_long_goes_on_further_in_and_a_long_word_stays_whole() -> None:
    path = "a" * 50
    assert folded(f"  because: the first of these words\n  {path}", 24).splitlines() == [
        "  because: the first of",
        "    these words",
        f"  {path}",
    ]


def test_what_goes_on_stands_under_the_figure() -> None:
    assert folded("data     one, two, three", 18).splitlines() == ["data     one, two,", "         three"]
