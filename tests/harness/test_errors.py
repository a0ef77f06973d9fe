"""The error tree and its exit statuses, and the sentence for a name nobody knows."""

from __future__ import annotations

import pytest

from harness.errors import ConfigError, HarnessError, Interrupted, RunFailed, UnknownName, exit_status, unknown


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("x"), 2),
        (UnknownName("task", "x", ["y"]), 2),
        (RunFailed("x"), 3),
        (HarnessError("x"), 3),
        (Interrupted(2), 130),
        (Interrupted(15), 143),
        (ValueError("a bug"), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_each_error_leads_to_the_exit_status_of_the_contract(error: BaseException, status: int | None) -> None:
    assert exit_status(error) == status


def test_the_errors_of_the_other_packages_are_the_users_to_fix() -> None:
    from accuracy.answers.log import LogError
    from accuracy.errors import TruthError
    from backends.base import BackendUnavailable, ModelRejected
    from tasks.base import DataMissing, ModelMismatch

    for kind in (BackendUnavailable, ModelRejected, DataMissing, ModelMismatch, LogError, TruthError):
        assert exit_status(kind("x")) == 2

        class Nearer(kind):  # type: ignore[misc, valid-type]
            pass

        assert exit_status(Nearer("x")) == 2


def test_a_near_miss_is_suggested_whatever_its_case_and_else_all_that_is_known() -> None:
    assert unknown("task", "KWS", ["kws", "qa"]) == "unknown task 'KWS'; did you mean 'kws'?"
    assert unknown("scenario", "singlestream", ["SingleStream"]).endswith("did you mean 'SingleStream'?")
    assert unknown("task", "zzz", ["qa", "kws", "qa"]) == "unknown task 'zzz'; known: kws, qa"


def test_of_many_names_only_near_ones_are_told() -> None:
    many = [f"mobile_{number}" for number in range(100)]
    assert unknown("file", "zzz", many, "./run.sh list") == "unknown file 'zzz'; ./run.sh list names all"
    assert unknown("file", "mobile_1", [*many[2:4]], "./run.sh list").endswith("did you mean 'mobile_3' or 'mobile_2'?")
    assert unknown("file", "mobile-x", many, "./run.sh list").count(" or ") == 4
    assert unknown("file", "MOBILE_7", many, "./run.sh list").endswith("did you mean 'mobile_7'?")
