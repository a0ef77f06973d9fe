"""MLPerf inference's compliance tests: what LoadGen is told besides (INF compliance/TEST01, compliance/TEST04)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from harness.errors import UnknownName

ComplianceTest = Literal["TEST01", "TEST04"]
TESTS: tuple[ComplianceTest, ...] = ("TEST01", "TEST04")

NEEDED_BY = "closed submissions of inference's reference models alone; of any other model it is a test of one's own"
"""Who needs the tests."""
ACCURACY_LOG_SEED = 720381539243781796
"""Of TEST01: which answers of a performance run are logged."""
SAMPLING_TARGETS = {"resnet50": 4096, "bert": 4096, "retinanet": 256, "yolo": 64}
"""How many, by the name that LoadGen knows a benchmark under."""
_SAMPLING_TARGET = 4096
"""Of a benchmark that the tests are not made for: that of classification."""
SAME_INDEX = 3
"""Of TEST04: the one sample of those in memory that every query asks for."""


def named_tests(names: Sequence[str]) -> list[ComplianceTest]:
    """The tests of these names.

    Raises:
        UnknownName: One is none.
    """
    by_name = {test.casefold(): test for test in TESTS}
    if unknown := [name for name in names if name.casefold() not in by_name]:
        raise UnknownName("compliance test", unknown[0], TESTS)
    return [by_name[name.casefold()] for name in names]


def sampling_target(loadgen_name: str | None) -> int:
    """How many answers TEST01 logs.

    Args:
        loadgen_name: As LoadGen knows the benchmark; None for one that it does not know.
    """
    return SAMPLING_TARGETS.get(loadgen_name or "", _SAMPLING_TARGET)


def audit_text(test: ComplianceTest, target: int | None = None) -> str:
    """What LoadGen reads beside its configuration: `model.scenario.key = value`, a star for any.

    Args:
        test: The test.
        target: How many answers TEST01 logs.
    """
    settings = {
        "TEST01": (
            ("mode", 2),
            ("accuracy_log_rng_seed", ACCURACY_LOG_SEED),
            ("accuracy_log_sampling_target", target or _SAMPLING_TARGET),
        ),
        "TEST04": (
            ("mode", 2),
            ("performance_issue_unique", 0),
            ("performance_issue_same", 1),
            ("performance_issue_same_index", SAME_INDEX),
        ),
    }
    return "".join(f"*.*.{key} = {value}\n" for key, value in settings[test])
