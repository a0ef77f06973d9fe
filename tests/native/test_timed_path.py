"""The timed path in C: each class does what its twin in Python does, and nothing is lost where something goes wrong."""

from __future__ import annotations

import ctypes
import gc
import itertools
import math
import sys
import weakref
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from backends.cpu import CpuBackend
from backends.litert.tensor_memory import as_bytes
from harness.serving.responder import LARGE_BYTES
from tasks.outputs.label_answers import BestLabel

timed_path = native.timed_path
if timed_path is None:
    pytest.skip(f"the timed path in C is not here: {native.why_not}", allow_module_level=True)

Array = npt.NDArray[Any]
STOP, DONE = 0, 3
SCORES: dict[np.dtype[Any], st.SearchStrategy[float]] = {
    np.dtype(np.int8): st.integers(-128, 127),
    np.dtype(np.uint8): st.integers(0, 255),
    np.dtype(np.int16): st.integers(-(2**15), 2**15 - 1),
    np.dtype(np.float32): st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 2.0, math.inf, math.nan]),
    np.dtype(np.float16): st.sampled_from([-1.0, 0.0, 0.5, math.nan]),
    np.dtype(np.float64): st.sampled_from([-1.0, 0.0, 0.5, math.nan]),
}


@st.composite
def outputs(draw: st.DrawFn) -> Array:
    dtype = draw(st.sampled_from(list(SCORES)))
    row = draw(st.lists(SCORES[dtype], min_size=1, max_size=70))
    memory = np.array([row, row], dtype)
    return draw(
        st.sampled_from(
            [memory[:1], memory[0], memory[:1, ::-1], memory.T[:, :1], memory.astype(dtype.newbyteorder())[:1]]
        )
    )


@settings(deadline=None, derandomize=True)
@given(seen=st.lists(outputs(), min_size=1, max_size=4), count=st.integers(1, 70), offset=st.integers(0, 2))
def test_the_best_label_is_that_of_the_twin_whatever_the_scores(seen: list[Array], count: int, offset: int) -> None:
    best = BestLabel(count, offset, "int32")
    in_c, twin = best.answerer(), best.answerer_in_python()
    assert type(in_c) is timed_path.BestLabel
    for scores in (*seen, seen[0]):
        assert outcome(in_c, [scores]) == outcome(twin, [scores])
        assert outcome(in_c, (scores,)) == outcome(twin, (scores,))


def outcome(call: Any, *given: Any) -> Any:
    try:
        return call(*given)
    except (IndexError, ValueError) as error:
        return type(error)


def test_the_best_label_follows_what_is_written_into_the_array() -> None:
    scores = np.zeros((1, 4), np.int8)
    best = timed_path.BestLabel((b"a", b"b", b"c", b"d"), 1, otherwise=None)
    found = []
    for place in (3, 0, 2):
        scores[...] = 0
        scores[0, place] = 1
        found.append(best([scores]))
    assert found == [b"d", b"b", b"c"]


def keyword_backend(model: Path, monkeypatch: pytest.MonkeyPatch, *, in_c: bool) -> Any:
    monkeypatch.setattr("backends.litert.interpreter.timed_path", timed_path if in_c else None)
    backend = CpuBackend(model, threads=1)
    run = backend.raw_runner()
    assert run is not None
    assert (type(run) is timed_path.RawRun) == in_c
    return backend, run


