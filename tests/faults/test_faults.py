"""The short form of `python -m tests.faults`: a few faults of each kind; the long form's figures are in docs/reliability.md."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.faults.bombs import bombs
from tests.faults.kept import damaged_samples
from tests.faults.of_runs.changed import changed
from tests.faults.of_runs.clocks import clocks
from tests.faults.of_runs.corrupted import corrupted
from tests.faults.of_runs.delegate_parts import delegate_parts
from tests.faults.of_runs.delegates import delegates
from tests.faults.of_runs.disks import disks
from tests.faults.of_runs.limits import failing_allocations, limits, remove_groups
from tests.faults.of_runs.peers import pool_peers
from tests.faults.of_runs.runs import Ground, ground
from tests.faults.of_runs.sharing import sharing
from tests.faults.of_runs.signalled import signals
from tests.faults.sanitized import sanitized
from tests.faults.servers import lies
from tests.faults.table import Group, render


@pytest.fixture(scope="module")
def where() -> Iterator[Ground]:
    with ground() as made:
        yield made


def _nothing_wrong(group: Group, least: int) -> None:
    assert not group.wrong, render([group])
    if group.whys and not group.reached:
        pytest.skip(group.whys[0])
    assert group.reached >= least, render([group])


def test_a_signal_at_any_phase_to_any_process_leaves_a_result_that_says_what_became_of_the_run(where: Ground) -> None:
    _nothing_wrong(signals(where, 8, 3), least=3)


def test_a_run_under_which_a_file_changes_is_failed_and_names_it(where: Ground) -> None:
    _nothing_wrong(changed(where, 10, 1), least=5)


def test_a_run_whose_disk_is_full_or_read_only_or_has_no_inodes_says_so(where: Ground) -> None:
    _nothing_wrong(disks(where, 6, 1), least=3)


def test_a_run_that_meets_its_limits_is_failed_or_as_good_as_any(where: Ground) -> None:
    try:
        _nothing_wrong(limits(where, 5, 2), least=2)
    finally:
        remove_groups()


def test_a_run_whose_allocations_fail_is_failed_or_as_good_as_any(where: Ground) -> None:
    _nothing_wrong(failing_allocations(where, 2, 2), least=2)


def test_a_delegate_that_misbehaves_leaves_nothing_wrong_behind(where: Ground) -> None:
    _nothing_wrong(delegates(where, delegate_parts(where.folder), 5, 2), least=3)


def test_runs_that_share_a_cache_make_it_once_whoever_is_killed(where: Ground) -> None:
    _nothing_wrong(sharing(where, 1, 1), least=3)


def test_whatever_is_damaged_in_a_cache_is_made_anew_or_named(where: Ground) -> None:
    _nothing_wrong(corrupted(where, 6, 1), least=6)


def test_a_clock_that_is_set_fails_the_run_that_measures(where: Ground) -> None:
    _nothing_wrong(clocks(where, 1, 2), least=1)


def test_a_pool_of_which_one_is_stopped_is_failed_in_time(where: Ground) -> None:
    _nothing_wrong(pool_peers(where, None, 4, 3), least=1)


def test_damaged_samples_are_made_anew() -> None:
    _nothing_wrong(damaged_samples(100, 1), least=80)


def test_a_server_that_lies_gives_nothing_that_is_taken_for_the_file() -> None:
    _nothing_wrong(lies(60, 1), least=50)


def test_archives_that_would_fill_the_memory_are_refused_before_they_do() -> None:
    _nothing_wrong(bombs(), least=8)


def test_the_c_bears_whatever_it_is_called_with(tmp_path: Path) -> None:
    _nothing_wrong(sanitized(tmp_path, 1_000, 1), least=1_000)


def test_the_sanitizers_see_what_goes_wrong_in_the_c(tmp_path: Path) -> None:
    broken = tmp_path / "native"
    shutil.copytree(REPOSITORY / "native", broken, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    source = (broken / "normal_draws.c").read_text(encoding="ascii")
    once_too_often = source.replace(
        "k < found; k++) doubles[i + k] = some[k]", "k <= found; k++) doubles[i + k] = some[k]"
    )
    assert once_too_often != source
    (broken / "normal_draws.c").write_text(once_too_often, encoding="ascii")
    group = sanitized(tmp_path, 1_000, 1, broken)
    if group.void:
        pytest.skip(group.whys[0])
    assert group.wrong == 1
    assert "heap-buffer-overflow" in group.findings[0]
