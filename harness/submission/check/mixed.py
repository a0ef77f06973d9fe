"""Rules on runs beside each other: copied logs, runs of two systems or models, pauses between runs."""

from __future__ import annotations

import contextlib
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.submission.finding import Fault, Rule
from harness.submission.tree.documents import sha256_of
from harness.submission.tree.logs import DetailLog

_SAME = ("loadgen_version",)
"""Of a benchmark on a system, whatever is asked of it. Performance runs may have a smaller data set: the mobile app's do."""
_SAME_IN_SCENARIO = ("sut_name", "qsl_name")
"""Of both runs and the tests of a scenario; implementations may have another system under test for each scenario."""


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that is one run's alone."""

    file: str
    path: Path
    copies_allowed: str = ""
    """Files of one such name may be the same: those of results that are inferred from one another."""


@dataclass(frozen=True, slots=True)
class RunLog(OwnFile):
    """A run's log in a tree."""

    log: DetailLog = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class RunsTogether:
    """Logs of runs that belong to one benchmark on one system."""

    folder: str
    logs: Sequence[RunLog]
    models: Mapping[str, Mapping[str, str]]
    """File -> what it says of the model."""
    systems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """File -> what it says of the machine."""


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """All files of a tree that may not be there twice."""

    files: Sequence[OwnFile]


@dataclass(frozen=True, slots=True)
class HashedLog:
    """A truncated accuracy log, and the hash that is said to be the whole one's."""

    file: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class HashedLogs:
    """All of a tree."""

    logs: Sequence[HashedLog]


@dataclass(frozen=True, slots=True)
class Pauses:
    """Performance runs of a device, and how long it must rest between two."""

    logs: Sequence[RunLog]
    least_s: float


def copies(found: OwnFiles) -> Iterator[Fault]:
    """One run's file in two places, but for results that are inferred."""
    by_bytes: dict[str, list[OwnFile]] = defaultdict(list)
    for one in found.files:
        with contextlib.suppress(OSError):
            by_bytes[sha256_of(one.path)].append(one)
    for same in by_bytes.values():
        first = same[0]
        for other in same[1:]:
            if not first.copies_allowed or first.copies_allowed != other.copies_allowed:
                fix = "put each run's own file in its place"
                yield Fault(other.file, "is a copy of another run's", fix, first.file)


def hashes(found: HashedLogs) -> Iterator[Fault]:
    """Logs that differ cannot have one hash. Two with the same ends and other hashes are no fault: their middles may differ."""
    first_of: dict[str, tuple[str, str]] = {}
    for one in found.logs:
        with contextlib.suppress(OSError):
            digest = sha256_of(one.path)
            before, where = first_of.setdefault(one.sha256, (digest, one.file))
            if before != digest:
                fix = "truncate each run's own log, which writes its hash"
                yield Fault(one.file, "has a hash that is another log's", fix, f"that of {where}, which differs")


def one_system(found: RunsTogether) -> Iterator[Fault]:
    """Runs of one benchmark on one system know the same LoadGen and data set, those of a scenario one system under test."""
    first_of: dict[str, RunLog] = {}
    for other in found.logs:
        beside = first_of.setdefault(other.log.scenario or "", other)
        for first, keys in ((found.logs[0], _SAME), (beside, _SAME_IN_SCENARIO)):
            wrong = [key for key in keys if first.log.entries.get(key) != other.log.entries.get(key)]
            if wrong:
                one, two = first.log.entries.get(wrong[0]), other.log.entries.get(wrong[0])
                figure = f"{wrong[0]} {two!r}, but {one!r} in {first.file}"
                yield Fault(other.file, "is of another system or data set than the runs beside it", _TOGETHER, figure)
                break


def one_model(found: RunsTogether) -> Iterator[Fault]:
    """Scenarios of a benchmark are of one model."""
    yield from _contradictions(found.models, "is of another model than the scenarios beside it")


def one_told_system(found: RunsTogether) -> Iterator[Fault]:
    """What is told of the machine beside the runs is one machine."""
    yield from _contradictions(found.systems, "is of another system than the scenarios beside it")


def _contradictions(told: Mapping[str, Mapping[str, str]], what: str) -> Iterator[Fault]:
    """Files that do not say what an earlier one says of the same thing."""
    said: dict[str, tuple[str, str]] = {}
    for file, fields in told.items():
        for name, value in fields.items():
            before, where = said.setdefault(name, (value, file))
            if before != value:
                yield Fault(file, what, _TOGETHER, f"{name} {value!r}, but {before!r} in {where}")
                break


def pauses(found: Pauses) -> Iterator[Fault]:
    """How long the device rested before each performance run but the first."""
    timed = [
        (begin, end, one.file)
        for one in found.logs
        if (begin := one.log.moment("power_begin")) and (end := one.log.moment("power_end"))
    ]
    timed.sort()
    for (_, ended, before), (began, _, file) in itertools.pairwise(timed):
        rest = (began - ended).total_seconds()
        if rest < 0:
            figure = f"it began {-rest:.0f} s before {before} ended"
            yield Fault(
                file, "was run while another run still lasted", "run one after the other, with the pause", figure
            )
        elif rest < found.least_s:
            figure = f"{rest:.0f} s after {before}, at least {found.least_s:g} s"
            yield Fault(
                file, "was run too soon after another run", "let the device rest before each performance run", figure
            )


_TOGETHER = "put runs of one model on one system together, each other one into folders of its own"
COPY_RULES = (Rule("copied-log", "POL submission_rules.adoc; the official checker does not compare", copies),)
HASH_RULES = (Rule("shared-hash", "INF truncate_accuracy_log.py; the official checker does not compare", hashes),)
TOGETHER_RULES = (
    Rule("mixed-systems", "POL submission_rules.adoc; the official checker does not compare", one_system),
    Rule("mixed-systems", "POL submission_rules.adoc; the official checker does not compare", one_told_system),
    Rule("mixed-models", "POL submission_rules.adoc; the official checker does not compare", one_model),
)
PAUSE_RULES = (Rule("cooldown", "MO submissionRuleV3_0.adoc; MA run_mode.dart, before each performance run", pauses),)
