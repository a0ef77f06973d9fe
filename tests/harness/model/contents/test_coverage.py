"""A backend that leaves the model to the CPU is refused; one that leaves some of it says what."""

from __future__ import annotations

from typing import Any

import pytest

from backends.base import Backend, BackendInfo, BackendUnavailable, Coverage, TimeShare
from harness.model.contents.coverage import judge_coverage, time_share


def info(delegated: int, left: dict[str, int], *, accelerator: bool = True) -> BackendInfo:
    nodes = delegated + sum(left.values())
    return BackendInfo("dsp", "Interpreter", "libdsp.so", {}, Coverage(nodes, delegated, 1, left), accelerator)


def test_an_accelerator_that_takes_nothing_is_refused_with_the_ops_it_left() -> None:
    with pytest.raises(
        BackendUnavailable, match=r"takes none of the model's 3 ops.*: ADD \(2\), MUL\. Use --backend cpu"
    ):
        judge_coverage(info(0, {"MUL": 1, "ADD": 2}), None)


def test_the_cpu_may_leave_all_ops_to_its_own_kernels() -> None:
    assert judge_coverage(info(0, {"ADD": 2}, accelerator=False), None) == []


def test_what_an_accelerator_leaves_is_a_warning_until_more_is_required() -> None:
    assert judge_coverage(info(3, {"ADD": 1}), 0.75) == ["libdsp.so runs 3 of 4 ops; left on the CPU: ADD"]
    with pytest.raises(BackendUnavailable, match=r"runs 3 of 4 ops \(75\.0%\) in libdsp\.so, 80\.0% are required"):
        judge_coverage(info(3, {"ADD": 1}), 0.8)
    assert judge_coverage(info(4, {}), 1.0) == []


def test_many_kinds_of_ops_are_counted_and_not_all_named() -> None:
    left = {f"OP{number}": 20 - number for number in range(11)}
    (warning,) = judge_coverage(info(1, left), None)
    assert warning.endswith("OP7 (13) and 3 more kinds")


def test_a_backend_that_does_not_tell_cannot_be_required_to_run_all() -> None:
    silent = BackendInfo("own", "none", None)
    assert judge_coverage(silent, None) == []
    with pytest.raises(BackendUnavailable, match="does not tell which ops it runs"):
        judge_coverage(silent, 1.0)


def test_the_cpus_part_of_the_time_is_measured_only_where_there_is_one_and_it_does_not_take_too_long() -> None:
    class Measures(Backend):
        def invoke(self, inputs: Any) -> Any: ...

        def info(self) -> BackendInfo:
            return info(3, {"ADD": 1})

        def time_share(self, inputs: Any) -> TimeShare:
            return TimeShare(0.25)

    assert time_share(Measures(), info(3, {"ADD": 1}), [], 1_000) == TimeShare(0.25)
    assert time_share(Measures(), info(4, {}), [], 1_000) == TimeShare(0.0)
    assert time_share(Measures(), info(0, {"ADD": 1}, accelerator=False), [], 1_000).cpu is None
    assert "too long to profile" in str(time_share(Measures(), info(3, {"ADD": 1}), [], 3_000_000_000).why)
