"""Tables of text: columns side by side, nothing drawn around them. No line is wider than the terminal, where it is one."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

from accuracy.outside.shown import printable


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its heading."""

    name: str
    align: Literal["left", "right"] = "left"
    wrap: bool = False
    """Whether what is too long goes on below, letter by letter; else it is cut between words, or at the end."""


_LEAST_COLUMNS = 40
"""A terminal that says less has not been asked, or is for nobody."""


def terminal_columns() -> int | None:
    """Of the terminal that standard output is; None where it is none."""
    return max(_LEAST_COLUMNS, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None


def table_lines(rows: Sequence[Sequence[str]], columns: Sequence[Column] = (), *, width: int = 118) -> list[str]:
    """Rows as lines.

    Args:
        rows: Texts, one for each column.
        columns: Empty for a table without headings.
        width: Characters of the widest line. On a terminal that is narrower, columns that do not fit without breaking words
            stand below each other, a block a row.
    """
    room = terminal_columns()
    if room is None or room >= width:
        return _side_by_side(rows, columns, width)
    lines = _side_by_side(rows, columns, room)
    return _blocks(rows, columns, room) if columns and _breaks_words(lines, rows, columns) else lines


_HEADING_AND_CELL = (Column(""), Column("", wrap=True))


def _blocks(rows: Sequence[Sequence[str]], columns: Sequence[Column], width: int) -> list[str]:
    """Each row's first cell, and below it the headings and the others; nothing of those that are empty."""
    lines: list[str] = []
    for first, *others in rows:
        told = [(column.name, cell) for column, cell in zip(columns[1:], others, strict=True) if cell]
        lines += [printable(first), *(f"  {line}" for line in _side_by_side(told, _HEADING_AND_CELL, width - 2))]
    return lines


def _breaks_words(lines: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> bool:
    """Whether a word of a heading or a cell is nowhere whole."""
    there = {word for line in lines for word in line.split()}
    cells = [*(column.name for column in columns), *(cell for row in rows for cell in row)]
    return any(word not in there for cell in cells for word in printable(cell).split())


def _side_by_side(rows: Sequence[Sequence[str]], columns: Sequence[Column], width: int) -> list[str]:
    table = Table(show_header=any(column.name for column in columns), box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.name, justify=column.align, overflow="fold" if column.wrap else "ellipsis")
    for row in rows:
        # Rich would drop some of what steers a terminal in silence, and pass on the rest.
        table.add_row(*map(printable, row))
    screen = io.StringIO()
    Console(file=screen, width=width, highlight=False, force_terminal=False, markup=False).print(table)
    return [line.rstrip() for line in screen.getvalue().splitlines()]