def test_the_model_runs_on_the_bytes_it_is_given(keyword_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, run = keyword_backend(keyword_model, monkeypatch, in_c=True)
    _, twin = keyword_backend(keyword_model, monkeypatch, in_c=False)
    rng = np.random.default_rng(3)
    spec = backend.inputs[0]
    for _ in range(5):
        row = (as_bytes(rng.integers(-128, 128, spec.shape).astype(spec.dtype)),)
        np.testing.assert_array_equal(run(row)[0], twin(row)[0])
    # The interpreter's own way stays open: nothing holds on to its insides.
    assert backend.invoke([np.zeros(spec.shape, spec.dtype)])


@pytest.mark.parametrize("in_c", [True, False])
@pytest.mark.parametrize("row", [(b"too short",), ()])
def test_inputs_that_do_not_fit_are_refused_and_the_model_runs_on(
    row: Sequence[bytes], in_c: bool, keyword_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, run = keyword_backend(keyword_model, monkeypatch, in_c=in_c)
    with pytest.raises((ValueError, IndexError)):
        run(row)
    assert run((as_bytes(np.zeros(backend.inputs[0].shape, np.int8)),))


def test_what_is_no_input_is_told_by_its_size() -> None:
    with pytest.raises(ValueError, match="input 1 takes 4 bytes, not 3"):
        timed_path.RawRun([memoryview(bytearray(2)), memoryview(bytearray(4))], len, "", "x", [])((b"ab", b"abc"))
    with pytest.raises(BufferError):
        timed_path.RawRun([memoryview(b"read only")], len, "", "x", [])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="only from Python 3.12 on does a buffer run code in Python")
def test_inputs_that_vanish_while_they_are_copied_are_no_crash() -> None:
    row: list[Any] = []

    class Vanishing:
        def __buffer__(self, flags: int) -> memoryview:
            row.clear()
            return memoryview(b"x")

    row += [Vanishing(), b"y"]
    memory = bytearray(2)
    timed_path.RawRun([memoryview(memory)[:1], memoryview(memory)[1:]], len, "", "__doc__", [])(row)
    assert memory == b"xy"


def test_answers_come_in_the_order_of_the_question() -> None:
    answer = timed_path.Answer([1, 2, 3], lambda row: row * 10, lambda found: b"%d" % found)
    assert [answer(2), answer.all([2, 0, 2]), answer.all(()), answer.all(range(2))] == [
        b"30",
        [b"30", b"10", b"30"],
        [],
        [b"10", b"20"],
    ]


def test_a_sample_is_named_by_any_integer() -> None:
    answer = timed_path.Answer([1, 2], lambda row: row, lambda found: b"%d" % found)
    assert [answer(np.int64(1)), answer.all(np.array([1, 0]))] == [b"2", [b"2", b"1"]]


@pytest.mark.parametrize(("index", "error"), [(3, IndexError), (-1, IndexError), (2**70, IndexError), ("a", TypeError)])
def test_a_sample_that_is_none_is_refused(index: Any, error: type[Exception]) -> None:
    answer = timed_path.Answer([1, 2, 3], abs, bytes)
    with pytest.raises(error):
        answer(index)
    with pytest.raises(error):
        answer.all([0, index])


@pytest.mark.parametrize("broken", ["run", "postprocess"])
def test_a_failure_of_the_model_or_after_it_comes_through_and_nothing_leaks(broken: str) -> None:
    row = object()

    def fail(given: object) -> bytes:
        raise LookupError("broken")

    parts: dict[str, Any] = {"run": lambda given: given, "postprocess": lambda given: b"x"}
    answer = timed_path.Answer([row], **(parts | {broken: fail}))
    for call, asked in ((answer, 0), (answer.all, [0, 0])):
        for _ in range(3):
            with pytest.raises(LookupError, match="broken"):
                call(asked)
    gc.collect()
    assert len([one for one in gc.get_referrers(row) if isinstance(one, list)]) == 1


def test_a_list_that_shrinks_while_it_is_answered_is_an_error_not_a_crash() -> None:
    asked = [0, 0, 0]
    answer = timed_path.Answer([asked], lambda row: row.clear() or row, lambda found: b"x")
    with pytest.raises(RuntimeError, match="changed"):
        answer.all(asked)


class Response:
    id = data = size = 0


class Stream:
    """SingleStream with all around it."""

    def __init__(self, answer: Any) -> None:
        self.words = memoryview(bytearray(8 * 8)).cast("Q")
        self.sent: list[tuple[int, bytes]] = []
        self.given_up: list[tuple[list[int], BaseException | None]] = []
        self.buffer, self.size, self.rooms = memoryview(bytearray()), 0, 0
        self.responses = [Response()]
        self.issue = timed_path.SingleStream(
            self.words,
            STOP,
            DONE,
            answer,
            self.room,
            self.responses,
            self.send,
            lambda ids, error: self.given_up.append((ids, error)),
        )

    def room(self, size: int) -> memoryview:
        self.rooms += 1
        self.size = size
        if size > len(self.buffer):
            self.buffer = memoryview(bytearray(size))
        return self.buffer

    def send(self, responses: list[Response]) -> None:
        self.sent.append((responses[0].id, bytes(self.buffer[: self.size])))


@settings(deadline=None, derandomize=True)
@given(answers=st.lists(st.binary(max_size=9), min_size=1, max_size=20))
def test_every_answer_goes_out_whole_under_the_id_of_its_query(answers: list[bytes]) -> None:
    stream = Stream(lambda index: answers[index])
    for index in range(len(answers)):
        stream.issue([2**63 + index], [index])
    assert stream.sent == [(2**63 + index, data) for index, data in enumerate(answers)]
    assert stream.words[DONE] == len(answers)
    assert stream.given_up == []
    changes = sum(len(one) != len(other) for one, other in itertools.pairwise(answers))
    assert stream.rooms == 1 + changes


def test_a_large_answer_is_sent_from_where_it_lies_and_a_small_one_after_it_from_the_room() -> None:
    assert timed_path.LARGE_BYTES == LARGE_BYTES
    large = [bytes([number]) * LARGE_BYTES for number in (1, 2)]
    answers = [b"small", large[0], large[1], b"small"]
    stream = Stream(lambda index: answers[index])
    found: list[tuple[int, int]] = []
    stream.send = lambda responses: found.append((responses[0].data, responses[0].size))  # type: ignore[method-assign]
    stream.issue = timed_path.SingleStream(
        stream.words, STOP, DONE, lambda index: answers[index], stream.room, stream.responses, stream.send, print
    )
    for index in range(4):
        stream.issue([index], [index])
    address = [ctypes.cast(ctypes.c_char_p(one), ctypes.c_void_p).value for one in large]
    assert found[1:3] == [(address[0], LARGE_BYTES), (address[1], LARGE_BYTES)]
    assert stream.rooms == 2
    assert stream.words[DONE] == 4


def test_a_run_that_is_stopped_answers_nothing_any_more_and_counts_nothing() -> None:
    stream = Stream(lambda index: pytest.fail("asked"))
    stream.words[STOP] = 15
    stream.issue([7], [0])
    assert (stream.given_up, stream.sent, stream.words[DONE]) == ([([7], None)], [], 0)


@pytest.mark.parametrize("failure", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit(3)])
def test_a_failure_is_handed_over_with_its_query_and_never_leaves_the_callback(failure: BaseException) -> None:
    def answer(index: int) -> bytes:
        raise failure

    stream = Stream(answer)
    stream.issue([7], [0])
    assert stream.given_up == [([7], failure)]
    assert failure.__traceback__ is not None
    assert (stream.sent, stream.words[DONE]) == ([], 1)


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_an_answer_may_be_anything_that_has_bytes(kind: Any) -> None:
    stream = Stream(lambda index: kind((b"", b"ab", b"cd", b"xyz")[index]))
    for index in range(4):
        stream.issue([index], [index])
    assert (stream.sent, stream.given_up) == ([(0, b""), (1, b"ab"), (2, b"cd"), (3, b"xyz")], [])


