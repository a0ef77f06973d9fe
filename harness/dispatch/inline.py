"""SingleStream and MultiStream: one query in flight, answered on LoadGen's own thread."""

from __future__ import annotations

from harness.control import STOP_WORD, Control
from harness.dispatch.guard import Guard
from harness.loadgen import Issue, Responder
from harness.sut import SystemUnderTest


def single_stream(sut: SystemUnderTest, guard: Guard, control: Control) -> Issue:
    """The shortest way from a query of one sample to its completion."""
    words, slot = control.slot(0)
    answer = sut.answer
    complete = Responder(1).one
    stop = STOP_WORD

    def issue(query_ids: list[int], indices: list[int]) -> None:
        if words[stop]:
            guard.abandon(query_ids)
            return
        try:
            complete(query_ids[0], answer(indices[0]))
        except BaseException as error:
            guard.fail(error)
            guard.abandon(query_ids)
        words[slot] += 1

    return issue


def multi_stream(sut: SystemUnderTest, guard: Guard, control: Control, samples_per_query: int) -> Issue:
    """All samples of a query one after the other, or in batches, completed together."""
    words, slot = control.slot(0)
    answer_all = sut.answer_all
    complete = Responder(samples_per_query).complete
    stop = STOP_WORD

    def issue(query_ids: list[int], indices: list[int]) -> None:
        if words[stop]:
            guard.abandon(query_ids)
            return
        try:
            complete(query_ids, answer_all(indices))
        except BaseException as error:
            guard.fail(error)
            guard.abandon(query_ids)
        words[slot] += 1

    return issue
