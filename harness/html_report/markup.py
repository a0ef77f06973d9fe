"""HTML that is escaped by construction: text becomes HTML here and nowhere else."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, those that turn the direction of what follows, and what is no character at all."""
_LONGEST_WORD = 24
_EMPTY = frozenset({"img", "meta", "rect"})


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML already."""

    text: str


Part = str | Html
"""A string is escaped, HTML stands as it is."""


def escaped(text: str) -> str:
    """Text for HTML, also within quotes; what cannot be seen becomes a visible sign."""
    return html.escape(_UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def joined(parts: Sequence[Part]) -> Html:
    """One after the other."""
    return Html("".join(part.text if isinstance(part, Html) else escaped(part) for part in parts))


def element(name: str, /, *parts: Part, **attributes: str | bool) -> Html:
    """An element.

    Args:
        name: Its tag.
        parts: What it holds.
        attributes: `class_` is class, and `aria_label` aria-label; a true one stands alone, a false one is left out.
    """
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(value)}"')
        for key, value in attributes.items()
        if value is not False
    )
    return Html(f"<{name}{said}/>" if name in _EMPTY else f"<{name}{said}>{joined(parts).text}</{name}>")


def table(
    caption: str,
    rows: Sequence[Sequence[Part]],
    head: Sequence[str] = (),
    *,
    numbers: frozenset[int] = frozenset(),
) -> Html:
    """A table that scrolls by itself where it is wider than the page. The first cell of a row names it.

    Args:
        caption: Said to those who do not see it.
        rows: Cells, the name first.
        head: Names of the columns; none for a list of facts.
        numbers: Columns that are set to the right.
    """

    def cell(kind: str, part: Part, column: int, scope: str = "") -> Html:
        # Words stay whole, and the table scrolls, but for those that no table has room for.
        endless = any(len(word) > _LONGEST_WORD for word in (part if isinstance(part, str) else "").split())
        kinds = " ".join([*(["number"] if column in numbers else []), *(["long"] if endless else [])])
        return element(kind, part, class_=kinds or False, scope=scope or False)

    lines = []
    if head:
        names = [cell("th", name, column, "col") for column, name in enumerate(head)]
        lines.append(element("thead", element("tr", *names)))
    body = [
        element(
            "tr",
            cell("th", row[0], 0, "row") if row[0] else cell("td", "", 0),
            *(cell("td", part, 1 + at) for at, part in enumerate(row[1:])),
        )
        for row in rows
    ]
    lines.append(element("tbody", *body))
    inner = element("table", element("caption", caption, class_="unseen"), *lines)
    return element("div", inner, class_="scrolls", tabindex="0", role="group", aria_label=caption)


def section(title: str, *parts: Part) -> Html:
    """A part of a run, with its heading."""
    return element("section", element("h3", title), *parts)