def test_a_response_stays_whatever_becomes_of_the_list_of_them() -> None:
    stream = Stream(lambda index: b"x")
    stream.responses.clear()
    stream.issue([7], [0])
    assert [type(error) for _, error in stream.given_up] == [IndexError]


@pytest.mark.parametrize("answer", ["text", None, 3])
def test_an_answer_that_is_no_bytes_is_a_failure(answer: Any) -> None:
    stream = Stream(lambda index: answer)
    stream.issue([7], [0])
    ((ids, error),) = stream.given_up
    assert (ids, type(error), stream.sent) == ([7], TypeError, [])


def no_room(size: int) -> memoryview:
    raise MemoryError(f"no room for {size}")


@pytest.mark.parametrize(
    ("parts", "failure"),
    [
        ({"room": no_room}, MemoryError),
        ({"room": lambda size: memoryview(bytearray(0))}, ValueError),
        ({"room": lambda size: memoryview(b"read only")}, BufferError),
        ({"complete": int}, TypeError),
        ({"responses": [object()]}, AttributeError),
    ],
)
def test_a_completion_that_fails_is_a_failure(parts: dict[str, Any], failure: type[Exception]) -> None:
    stream = Stream(len)
    given: dict[str, Any] = {"room": stream.room, "complete": stream.send, "responses": stream.responses}
    seen: list[Any] = []
    issue = timed_path.SingleStream(
        stream.words, STOP, DONE, lambda index: b"x", abandon=lambda ids, error: seen.append(error), **(given | parts)
    )
    for _ in range(2):
        issue([1], [0])
    assert [type(error) for error in seen] == [failure, failure]


