"""What is wrong with a tree of results: a finding for each, and the rules that find them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Severity = Literal["error", "warning"]
_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a rule says of a file."""

    file: str
    """Below the tree, with slashes; empty for the tree itself."""
    what: str
    fix: str
    figure: str = ""
    """What was found and what is needed; empty where `what` says it all."""
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Rule(Generic[_Subject]):
    """One thing that a tree must keep."""

    name: str
    source: str
    """Who asks for it."""
    judge: Callable[[_Subject], Iterator[Fault]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, with the rule that found it."""

    severity: Severity
    """`error`: a reviewer or the official checker would refuse it. `warning`: worth a look."""
    file: str
    """Below the tree; empty for the tree itself."""
    rule: str
    """The rule's name."""
    what: str
    """What is wrong."""
    figure: str
    """What was found and what is needed; empty where `what` says it all."""
    source: str
    """Who asks for it."""
    fix: str
    """What to do."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is wrong with a tree."""

    tree: str
    """As the user named it."""
    suite: str
    """`inference`, `mobile` or `tiny`."""
    rules: str
    """The rule set that it was held against."""
    notes: tuple[str, ...]
    """How suite and rules were found where nobody named them."""
    results: int
    """How many results (a scenario of a benchmark on a system) were looked at."""
    errors: int
    """How many findings are errors."""
    warnings: int
    """How many are warnings."""
    findings: tuple[Finding, ...]
    """In the order of the files' names."""


class Judge:
    """Applies rules and keeps what they find."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.results = 0
        """Results looked at."""

    def apply(self, rules: Sequence[Rule[_Subject]], subject: _Subject) -> None:
        """Holds a subject against rules; one that breaks on what it reads is an error by itself, and the next one goes on."""
        for rule in rules:
            try:
                self.take(rule.name, rule.source, rule.judge(subject))
            except Exception as error:
                # The tree is a stranger's: whatever it holds, the other rules must have their say.
                what = f"the rule {rule.name} could not be judged: {type(error).__name__}: {error}"
                fix = "correct what the other findings name first; if it stays, it is a fault of this program"
                self.take(rule.name, rule.source, [Fault("", what, fix)])

    def take(self, rule: str, source: str, faults: Iterable[Fault]) -> None:
        """Keeps faults as this rule's."""
        for fault in faults:
            self.findings.append(
                Finding(fault.severity, printable(fault.file), rule, fault.what, fault.figure, source, fault.fix)
            )


def printable(name: str) -> str:
    """A file's name as any terminal and JSON take it: what is no UTF-8 is shown by its bytes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
