"""Tables of text: columns side by side, nothing drawn around them."""

from __future__ import annotations

import io
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


def table_lines(rows: Sequence[Sequence[str]], columns: Sequence[Column] = (), *, width: int = 118) -> list[str]:
    """Rows as lines.

    Args:
        rows: Texts, one for each column.
        columns: Empty for a table without headings.
        width: Characters of the widest line.
    """
    table = Table(show_header=bool(columns), box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.name, justify=column.align, overflow="fold" if column.wrap else "ellipsis")
    for row in rows:
        # Rich would drop some of what steers a terminal in silence, and pass on the rest.
        table.add_row(*map(printable, row))
    screen = io.StringIO()
    Console(file=screen, width=width, highlight=False, force_terminal=False, markup=False).print(table)
    return [line.rstrip() for line in screen.getvalue().splitlines()]