@pytest.mark.parametrize("query", [([], [0]), ([1], []), ((1,), (0,))])
def test_a_query_that_is_none_is_a_failure(query: tuple[Any, Any]) -> None:
    stream = Stream(lambda index: b"x")
    stream.issue(*query)
    assert [type(error) for _, error in stream.given_up] == [TypeError]


@pytest.mark.parametrize("place", [-1, 8])
def test_words_that_are_not_there_are_refused(place: int) -> None:
    words = memoryview(bytearray(64)).cast("Q")
    for stop, done in ((place, 0), (0, place)):
        with pytest.raises(IndexError, match="of 8"):
            timed_path.SingleStream(words, stop, done, len, len, [Response()], len, len)


@pytest.mark.parametrize("times", [bytearray(24), array("Q", [0, 0, 0, 64, 0])])
def test_memory_that_cannot_hold_times_is_refused(times: Any) -> None:
    words = memoryview(bytearray(64)).cast("Q")
    with pytest.raises(ValueError, match="no room for times"):
        timed_path.SingleStream(words, 0, 1, len, len, [Response()], len, len, times)


@pytest.mark.parametrize(
    "made",
    [
        lambda: timed_path.RawRun([], len, "", "x", []),
        lambda: timed_path.BestLabel((b"a",), 0, len),
        lambda: timed_path.Answer([], len, len),
        lambda: Stream(len).issue,
    ],
)
def test_a_call_of_another_form_is_a_type_error(made: Any) -> None:
    for arguments, keywords in (((), {}), ((1, 2, 3), {}), ((1,), {"x": 1})):
        with pytest.raises(TypeError, match="is called with"):
            made()(*arguments, **keywords)


class Token:
    """Something whose end can be seen."""


def test_a_cycle_through_any_of_them_is_collected() -> None:
    tokens = [Token() for _ in range(4)]
    ends = [weakref.ref(token) for token in tokens]
    rows: list[Any] = [tokens[0]]
    rows.append(timed_path.Answer(rows, len, len))
    held: list[Any] = [tokens[1]]
    held.append(timed_path.RawRun([memoryview(bytearray(1))], len, held, "x", held))
    best_holder: list[Any] = [tokens[2]]
    best_holder.append(timed_path.BestLabel((b"a",), 0, best_holder.append))
    responses: list[Any] = [tokens[3]]
    words = memoryview(bytearray(64)).cast("Q")
    tokens[3].stream = timed_path.SingleStream(words, 0, 1, len, len, responses, len, len)  # type: ignore[attr-defined]
    del tokens, rows, held, best_holder, responses
    gc.collect()
    assert [end() for end in ends] == [None] * 4


def stream_on(view: memoryview, held: dict[str, Any]) -> Any:
    return timed_path.SingleStream(view, 0, 1, len, len, [Response()], len, held.get)


def run_on(view: memoryview, held: dict[str, Any]) -> Any:
    return timed_path.RawRun([view], len, held, "x", [])


def best_on(view: memoryview, held: dict[str, Any]) -> Any:
    best = timed_path.BestLabel((b"x",) * 64, 0, held.get)
    assert best([view]) == b"x"
    return best


@pytest.mark.parametrize("made", [stream_on, run_on, best_on])
def test_a_cycle_that_also_holds_the_memory_is_collected_and_the_memory_let_go(made: Any) -> None:
    memory = bytearray(64)
    # Older than all else, so that the collector comes to it first.
    view = memoryview(memory).cast("b")
    token = Token()
    held: dict[str, Any] = {"token": token, "view": view}
    held["made"] = made(view, held)
    end = weakref.ref(token)
    with pytest.raises(BufferError):
        memory.clear()
    del token, held, view
    gc.collect()
    assert end() is None
    memory.clear()
