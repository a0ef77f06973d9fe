"""Rules on TEST01 and TEST04 of the closed division: the test was in force, its files are there and follow from its logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from harness.config.official.compliance_tests import ComplianceTest, sampling_target
from harness.submission.check.inference.accuracy import AccuracyRun
from harness.submission.check.inference.file_lists import OPTIONAL
from harness.submission.compliance.accuracy import least_rows
from harness.submission.compliance.in_force import not_in_force
from harness.submission.compliance.performance import PASS, verify_performance
from harness.submission.finding import Fault, Rule, Severity
from harness.submission.tree.accuracy_text import parse_accuracy_text
from harness.submission.tree.documents import Broken
from harness.submission.tree.logs import ACCURACY, DETAIL, SUMMARY, DetailLog
from harness.submission.tree.places import Form

_SCORE = re.compile(r"(?i)^(reference|test) score = ([\d.eE+-]+)\s*$", re.MULTILINE)
_COUNT = re.compile(r"^num_(\w+) = (\d+)\s*$", re.MULTILINE)
_CLOSE = 1e-4
"""Summaries print six digits."""
_OPTIONAL = OPTIONAL | {ACCURACY}
_WHERE_DIFFERENT = ("baseline_accuracy.txt", "compliance_accuracy.txt")
"""In TEST01's accuracy where its answers differ lawfully from the accuracy run's, and only there."""
_TEST01_ACCURACY = (ACCURACY, "accuracy.txt", *_WHERE_DIFFERENT)
_DELTA = {"bert-99.9": Decimal("0.1")}
"""Percent by which the accuracy may differ where outputs do lawfully; 1 elsewhere."""
_AGAIN = "run the test again (--compliance), and write its verification with it"


@dataclass(frozen=True, slots=True)
class TestedScenario:
    """One compliance test of a scenario."""

    test: ComplianceTest
    folder: str
    """TEST01's or TEST04's."""
    accuracy: AccuracyRun
    """TEST01's accuracy folder."""
    official: str
    """The benchmark's name."""
    log: DetailLog | None
    """Of the test's run; None where it cannot be read, which is said elsewhere."""
    reference: DetailLog | None
    """Of the performance run."""
    answered: int | None = None
    """How many samples the accuracy run answered; None where its log cannot be read."""
    form: Form = "v6"

    @property
    def detail_file(self) -> str:
        """The test's log."""
        return f"{self.folder}/performance/run_1/{DETAIL}"

    @property
    def target(self) -> int:
        """How many answers TEST01 logs."""
        return sampling_target(self.accuracy.official.names.loadgen)

    def text(self, name: str) -> str | None:
        """A file of the test's folder; None where it cannot be read."""
        found = self.accuracy.tree.text(f"{self.folder}/{name}", strict=True)
        return None if isinstance(found, Broken) else found


def there(tested: TestedScenario) -> Iterator[Fault]:
    """The files that a verification leaves, and no others."""
    tree, run = tested.accuracy.tree, f"{tested.folder}/performance/run_1"
    wanted = ["verify_performance.txt", *(["verify_accuracy.txt"] if tested.test == "TEST01" else [])]
    for name in wanted:
        text = tree.text(f"{tested.folder}/{name}", strict=True)
        if isinstance(text, Broken):
            yield Fault(f"{tested.folder}/{name}", text.what, _AGAIN)
    found = set(tree.files(run))
    if SUMMARY not in found:
        yield Fault(f"{run}/{SUMMARY}", "is missing", "copy it from the test's run")
    for name in sorted(found - {DETAIL, SUMMARY} - _OPTIONAL):
        yield Fault(f"{run}/{name}", "does not belong there", "take it away")
    above = f"{tested.folder}/performance"
    for name in (*tree.folders(above), *tree.files(above)):
        if name != "run_1":
            yield Fault(f"{above}/{name}", "is a run beside the one that counts", "take it away")
    accuracy = tested.accuracy.folder
    for name in tree.files(accuracy) if tested.test == "TEST01" else ():
        if name not in _TEST01_ACCURACY and name not in OPTIONAL:
            yield Fault(f"{accuracy}/{name}", "does not belong there", "take it away")
    if tested.test == "TEST01" and PASS in (tested.text("verify_accuracy.txt") or ""):
        for name in (one for one in _WHERE_DIFFERENT if one in tree.files(accuracy)):
            what = "belongs to a test whose answers differ, and verify_accuracy.txt says TEST PASS"
            severity: Severity = "error" if tested.form == "v5" else "warning"
            yield Fault(f"{accuracy}/{name}", what, "take it away", severity=severity)


def in_force(tested: TestedScenario) -> Iterator[Fault]:
    """A performance log that was copied in shows none of the test's settings."""
    if tested.log is not None:
        why = "; ".join(not_in_force(tested.test, tested.log, tested.target))
        yield Fault(tested.detail_file, f"is not the log of a run under {tested.test}", _AGAIN, why)


