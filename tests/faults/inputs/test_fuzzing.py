"""Every reader of outside data ends in the error tree: a few inputs each here, `python -m tests.faults` tries many."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from accuracy.errors import TruthError
from tests.faults.inputs.fuzzing import fuzz, replay, wrong_with
from tests.faults.inputs.mutations import json_tree
from tests.faults.inputs.readers import Reader, readers
from tests.faults.inputs.states import states
from tests.faults.table import render


def test_every_reader_takes_its_seeds_and_refuses_what_is_near_them_by_an_error_of_the_tree() -> None:
    groups = fuzz(readers(), inputs=3_000, seed=15)
    assert not sum(group.wrong for group in groups), render(groups)
    assert sum(group.reached for group in groups) > 2_500
    assert all(group.reached for group in groups)


def test_what_the_program_has_kept_and_finds_damaged_is_taken_for_absent_or_named() -> None:
    groups = fuzz(states(), inputs=1_500, seed=15)
    assert not sum(group.wrong for group in groups), render(groups)
    assert all(group.reached for group in groups)


@pytest.mark.parametrize("reader", [each for each in states() if each.ways[0] is json_tree], ids=lambda each: each.name)
def test_state_that_is_nested_without_end_is_no_traceback(reader: Reader, tmp_path: Path) -> None:
    assert wrong_with(reader, b"[" * 100_000, tmp_path) is None


def test_inputs_that_were_once_read_wrongly_are_refused() -> None:
    group = replay(readers())
    assert group.right == group.injected > 5, group.findings


def test_a_reader_that_leaks_an_error_is_found_and_its_input_made_small(tmp_path: Path) -> None:
    def read(path: Path) -> object:
        if b"x" in path.read_bytes():
            raise TruthError("an x")
        return {}["nobody" if b"7" in path.read_bytes() else None]  # type: ignore[index]

    def way(seed: bytes, dice: object) -> bytes:
        return seed + b"7"

    reader = Reader("leaky", "a.bin", read, [b"abcx", b"abcdefgh"], [way])
    [group] = fuzz([reader], inputs=40, seed=1, keep=tmp_path / "kept")
    assert group.right
    assert group.wrong
    [kept] = (tmp_path / "kept").iterdir()
    assert kept.read_bytes() in (b"7", b"")
    assert wrong_with(reader, b"7", tmp_path) == "KeyError at test_fuzzing.py:read: \"'nobody'\""


def test_the_same_dice_damage_the_same_input_the_same_way_however_many_came_before() -> None:
    seed = json.dumps({"a": [1, 2], "b": {"c": [], "d": 0.5}}).encode()
    first = [json_tree(seed, random.Random(number)) for number in range(300)]
    assert [json_tree(seed, random.Random(number)) for number in range(300)] == first
