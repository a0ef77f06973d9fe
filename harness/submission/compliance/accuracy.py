"""TEST01's answers against those of the accuracy run: every byte of every row, however long the logs are.

MLCommons' verify_accuracy.py compares the first element alone, and takes a test without rows for the fault of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from accuracy.answers.log import Answer, read_rows
from harness.submission.compliance.performance import PASS, Verification

_LEAST_SHARE = 0.25
"""Of the rows that the sampling target asks for: an expected latency set too low for the model loses half of them, one far
too low nearly all (mlcommons/inference issue 2308)."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What the two logs are to each other; counts as the official script names them."""

    reference_rows: int
    reference_duplicates: int
    reference_mismatches: int
    """Rows of one sample that are not the same in the accuracy log itself."""
    test_rows: int
    matches: int
    """Rows of the test whose sample the accuracy log has."""
    mismatches: int
    """Of these, the rows that differ in any byte."""
    missing: int
    first_mismatch: int | None
    """Its sample."""

    @property
    def lines(self) -> tuple[str, ...]:
        """As the official script prints them."""
        return (
            f"num_acc_log_entries = {self.reference_rows}",
            f"num_acc_log_duplicate_keys = {self.reference_duplicates}",
            f"num_acc_log_data_mismatch = {self.reference_mismatches}",
            f"num_perf_log_entries = {self.test_rows}",
            f"num_perf_log_qsl_idx_match = {self.matches}",
            f"num_perf_log_data_mismatch = {self.mismatches}",
            f"num_missing_qsl_idxs = {self.missing}",
        )


def compare(reference: Path, under_test: Path) -> Compared:
    """Reads both logs as streams; of each sample's answer a digest is kept.

    Args:
        reference: The accuracy run's whole log.
        under_test: The compliance run's whole log.

    Raises:
        LogError: One is missing, cut, truncated for a submission, or no accuracy log.
    """
    answers: dict[int, bytes] = {}
    rows = duplicates = differing = 0
    for answer in read_rows(reference):
        rows += 1
        known = answers.setdefault(answer.index, digest := _digest(answer))
        if known is not digest:
            duplicates += 1
            differing += known != digest
    test_rows = matches = mismatches = 0
    first: int | None = None
    for answer in read_rows(under_test):
        test_rows += 1
        known_answer = answers.get(answer.index)
        if known_answer is None:
            continue
        matches += 1
        if known_answer != _digest(answer):
            mismatches += 1
            first = answer.index if first is None else first
    return Compared(
        rows, duplicates, differing, test_rows, matches, mismatches, test_rows - matches, first_mismatch=first
    )


def verify_accuracy(compared: Compared, target: int, asked: int) -> Verification:
    """Whether all rows agree, and enough of them came.

    Args:
        compared: The two logs.
        target: How many rows the test samples.
        asked: How many samples the compliance run answered.
    """
    lines = (
        "Verifying accuracy. This might take a while...",
        "Reading accuracy mode results...",
        "Reading performance mode results...",
        *compared.lines,
    )
    why = _why_not(compared, least_rows(target, asked))
    return Verification(not why, (*lines, "TEST FAIL" if why else PASS, ""), why)


def least_rows(target: int, asked: int) -> int:
    """How many rows a test must have at least.

    Args:
        target: How many it samples.
        asked: How many samples it answered.
    """
    return max(1, int(_LEAST_SHARE * min(target, asked)))


def _why_not(compared: Compared, least: int) -> str:
    if compared.mismatches:
        return (
            f"{compared.mismatches} of {compared.test_rows} answers differ from the accuracy run's, sample "
            f"{compared.first_mismatch} the first"
        )
    if compared.missing:
        return f"{compared.missing} of {compared.test_rows} answers are of samples that the accuracy run did not answer"
    if compared.reference_mismatches:
        return f"the accuracy run answered {compared.reference_mismatches} samples in two ways"
    if compared.test_rows < least:
        return (
            f"{compared.test_rows} answers were logged, at least {least} are needed: the expected latency is too low "
            "for the model (--set load.expected_latency_ns=...)"
        )
    return ""


def _digest(answer: Answer) -> bytes:
    return blake2b(answer.data, digest_size=16).digest()
