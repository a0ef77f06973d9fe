"""The last word of a process: what went wrong, and the exit status that it leads to."""

from __future__ import annotations

import pytest

from backends.base import BackendUnavailable
from harness.errors import EXIT_BROKEN, EXIT_USER, Reported, RunFailed, exit_status, message_of
from harness.messages.failure import Failed, failed


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (BackendUnavailable("no driver"), EXIT_USER, "BackendUnavailable"),
        (RunFailed("no driver"), EXIT_BROKEN, "RunFailed"),
        (ZeroDivisionError("no driver"), None, "ZeroDivisionError"),
    ],
)
def test_an_error_keeps_its_class_and_status_through_any_number_of_processes(
    error: BaseException, status: int | None, kind: str
) -> None:
    told = failed(error)
    assert told == Failed(status, "no driver", kind)
    raised = told.error()
    assert (exit_status(raised), message_of(raised)) == (status, f"{kind}: no driver")
    assert failed(raised) == told


def test_a_bug_of_another_process_is_no_error_of_the_users() -> None:
    assert exit_status(Reported("KeyError", "'x'", None)) is None
