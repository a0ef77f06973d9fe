"""A backend is held against one CPU thread before anything is timed, and who disagrees is told or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from backends.base import Array
from backends.cpu import CompiledCpuBackend
from harness.errors import RunFailed
from harness.messages.worker import Opened, Proven
from harness.model.comparison import Comparison
from harness.serving import proof
from harness.serving.instances import Instances
from harness.serving.proof import agreement, can_be_proven_again, prove, prove_again, prove_rival

Make = Callable[..., Instances]
COMPILED = ("backend.options.engine", "CompiledModel")
INDICES = range(4)


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled model answers the opposite of what is right."""
    right: Any = CompiledCpuBackend.invoke

    def wrong(self: CompiledCpuBackend, inputs: Sequence[Array]) -> list[Array]:
        return [~output for output in right(self, inputs)]

    monkeypatch.setattr(CompiledCpuBackend, "invoke", wrong)


def opened(make: Make, *fields: tuple[str, Any]) -> Instances:
    instances = make(*fields)
    instances.samples.load(INDICES)
    return instances


def test_the_plain_cpu_is_its_own_proof(instances: Make) -> None:
    heard: list[Opened | Proven] = []
    prove(opened(instances), INDICES, heard.append)
    assert heard == []


def test_another_engine_is_proven_and_the_comparison_told(instances: Make) -> None:
    heard: list[Any] = []
    prove(opened(instances, COMPILED), INDICES, heard.append)
    (told,) = heard
    assert told.comparison.passed
    assert (told.comparison.samples, told.allowed) == (4, False)
    assert told.comparison.reference == "cpu, Interpreter, 1 thread, the file as it is"


def test_a_backend_that_disagrees_is_refused_and_the_comparison_told_all_the_same(
    instances: Make, spoilt: None
) -> None:
    heard: list[Any] = []
    with pytest.raises(RunFailed, match=r"disagrees with one CPU thread on 4 samples.*--allow-mismatch times it"):
        prove(opened(instances, COMPILED), INDICES, heard.append)
    assert [told.comparison.passed for told in heard] == [False]


def test_a_backend_that_disagrees_is_timed_where_the_config_allows_it(instances: Make, spoilt: None) -> None:
    heard: list[Any] = []
    prove(opened(instances, COMPILED, ("backend.allow_mismatch", True)), INDICES, heard.append)
    assert [(told.comparison.passed, told.allowed) for told in heard] == [(False, True)]


def test_a_rival_is_told_of_only_where_it_agrees(instances: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Proven] = []
    opens = opened(instances)
    rival = opens.opener.open_with({"engine": "CompiledModel"})
    assert prove_rival(opens, rival, INDICES, heard.append)
    assert len(heard) == 1
    monkeypatch.setattr(rival, "invoke", lambda inputs: [output * 0 for output in opens.first.invoke(inputs)])
    assert not prove_rival(opens, rival, INDICES, heard.append)
    assert len(heard) == 1
    assert not agreement(opens, rival, INDICES).passed


def test_a_completed_model_that_answers_otherwise_gives_way_to_the_file_as_it_is(
    instances: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = opened(instances)
    before = opens.first
    completed = "the shapes of 3 tensors were written into a copy of it"
    opens.opener.file = replace(opens.opener.file, completed=completed)
    monkeypatch.setattr(proof, "agreement", lambda *_: Comparison(False, ("output scores: 90 steps",), 4))
    heard: list[Any] = []
    prove(opens, INDICES, heard.append)
    assert heard == [opens.opened()]
    assert isinstance(heard[0], Opened)
    assert heard[0].modified is None
    assert opens.first is not before
    assert opens.warnings == [
        "the model runs as it is: with its missing shapes completed it answers otherwise (output scores: 90 steps)"
    ]


def test_a_backend_that_breaks_while_it_is_timed_is_found_afterwards(
    instances: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = opened(instances, COMPILED)
    prove(found, INDICES, lambda _: None)
    assert can_be_proven_again(found)
    prove_again(found, found.first, INDICES)
    right: Any = CompiledCpuBackend.invoke
    monkeypatch.setattr(CompiledCpuBackend, "invoke", lambda self, inputs: [~each for each in right(self, inputs)])
    with pytest.raises(RunFailed, match="answered as the CPU does before LoadGen and no longer did after it"):
        prove_again(found, found.first, INDICES)


def test_what_was_never_held_against_the_cpu_is_not_held_against_it_afterwards(instances: Make) -> None:
    assert not can_be_proven_again(opened(instances))
    assert not can_be_proven_again(opened(instances, COMPILED, ("backend.allow_mismatch", True)))
