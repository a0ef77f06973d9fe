"""Holds a tree of results against all rules for it."""

from __future__ import annotations

from pathlib import Path

from harness.submission.check.files import FILE_RULES, Listed
from harness.submission.check.inference.walk import MOST_BYTES, InferenceCheck
from harness.submission.check.mobile.walk import MobileCheck
from harness.submission.check.suite import rules_for
from harness.submission.check.tiny.walk import MOST_TINY_BYTES, TinyCheck
from harness.submission.finding import Fault, Judge, Report, Severity
from harness.submission.tree.listing import DIVISIONS, Tree
from harness.submission.tree.places import form_of

REHEARSAL_FILE = "REHEARSAL.md"
"""What submit leaves in the tree of runs that are no submission."""
UNTOLD = "nobody has told "
"""How reasons begin that no run mends."""


def check_tree(root: Path, suite: str | None = None, rules: str | None = None) -> Report:
    """Everything that is wrong with a tree, of any number of submitters.

    Args:
        root: The folder that holds closed/ and open/.
        suite: `inference`, `mobile` or `tiny`; None to find out.
        rules: A rule set, as inference-v6.1; None to find out.

    Raises:
        ConfigError: It is no tree, or suite and rules cannot be.
    """
    tree, judge = Tree(root), Judge()
    held = rules_for(tree, suite, rules)
    most = MOST_TINY_BYTES if held.rules.suite == "tiny" else MOST_BYTES
    divisions = DIVISIONS if held.rules.suite == "inference" else DIVISIONS[:2]
    odd_names: Severity = "warning" if held.rules.suite == "tiny" else "error"
    v5 = held.rules.suite == "inference" and form_of(held.rules.round) == "v5"
    judge.apply(FILE_RULES, Listed(tree, most, divisions, odd_names, documents_alone=v5))
    judge.take("rehearsal", "this harness: submit --rehearsal", _rehearsal(tree))
    match held.rules.suite:
        case "inference":
            InferenceCheck(tree, held.rules, judge).run()
        case "mobile":
            MobileCheck(tree, held.rules, judge).run()
        case _:
            TinyCheck(tree, held.rules, judge).run()
    found = tuple(sorted(judge.findings, key=lambda one: (one.severity != "error", one.file, one.rule)))
    errors = sum(one.severity == "error" for one in found)
    return Report(
        str(root), held.rules.suite, held.rules.name, held.notes, judge.results, errors, len(found) - errors, found
    )


def _fix(reason: str) -> str:
    if reason.startswith(UNTOLD):
        return "tell it (submit --field NAME=VALUE), and write the tree again"
    return "run what is named by the rules, and write the tree without --rehearsal"


def _rehearsal(tree: Tree) -> list[Fault]:
    """Each reason that its file names is an error of its own."""
    faults = []
    for path, folder in tree.walk():
        for entry in folder.files:
            if entry.path.rpartition("/")[2] == REHEARSAL_FILE:
                text = tree.text(entry.path)
                said = (
                    [line[2:].strip() for line in text.splitlines() if line.startswith("* ")]
                    if isinstance(text, str)
                    else []
                )
                faults += [Fault(entry.path, f"is of a rehearsal: {one}", _fix(one)) for one in said or [f"in {path}"]]
    return faults
