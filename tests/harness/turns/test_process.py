"""Processes that measure: what they say, and what is said of those that break."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.messages.probe import Round
from harness.turns.process import CandidateFailed, MeasuringProcess


def test_a_process_that_ends_without_a_word_has_crashed_and_its_last_lines_are_told() -> None:
    process = MeasuringProcess("harness.turns.no_such_module", purpose="test")
    folder = process.folder
    with pytest.raises(CandidateFailed, match=r"ended with exit status 1: .*no_such_module") as caught:
        process.open(Round, 600)
    assert caught.value.kind == "crashed"
    process.close()
    process.close()
    assert not folder.exists()


def test_what_a_process_needs_lies_in_its_folder_before_it_starts() -> None:
    seen: list[Path] = []
    process = MeasuringProcess("harness.turns.no_such_module", purpose="test", prepare=seen.append)
    assert seen == []
    with pytest.raises(CandidateFailed):
        process.open(Round, 600)
    assert seen == [process.folder]
    process.close()


def test_one_that_says_nothing_in_time_is_too_slow() -> None:
    process = MeasuringProcess("harness.turns.no_such_module", purpose="test")
    with pytest.raises(CandidateFailed, match="no answer within 0 s") as caught:
        process.open(Round, 0)
    assert caught.value.kind == "too slow"
    process.close()
