"""The speed of a compliance run against the run that it vouches for (INF compliance/, verify_performance.py)."""

from __future__ import annotations

from dataclasses import dataclass

from harness.config.official.compliance_tests import ComplianceTest
from harness.submission.tree.logs import DetailLog

PASS = "TEST PASS"
_STREAMS = ("SingleStream", "MultiStream")
_SHORT_NS = {"SingleStream": 200_000, "MultiStream": 1_600_000}
"""Latencies so short that the system's own disturbances count: 20 % instead of 10 %."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification says, as the official script prints it."""

    passed: bool
    lines: tuple[str, ...]
    why: str = ""
    """Why it fails; empty where it does not."""

    @property
    def text(self) -> str:
        """The file."""
        return "".join(f"{line}\n" for line in self.lines)


def verify_performance(test: ComplianceTest, reference: DetailLog, under_test: DetailLog) -> Verification:
    """Whether both runs are valid and as quick as each other; TEST04's may be slower by any measure, but not quicker.

    Args:
        test: The test.
        reference: The log of the performance run that is submitted.
        under_test: The log of the compliance run.
    """
    first = "Verifying performance."
    for log, whose in ((reference, "the performance run"), (under_test, f"{test}'s run")):
        if log.text("result_validity") != "VALID":
            return _failed((first,), f"Invalid results in {whose}")
    if reference.scenario != under_test.scenario:
        return _failed((first,), "Test and reference scenarios do not match!")
    bound = "effective_target_latency_ns"
    if reference.scenario == "Server" and reference.entries.get(bound) != under_test.entries.get(bound):
        return _failed((first,), "Server target latency mismatch")
    one, other = reference.score, under_test.score
    if not one or not other:
        return _failed((first,), "no score in the performance run's log or in the test's")
    if test == "TEST01":
        lines = (first, f"Reference score = {one}", f"Test score = {other}")
        passed = abs(other - one) <= one * tolerance(test, reference)
    else:
        streams = reference.scenario in _STREAMS
        if streams:
            one, other = 1e9 / one, 1e9 / other
        # A rate is printed as LoadGen's summary has it, six digits.
        shown = [str(score) if streams else f"{score:g}" for score in (one, other)]
        lines = (first, f"reference score = {shown[0]}", f"test score = {shown[1]}")
        passed = other < one * (1 + tolerance(test, reference))
    if passed:
        return Verification(True, (*lines, PASS))
    percent = f"{100 * (other / one - 1):+.1f} %, allowed {100 * tolerance(test, reference):g} %"
    return _failed(lines, "Test score invalid", percent)


def tolerance(test: ComplianceTest, reference: DetailLog) -> float:
    """How far the two may lie apart, as a fraction."""
    scenario, score = reference.scenario or "", reference.score or 0.0
    if test == "TEST01":
        return 0.2 if score <= _SHORT_NS.get(scenario, -1) else 0.1
    # The official script holds queries per second against the bounds meant for ns, so 20 % it is for both streams.
    return 0.2 if scenario in _STREAMS and score and 1e9 / score <= _SHORT_NS[scenario] else 0.1


def _failed(lines: tuple[str, ...], why: str, figure: str = "") -> Verification:
    return Verification(False, (*lines, f"TEST FAIL: {why}"), f"{why}{f' ({figure})' if figure else ''}")
