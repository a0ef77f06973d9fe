"""The cases of one command, and what becomes of them where some break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from harness.bench.result import BenchRow, Refusal
from harness.bench.session import BenchCase, Contestant, Settings, take_turns, told_apart
from harness.model.subject import Subject
from harness.turns.process import CandidateFailed


def test_files_of_one_name_are_told_apart_by_their_folders(small: Path, subject_of: Callable[..., Subject]) -> None:
    subject = subject_of(small)
    other = replace(subject, model=Path("/models/pruned/small.tflite"))
    names = [case.subject.name for case in told_apart([BenchCase(subject), BenchCase(other), BenchCase(subject)])]
    assert names == [f"{small.parent.name}/small", "pruned/small", f"{small.parent.name}/small"]
    assert [case.subject.name for case in told_apart([BenchCase(subject), BenchCase(subject, "null")])] == ["small"] * 2


class Stub:
    """A contestant of a known speed that fails in the round that is named; only the measuring is made up."""

    timeout_s = 1.0
    wants_more = False

    def __init__(self, speed: float, fails_in: int = -1) -> None:
        self._speed, self._fails_in, self.rounds, self.alone = speed, fails_in, 0, False
        self.row = BenchRow(f"{speed:g}", "", "", "file", "cpu", 1)

    def round(self, timeout_s: float) -> float:
        """One round."""
        self.rounds += 1
        if self.rounds == self._fails_in:
            raise CandidateFailed("its process was killed by SIGSEGV", "crashed", None)
        return self._speed

    def run_all(self) -> None:
        """All at once."""
        self.alone = True

    def refuse(self, failure: CandidateFailed) -> None:
        """Notes it."""
        self.row = replace(self.row, refusal=Refusal(failure.kind, str(failure), 3))


def test_where_the_first_crashes_in_its_turns_the_others_are_held_against_the_next() -> None:
    entries = [Stub(1.0, fails_in=2), Stub(2.0), Stub(3.0), Stub(4.0, fails_in=5)]
    take_turns(cast("list[Contestant]", entries), Settings())
    assert [entry.row.standing for entry in entries] == [None, None, "quicker", "not told apart"]
    assert entries[2].row.speed is not None
    assert entries[2].row.speed.median == 1.5
    assert [entry.row.refusal is not None for entry in entries] == [True, False, False, True]


def test_the_last_that_is_left_is_measured_alone() -> None:
    entries = [Stub(1.0, fails_in=1), Stub(2.0)]
    take_turns(cast("list[Contestant]", entries), Settings())
    assert entries[1].alone
    assert entries[1].row.standing is None
