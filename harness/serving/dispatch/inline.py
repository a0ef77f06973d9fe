"""SingleStream and MultiStream: one query in flight, answered on LoadGen's own thread."""

from __future__ import annotations

from harness.machine.control import STOP_WORD, Control
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.query_times import QueryTimes, timed
from harness.serving.loadgen import Issue
from harness.serving.responder import Responder
from harness.serving.sut import Renew, SystemUnderTest
from native import timed_path


def single_stream(sut: SystemUnderTest, guard: Guard, control: Control, times: QueryTimes | None = None) -> Issue:
    """The shortest way from a query of one sample to its completion; `times` keeps how long each took."""
    if sut.renew is not None:
        return _single_stream_anew(sut, sut.renew, guard, control, times)
    if timed_path is not None:
        return _single_stream_in_c(sut, guard, control, times)
    words, slot = control.slot(0)
    answer = timed(sut.answer, times)
    complete = Responder(1).one
    stop = STOP_WORD

    def issue(query_ids: list[int], indices: list[int]) -> None:
        if words[stop]:
            guard.abandon(query_ids)
            return
        try:
            complete(query_ids[0], answer(indices[0]))
        except BaseException as error:
            guard.give_up(query_ids, error)
        words[slot] += 1

    return issue


def _single_stream_anew(
    sut: SystemUnderTest, renew: Renew, guard: Guard, control: Control, times: QueryTimes | None
) -> Issue:
    """The same for a model that keeps something: it is put back when LoadGen has the answer, so no query waits for it."""
    words, slot = control.slot(0)
    answer = timed(sut.answer, times)
    complete = Responder(1).one
    stop = STOP_WORD
    renew()

    def issue(query_ids: list[int], indices: list[int]) -> None:
        if words[stop]:
            guard.abandon(query_ids)
            return
        try:
            complete(query_ids[0], answer(indices[0]))
        except BaseException as error:
            guard.give_up(query_ids, error)
        try:
            renew()
        except BaseException as error:
            guard.fail(error)
        words[slot] += 1

    return issue


def _single_stream_in_c(sut: SystemUnderTest, guard: Guard, control: Control, times: QueryTimes | None) -> Issue:
    words, slot = control.slot(0)
    responder = Responder(1)
    issue: Issue = timed_path.SingleStream(
        words,
        STOP_WORD,
        slot,
        sut.answer,
        responder.room,
        responder.responses,
        responder.send,
        guard.give_up,
        times and times.words,
    )
    return issue


def multi_stream(
    sut: SystemUnderTest, guard: Guard, control: Control, samples_per_query: int, times: QueryTimes | None = None
) -> Issue:
    """All samples of a query one after the other, or in batches, completed together."""
    words, slot = control.slot(0)
    answer_all = timed(sut.answer_all, times)
    complete = Responder(samples_per_query).complete
    stop = STOP_WORD
    renew = sut.renew or _keeps_nothing
    renew()

    def issue(query_ids: list[int], indices: list[int]) -> None:
        if words[stop]:
            guard.abandon(query_ids)
            return
        try:
            complete(query_ids, answer_all(indices))
        except BaseException as error:
            guard.give_up(query_ids, error)
        try:
            renew()
        except BaseException as error:
            guard.fail(error)
        words[slot] += 1

    return issue


def _keeps_nothing() -> None:
    """Of a model whose queries know nothing of each other."""
