"""Rules on a submitter's code, whatever the suite: it is there, and a README says how it is run."""

from __future__ import annotations

from collections.abc import Iterator

from harness.submission.check.saying_nothing import lacking_file
from harness.submission.finding import Fault
from harness.submission.tree.listing import Tree


def code_faults(tree: Tree, folder: str, fix: str, *, above: str | None = None) -> Iterator[Fault]:
    """What a folder of code lacks.

    Args:
        tree: The tree.
        folder: Of the submitter's code.
        fix: What belongs there.
        above: A folder whose README counts as well; None for none.
    """
    files = [entry for entry in tree.below(folder) if entry.plain and entry.size]
    if not files:
        yield Fault(folder, "holds no code", fix)
        return
    beside = [f"{above}/{name}" for name in tree.files(above)] if above else []
    named = (*(one.path for one in files), *beside)
    readmes = [path for path in named if path.rpartition("/")[2].casefold().startswith("readme")]
    if not readmes:
        yield Fault(folder, "has no README with the commands", fix)
    for path in readmes:
        yield from lacking_file(tree, path, "how the code is run", fix)
