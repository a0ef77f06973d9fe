"""The short form of `python -m tests.faults`: a few faults of each kind; the long form's figures are in docs/reliability.md."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
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

_TIMES = 10


@pytest.fixture(scope="module")
def where() -> Iterator[Ground]:
    with ground() as made:
        yield made


def _nothing_wrong(least: int, *groups: Group) -> None:
    assert not any(group.wrong for group in groups), render(groups)
    reached = sum(group.reached for group in groups)
    if groups[0].whys and not reached:
        pytest.skip(groups[0].whys[0])
    assert reached >= least, render(groups)


def _in_time(where: Ground, least: int, of: Callable[[Ground], Group]) -> None:
    """Nothing wrong in so many: where a busy machine has let their moments pass, they are tried once more."""
    groups: list[Group] = []
    while sum(group.reached for group in groups) < least and len(groups) < _TIMES:
        groups.append(of(replace(where, folder=Path(tempfile.mkdtemp(dir=where.folder)))))
    _nothing_wrong(least, *groups)


def test_a_signal_at_any_phase_to_any_process_leaves_a_result_that_says_what_became_of_the_run(where: Ground) -> None:
    _in_time(where, 3, lambda here: signals(here, 8, 3))


def test_a_run_under_which_a_file_changes_is_failed_and_names_it(where: Ground) -> None:
    _in_time(where, 5, lambda here: changed(here, 10, 1))


def test_a_run_whose_disk_is_full_or_read_only_or_has_no_inodes_says_so(where: Ground) -> None:
    _in_time(where, 3, lambda here: disks(here, 6, 1))


def test_a_run_that_meets_its_limits_is_failed_or_as_good_as_any(where: Ground) -> None:
    try:
        _in_time(where, 2, lambda here: limits(here, 5, 2))
    finally:
        remove_groups()


def test_a_run_whose_allocations_fail_is_failed_or_as_good_as_any(where: Ground) -> None:
    _in_time(where, 2, lambda here: failing_allocations(here, 2, 2))


def test_a_delegate_that_misbehaves_leaves_nothing_wrong_behind(where: Ground) -> None:
    parts = delegate_parts(where.folder)
    _in_time(where, 3, lambda here: delegates(here, parts, 5, 2))


def test_runs_that_share_a_cache_make_it_once_whoever_is_killed(where: Ground) -> None:
    _in_time(where, 3, lambda here: sharing(here, 1, 1))


def test_whatever_is_damaged_in_a_cache_is_made_anew_or_named(where: Ground) -> None:
    _in_time(where, 6, lambda here: corrupted(here, 6, 1))


def test_a_clock_that_is_set_fails_the_run_that_measures(where: Ground) -> None:
    # By this seed while LoadGen measures: to start takes a warm process no time in which a clock could be set.
    _in_time(where, 1, lambda here: clocks(here, 1, 7))


def test_a_pool_of_which_one_is_stopped_is_failed_in_time(where: Ground) -> None:
    _in_time(where, 1, lambda here: pool_peers(here, None, 4, 3))


def test_damaged_samples_are_made_anew() -> None:
    _nothing_wrong(80, damaged_samples(100, 1))


def test_a_server_that_lies_gives_nothing_that_is_taken_for_the_file() -> None:
    _nothing_wrong(50, lies(60, 1))


def test_archives_that_would_fill_the_memory_are_refused_before_they_do() -> None:
    _nothing_wrong(8, bombs())


def test_the_c_bears_whatever_it_is_called_with(tmp_path: Path) -> None:
    _nothing_wrong(1_000, sanitized(tmp_path, 1_000, 1))


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
