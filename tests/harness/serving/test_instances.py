"""A run's instances: one in hand, others opened as they are asked for, each with the task around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.serving.instances import Instances

Make = Callable[..., Instances]


def test_the_instance_in_hand_is_the_first_to_be_used_and_then_another_is_opened(instances: Make) -> None:
    opens = instances()
    opens.samples.load([0])
    first = opens.first
    assert opens.first is first
    one, other = opens.sut(1), opens.sut(1)
    assert one.backend is first
    assert other.backend is not first
    assert one.answer(0) == other.answer(0)


def test_an_instance_of_more_threads_leaves_the_one_in_hand_where_it_is(instances: Make) -> None:
    opens = instances()
    opens.samples.load([0])
    in_hand = opens.first
    assert opens.sut(2).backend is not in_hand
    assert opens.sut(1).backend is in_hand


def test_an_instance_with_a_batch_answers_as_one_by_one(instances: Make, flexible_keyword_model: Path) -> None:
    opens = instances(model=flexible_keyword_model)
    opens.samples.load(range(6))
    single, batched = opens.sut(1), opens.sut(1, batch=4)
    assert (single.batch, batched.batch) == (1, 4)
    assert batched.answer_all(range(6)) == [single.answer(index) for index in range(6)]


def test_options_that_are_taken_hold_for_every_further_instance(instances: Make) -> None:
    opens = instances()
    opens.samples.load([0])
    options = {"engine": "CompiledModel"}
    compiled = opens.opener.open_with(options)
    opens.take(options, compiled)
    assert opens.info.engine == "CompiledModel"
    assert opens.sut(1).backend is compiled
    assert opens.sut(1).backend.info().engine == "CompiledModel"


def test_instances_of_an_accelerator_are_put_nowhere(instances: Make) -> None:
    opens = instances()
    opens.info = replace(opens.info, accelerator=True)
    placement = opens.place(1, 1)
    assert placement.instances == ()
    assert placement.why == "an accelerator does the work"