def performance_follows(tested: TestedScenario) -> Iterator[Fault]:
    """verify_performance.txt must say what the logs say."""
    text = tested.text("verify_performance.txt")
    if text is None or tested.log is None or tested.reference is None:
        return
    if any(log.text("result_validity") != "VALID" for log in (tested.log, tested.reference)):
        # Said of that log.
        return
    path = f"{tested.folder}/verify_performance.txt"
    verified = verify_performance(tested.test, tested.reference, tested.log)
    if PASS not in text:
        yield Fault(path, "does not say TEST PASS", _AGAIN, verified.why)
    elif not verified.passed:
        yield Fault(path, "says TEST PASS, and its logs say otherwise", _AGAIN, verified.why)
    else:
        said = {name.casefold(): float(value) for name, value in _SCORE.findall(text) if _is_number(value)}
        for name, log in (("reference", tested.reference), ("test", tested.log)):
            score = log.score or 0.0
            if not any(
                abs(said.get(name, 0.0) - one) <= _CLOSE * one for one in (score, 1e9 / score if score else 0.0)
            ):
                yield Fault(
                    path, f"has another {name} score than its log", _AGAIN, f"{said.get(name)}, the log {score:g}"
                )


def accuracy_follows(tested: TestedScenario) -> Iterator[Fault]:
    """verify_accuracy.txt must be of these logs: enough rows, none of them different."""
    text = tested.text("verify_accuracy.txt")
    if tested.test != "TEST01" or text is None:
        return
    path = f"{tested.folder}/verify_accuracy.txt"
    if PASS not in [line.strip() for line in text.splitlines()]:
        yield from _lawfully_different(tested, path)
        return
    counts = {name: int(value) for name, value in _COUNT.findall(text)}
    asked = tested.log.integer("result_query_count") if tested.log else None
    spq = tested.log.integer("effective_samples_per_query") if tested.log else None
    least = least_rows(tested.target, (asked or tested.target) * (spq or 1))
    # With --unixmode the official script counts no matches.
    matches = counts.get("perf_log_qsl_idx_match", counts.get("perf_log_entries", 0))
    if counts.get("perf_log_data_mismatch", 0):
        yield Fault(path, "says TEST PASS of answers that differ", _AGAIN, f"{counts['perf_log_data_mismatch']}")
    elif matches < least:
        figure = f"{matches} answers, at least {least}"
        yield Fault(
            path, "says TEST PASS of too few answers", "test again with the model's own expected latency", figure
        )
    rows = counts.get("perf_log_entries")
    if rows is not None and matches > rows:
        yield Fault(path, "counts more answers that match than were logged", _AGAIN, f"{matches} of {rows}")
    # That the run does not cover the set is said of the run.
    size = tested.accuracy.official.dataset_size.value if tested.answered is None else tested.answered
    if size is not None and "acc_log_entries" in counts and counts["acc_log_entries"] < size:
        yield Fault(path, "is of another accuracy log", _AGAIN, f"{counts['acc_log_entries']} answers of {size}")


def accuracy_there(tested: TestedScenario) -> Iterator[Fault]:
    """TEST01's own accuracy log, which the official checker does not miss."""
    if tested.test != "TEST01":
        return
    tree, folder = tested.accuracy.tree, tested.accuracy.folder
    fix = "copy the test's accuracy log, and truncate it with its hash"
    if not tree.has_folder(folder):
        yield Fault(folder, "is missing", fix)
        return
    for name in (ACCURACY, "accuracy.txt"):
        if name not in tree.files(folder):
            yield Fault(f"{folder}/{name}", "is missing", fix)


def _lawfully_different(tested: TestedScenario, path: str) -> Iterator[Fault]:
    """Outputs that differ from run to run are judged by the accuracy of a baseline (compliance/TEST01/README.md)."""
    folder, metric = tested.accuracy.folder, tested.accuracy.metric
    values = []
    for name in _WHERE_DIFFERENT:
        text = tested.accuracy.tree.text(f"{folder}/{name}")
        found = None if isinstance(text, Broken) else parse_accuracy_text(text).values.get(metric)
        if not found:
            fix = "where outputs differ lawfully: make baseline_accuracy.txt and compliance_accuracy.txt (TEST01/README.md)"
            yield Fault(path, f"does not say TEST PASS, and {name} claims no accuracy in its stead", fix)
            return
        values.append(found)
    baseline, compliance = values
    delta, most = abs(1 - baseline / compliance) * 100, _DELTA.get(tested.official, Decimal(1))
    if delta > most:
        yield Fault(
            path,
            "does not pass, and the accuracies differ too much",
            _AGAIN,
            f"{delta:.3f} %, at most {most} %",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


IN_FORCE_RULES = (
    Rule("compliance-in-force", "INF compliance/; the official checker takes a performance log", in_force),
)
COMPLIANCE_RULES = (
    Rule("compliance-files", "SC checks/compliance_check.py", there),
    Rule("compliance-performance", "INF verify_performance.py; SC looks for TEST PASS alone", performance_follows),
    Rule("compliance-accuracy", "INF verify_accuracy.py; SC looks for TEST PASS alone", accuracy_follows),
    Rule("compliance-accuracy-log", "POL submission_rules.adoc; the official checker does not miss it", accuracy_there),
)
