"""Text for a terminal whose lines are shorter than the text's."""

from __future__ import annotations

import re
import textwrap

_HANGING = 2
_LABEL = re.compile(r" *\S+(?: \S+){0,2} {2,}")
"""What stands before a figure: up to three words, and the blanks behind them."""
_LONGEST_LABEL = 24


def folded(text: str, columns: int) -> str:
    """Lines that are too long go on below, and break between words; a word that is longer stays whole.

    What goes on stands under the figure where a label is before it, else a little further in.
    """
    return "\n".join(line if len(line) <= columns else _fold(line, columns) for line in text.split("\n"))


def _fold(line: str, columns: int) -> str:
    label = _LABEL.match(line)
    if label is not None and label.end() <= min(_LONGEST_LABEL, columns // 2):
        first, rest = label.group(), line[label.end() :]
        below = " " * label.end()
    else:
        rest = line.lstrip()
        first = " " * (len(line) - len(rest))
        below = first + " " * _HANGING
    return textwrap.fill(
        rest,
        columns,
        initial_indent=first,
        subsequent_indent=below,
        break_long_words=False,
        break_on_hyphens=False,
    )
