"""Judges a run under a compliance test by the runs that it vouches for, and writes what the official scripts would print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from accuracy.answers.log import LogError
from harness.config.official.compliance_tests import ComplianceTest, sampling_target
from harness.results.record import Compliance, Reason, Result
from harness.submission.compliance.accuracy import compare, verify_accuracy
from harness.submission.compliance.in_force import not_in_force
from harness.submission.compliance.performance import verify_performance
from harness.submission.tree.documents import Broken
from harness.submission.tree.logs import ACCURACY, DETAIL, DetailLog, read_detail_log
from harness.whole_file import replacing

PERFORMANCE_TEXT = "verify_performance.txt"
ACCURACY_TEXT = "verify_accuracy.txt"
_FIX = "docs/submission.md, Compliance tests, says what each asks for"


def judged(result: Result, folder: Path, performance: Path, accuracy: Path | None, target: int | None) -> Result:
    """A compliance run's result with the verdict; its directory gets verify_*.txt.

    Args:
        result: Of the run under the test.
        folder: Its directory.
        performance: Of the performance run that it vouches for.
        accuracy: Of the accuracy run; TEST01 needs it.
        target: How many answers TEST01 logs.

    Raises:
        OSError: The verification cannot be written.
    """
    compliance = result.compliance
    if compliance is None:
        return result
    why = tuple(_why(compliance.test, folder, performance, accuracy, target or sampling_target(None)))
    verdict = Compliance(compliance.test, not why, why, compliance.needed)
    reasons = tuple(Reason(f"{compliance.test} failed: {one}", "", _FIX) for one in why)
    status = "invalid" if why and result.status == "valid" else result.status
    return replace(result, compliance=verdict, reasons=(*result.reasons, *reasons), status=status)


def _why(test: ComplianceTest, folder: Path, performance: Path, accuracy: Path | None, target: int) -> Iterator[str]:
    log, reference = read_detail_log(folder / DETAIL), read_detail_log(performance / DETAIL)
    for one, where in ((log, folder), (reference, performance)):
        if isinstance(one, Broken):
            yield f"{where / DETAIL} {one.what}"
    if isinstance(log, Broken) or isinstance(reference, Broken):
        return
    lacking = "; ".join(not_in_force(test, log, target))
    if lacking:
        yield f"the test was not in force ({lacking})"
    verified = verify_performance(test, reference, log)
    _write(folder / PERFORMANCE_TEXT, verified.text)
    if not verified.passed:
        yield verified.why
    if test == "TEST01":
        yield from _other_answers(folder, accuracy, log, target)


def _other_answers(folder: Path, accuracy: Path | None, log: DetailLog, target: int) -> Iterator[str]:
    if accuracy is None:
        yield "there is no accuracy run to hold its answers against"
        return
    try:
        compared = compare(accuracy / ACCURACY, folder / ACCURACY)
    except LogError as error:
        yield str(error)
        return
    verified = verify_accuracy(compared, target, samples_asked(log))
    _write(folder / ACCURACY_TEXT, verified.text)
    if not verified.passed:
        yield verified.why


def samples_asked(log: DetailLog) -> int:
    """How many samples a run answered."""
    return (log.integer("result_query_count") or 0) * (log.integer("effective_samples_per_query") or 1)


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())
