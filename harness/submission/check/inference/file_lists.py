"""Rules on what lies in a scenario's folders besides what must: a second run, notes, copies of logs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from harness.submission.finding import Fault, Rule, Severity
from harness.submission.tree.listing import Tree
from harness.submission.tree.logs import ACCURACY, DETAIL, SUMMARY, TRACE
from harness.submission.tree.places import ScenarioPlace

OPTIONAL = frozenset({TRACE, "results.json", ".gitkeep"})
"""Files that the official checkers pass over in any folder of logs."""
_RUN = frozenset({DETAIL, SUMMARY, ACCURACY})
_ACCURACY = frozenset({DETAIL, SUMMARY, ACCURACY, "accuracy.txt"})
_BESIDE = frozenset({"measurements.json", "model-info.json", "user.conf", "mlperf.conf", "README.md", ".gitkeep"})
_POWER = ("power", "ranging")
_OF_POWER = ("client.json", "client.log", "ptd_logs.txt", "server.json", "server.log")
_SAMPLES = "spl.txt"
"""Of the power meter, in the folders of both runs."""
_METER = ("analyzer_table.", "power_settings.")
"""Beginnings of the files that tell how the meter was set: beside the measurements, or in one of the three folders above."""
_LIKE_LOGS = ("mlperf_log", "accuracy")
_AWAY = "take it away; notes have a place in documentation/ or beside the code"


@dataclass(frozen=True, slots=True)
class ScenarioFiles:
    """A scenario's folders."""

    tree: Tree
    place: ScenarioPlace
    known: bool
    """Whether its benchmark is one that the rule sets here have; others ask for pictures beside the accuracy log."""

    @property
    def performance(self) -> str:
        """The folder above run_1."""
        return self.place.performance.rpartition("/")[0]

    @property
    def with_power(self) -> bool:
        """Whether power was measured."""
        return any(self.tree.has_folder(f"{self.performance}/{name}") for name in _POWER)


def one_run(found: ScenarioFiles) -> Iterator[Fault]:
    """Since v1.0 one run counts; the official checker looks at run_1 and at no other."""
    for name in found.tree.folders(found.performance):
        where = f"{found.performance}/{name}"
        if name != "run_1" and name not in _POWER:
            fix = "keep the run that counts as run_1, and take the other away"
            yield Fault(where, "is a run beside the one that counts", fix)
    for name in found.tree.files(found.performance):
        yield Fault(f"{found.performance}/{name}", "lies beside run_1", _AWAY)


def of_logs(found: ScenarioFiles) -> Iterator[Fault]:
    """LoadGen's files and no others: the checker of v5 refused them, that of v6 does not look."""
    refused = found.place.form == "v5"
    wanted = _RUN | ({_SAMPLES} if found.with_power else set())
    # Where power was measured, every checker holds the folder against the list.
    yield from _others(found.tree, found.place.performance, wanted, refused=refused or found.with_power)
    if found.known:
        yield from _others(found.tree, found.place.accuracy, _ACCURACY, refused=refused)


def beside(found: ScenarioFiles) -> Iterator[Fault]:
    """What is read by nobody; submitters of some rounds keep their scripts there."""
    folder = found.place.results
    wanted = _BESIDE if found.place.form == "v6" else frozenset({".gitkeep"})
    for name in found.tree.files(folder):
        if name not in wanted and not (found.with_power and name.startswith(_METER)):
            yield _extra(f"{folder}/{name}", refused=False)


def power(found: ScenarioFiles) -> Iterator[Fault]:
    """Whether the files are there; what they say is not judged, so that nobody takes silence for a verdict."""
    if not found.with_power:
        return
    what = "holds measurements of power, whose figures are not judged here"
    fix = "hold them against the official checker's power_checker.py"
    yield Fault(f"{found.performance}/power", what, fix, severity="warning")
    for folder, wanted in (("power", _OF_POWER), ("ranging", (SUMMARY, DETAIL, _SAMPLES)), ("run_1", (_SAMPLES,))):
        there = set(found.tree.files(f"{found.performance}/{folder}"))
        for name in wanted:
            if name not in there:
                what = "is missing, and power was measured"
                fix = "copy it from what the power harness has written, or take power/ and ranging/ away"
                yield Fault(f"{found.performance}/{folder}/{name}", what, fix)
    yield from _others(found.tree, f"{found.performance}/power", _OF_POWER, refused=True)
    yield from _others(found.tree, f"{found.performance}/ranging", (*_RUN, _SAMPLES), refused=True)


def meter(found: ScenarioFiles) -> Iterator[Fault]:
    """How the power meter was set: the checker of v5 asks for it, that of v6 does not look."""
    if not found.with_power:
        return
    tree, folder = found.tree, found.place.measurements
    above = [folder.rsplit("/", steps)[0] for steps in range(4)] if folder else []
    for start in _METER:
        there = [f"{one}/{name}" for one in above for name in tree.files(one) if name.startswith(start)]
        if not any(entry.size for path in there if (entry := tree.entry(path))):
            what = "is empty" if there else "is missing, and power was measured"
            fix = "put the power meter's own file there: beside the measurements, or in a folder above"
            severity: Severity = "error" if found.place.form == "v5" else "warning"
            yield Fault(there[0] if there else f"{folder}/{start}md", what, fix, severity=severity)


def _others(tree: Tree, folder: str, wanted: Collection[str], *, refused: bool) -> Iterator[Fault]:
    for name in tree.files(folder):
        if name not in wanted and name not in OPTIONAL:
            yield _extra(f"{folder}/{name}", refused=refused)
    for name in tree.folders(folder):
        yield folder_of_its_own(tree, f"{folder}/{name}")


def _extra(path: str, *, refused: bool) -> Fault:
    """A file that nobody asks for; one that looks like a log leaves open which of the two counts."""
    copied = path.rpartition("/")[2].startswith(_LIKE_LOGS)
    fix = "keep LoadGen's own files of the run that counts" if copied else _AWAY
    return Fault(path, "does not belong there", fix, severity="error" if copied or refused else "warning")


def folder_of_its_own(tree: Tree, path: str) -> Fault:
    """A folder among logs: of another run, or of pictures and the like, which some benchmarks have there."""
    run = any(entry.path.rpartition("/")[2] == DETAIL for entry in tree.below(path))
    fix = "take the other run away" if run else "take the folder away, if the benchmark does not ask for it"
    return Fault(path, "does not belong there", fix, severity="error" if run else "warning")


_SOURCE = "SC constants.py REQUIRED_PERF_FILES and REQUIRED_ACC_FILES, which the checker before held folders against"
FILE_LIST_RULES = (
    Rule("file-list", "POL submission_rules.adoc; the official checker looks at run_1 alone", one_run),
    Rule("file-list", _SOURCE, of_logs),
    Rule("file-list", "POL submission_rules.adoc, Directory structure", beside),
    Rule("power", "SC constants.py REQUIRED_POWER_FILES; SC checks/power_check.py", power),
    Rule("power", "SC constants.py REQUIRED_POWER_MEASURE_FILES; IP", meter),
)
