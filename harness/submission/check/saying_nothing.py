"""Words that fill a field or a file and say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from harness.submission.finding import Fault
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import Tree

_NOTHING = frozenset(
    {"", "n/a", "na", "none", "null", "undefined", "unknown", "not told", "tbd", "todo", "-", "?", "xxx"}
)


def says_nothing(value: object, *, allow_na: bool = False) -> bool:
    """Whether a field's value is empty or a word for it.

    Args:
        value: As JSON has it; 0 and false say nothing to the official checker.
        allow_na: N/A is a true answer of this field.
    """
    if not isinstance(value, str):
        return not value
    word = value.strip().casefold()
    return word in _NOTHING and not (allow_na and word in ("n/a", "na", "none"))


def lacking_file(tree: Tree, path: str, what: str, fix: str) -> Iterator[Fault]:
    """A file that must be there and say something."""
    text = tree.text(path)
    if isinstance(text, Broken):
        yield Fault(path, f"{text.what}: {what}", fix)
    elif not text.strip():
        figure = f"{tree_size(tree, path)} bytes of white space" if text else "0 bytes"
        yield Fault(path, f"is empty: {what}", fix, figure)


def tree_size(tree: Tree, path: str) -> int:
    """Bytes of a file."""
    entry = tree.entry(path)
    return entry.size if entry else 0
