"""Rules on what lies in a tree, whatever it says: names, sizes, links, places (repository_checks.sh and the checker before)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.submission.finding import Fault, Rule, Severity
from harness.submission.tree.listing import DIVISIONS, Tree
from harness.units import bytes_text

_HOUSEKEEPING = frozenset({".git", ".github", ".gitattributes", ".gitignore", ".gitkeep", "LICENSE", "assets"})
"""At the top of a results repository. Below, the official checkers refuse hidden files as any other."""
_SOURCE = "repository_checks.sh of the results repositories; POL submission_rules.adoc"


@dataclass(frozen=True, slots=True)
class Listed:
    """A tree, and what its suite allows."""

    tree: Tree
    most_bytes: int
    """Of a file."""
    divisions: Sequence[str] = DIVISIONS
    """That the suite has."""
    odd_names: Severity = "error"
    """What hidden files and names with spaces are: tiny's checker warns of them."""
    documents_alone: bool = False
    """Whether nothing but documents may lie at the top, and no file in a division: the checkers of inference v5 look."""


def links(listed: Listed) -> Iterator[Fault]:
    """A link breaks when the tree is copied, and may lead out of it."""
    for _, folder in listed.tree.walk():
        for entry in folder.files:
            if entry.link:
                yield Fault(entry.path, "is a symbolic link", "put the file itself in its place")
            elif not entry.plain:
                yield Fault(entry.path, "is no plain file", "take it away")


def sizes(listed: Listed) -> Iterator[Fault]:
    """Files too large for the results repository."""
    for _, folder in listed.tree.walk():
        for entry in folder.files:
            if entry.plain and entry.size > listed.most_bytes:
                figure = f"{bytes_text(entry.size)}, at most {bytes_text(listed.most_bytes)}"
                fix = "split it (a trace: split --bytes=20M), truncate it (an accuracy log), or leave it out"
                yield Fault(entry.path, "is too large", fix, figure)


def names(listed: Listed) -> Iterator[Fault]:
    """Names that break scripts, or that git and its users hide."""
    for path, folder in listed.tree.walk():
        found = [(name, f"{path}/{name}" if path else name) for name in folder.folders]
        found += [(entry.path.rpartition("/")[2], entry.path) for entry in folder.files]
        for name, where in found:
            if _kept_by_git(where):
                continue
            if any(character.isspace() for character in name):
                yield Fault(where, "has a space in its name", "rename it: use - or _", severity=listed.odd_names)
            elif name.startswith("."):
                what, fix = "is hidden: its name begins with a dot", "take it away or rename it"
                yield Fault(where, what, fix, severity=listed.odd_names)


def empty_folders(listed: Listed) -> Iterator[Fault]:
    """Git does not keep them, so whoever clones the tree has another one."""
    for path, folder in listed.tree.walk():
        # Of a submitter's empty folders other rules speak.
        code = path.count("/") == 2 and path.endswith(("/src", "/code", "/systems", "/results"))
        if not folder.folders and not folder.files and path and not code and not _kept_by_git(path):
            yield Fault(path, "is an empty folder", "take it away, or put into it what belongs there")


def caches(listed: Listed) -> Iterator[Fault]:
    """What Python leaves behind."""
    for path, _ in listed.tree.walk():
        if path.rpartition("/")[2] == "__pycache__":
            yield Fault(path, "is a cache of Python's", "take it away")


def outside(listed: Listed) -> Iterator[Fault]:
    """What lies beside the divisions and submitters belongs to nobody."""
    tree = listed.tree
    for name in tree.folders(""):
        if name not in listed.divisions and name not in _HOUSEKEEPING:
            fix = f"put what belongs to the submission below {'/, '.join(listed.divisions)}/"
            yield Fault(name, "is no division", fix)
    for place in ("", *(name for name in tree.folders("") if name in listed.divisions)):
        for name in tree.files(place):
            taken = name.endswith((".md", ".pdf")) and not (place and listed.documents_alone)
            taken |= not place and name in _HOUSEKEEPING and not listed.documents_alone
            where = f"{place}/{name}" if place else name
            # Of hidden files below the top another rule speaks.
            if not taken and not (place and name.startswith(".")):
                yield Fault(
                    where, "lies outside every submitter's folder", "move it into the submitter's, or take it away"
                )


def unlisted(listed: Listed) -> Iterator[Fault]:
    """Folders that nobody but their owner may look into."""
    for path in listed.tree.unreadable:
        yield Fault(path, "cannot be listed", "allow others to read it")


def _kept_by_git(path: str) -> bool:
    return path.split("/")[0] in _HOUSEKEEPING


FILE_RULES = (
    Rule("link", _SOURCE, links),
    Rule("file-size", _SOURCE, sizes),
    Rule("file-name", _SOURCE, names),
    Rule("empty-folder", _SOURCE, empty_folders),
    Rule("python-cache", _SOURCE, caches),
    Rule("outside-submitter", _SOURCE, outside),
    Rule("unreadable-folder", _SOURCE, unlisted),
)
