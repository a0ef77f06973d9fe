"""Whether a log is that of a run under a compliance test: a performance log that was copied in is none."""

from __future__ import annotations

from collections.abc import Iterator

from harness.config.official.compliance_tests import ACCURACY_LOG_SEED, SAME_INDEX, ComplianceTest
from harness.submission.tree.logs import DetailLog


def not_in_force(test: ComplianceTest, log: DetailLog, target: int) -> Iterator[str]:
    """What LoadGen should have been told, and was not; a half sentence each, with the figures.

    Args:
        test: The test.
        log: Of its run.
        target: How many answers TEST01 logs of this benchmark.
    """
    wanted: dict[str, object] = (
        {"accuracy_log_rng_seed": ACCURACY_LOG_SEED, "accuracy_log_sampling_target": target}
        if test == "TEST01"
        else {"performance_issue_same": True, "performance_issue_same_index": SAME_INDEX}
    )
    wanted["test_mode"] = "PerformanceOnly"
    for name, value in wanted.items():
        found = log.entries.get(f"effective_{name}")
        if found != value:
            yield f"{name} {found}, needed {value}"


def audited(log: DetailLog) -> ComplianceTest | None:
    """The compliance test that a log is under; None for none."""
    if log.flag("effective_performance_issue_same"):
        return "TEST04"
    if log.integer("effective_accuracy_log_sampling_target") and log.text("effective_test_mode") == "PerformanceOnly":
        return "TEST01"
    return None
