"""The short form of `python -m tests.faults`: a few faults of each kind; the long form's figures are in docs/reliability.md."""

from __future__ import annotations

from tests.faults.bombs import bombs
from tests.faults.changed import changed
from tests.faults.kept import damaged_samples
from tests.faults.runs import ground
from tests.faults.servers import lies
from tests.faults.signalled import signals
from tests.faults.table import Group, render


def _nothing_wrong(group: Group, least: int) -> None:
    assert not group.wrong, render([group])
    assert group.reached >= least, render([group])


def test_a_signal_at_any_phase_to_any_process_leaves_a_result_that_says_what_became_of_the_run() -> None:
    with ground() as where:
        _nothing_wrong(signals(where, 8, 3), least=3)


def test_a_run_under_which_a_file_changes_is_failed_and_names_it() -> None:
    with ground() as where:
        _nothing_wrong(changed(where, 10, 1), least=8)


def test_damaged_samples_are_made_anew() -> None:
    _nothing_wrong(damaged_samples(100, 1), least=80)


def test_a_server_that_lies_gives_nothing_that_is_taken_for_the_file() -> None:
    _nothing_wrong(lies(60, 1), least=50)


def test_archives_that_would_fill_the_memory_are_refused_before_they_do() -> None:
    _nothing_wrong(bombs(), least=8)
