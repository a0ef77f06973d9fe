"""What LoadGen is given: every answer whole, whatever its size, from a buffer or from where it lies."""

from __future__ import annotations

import ctypes

import pytest

from harness.serving.responder import LARGE_BYTES, Responder, abandon

Completed = list[tuple[int, bytes]]


def test_answers_of_one_size_and_of_another_come_whole_whatever_came_before(completed: Completed) -> None:
    single, responder = Responder(1), Responder(3)
    single.one(1, b"abcd")
    single.one(2, b"efgh")
    single.one(3, b"longer than the first")
    responder.complete([4, 5, 6], [b"one", b"two", b"six"])
    responder.complete([7, 8, 9], [b"", b"x", b"and more"])
    responder.complete([10, 11], [b"two", b"six"])
    assert completed == [
        (1, b"abcd"),
        (2, b"efgh"),
        (3, b"longer than the first"),
        (4, b"one"),
        (5, b"two"),
        (6, b"six"),
        (7, b""),
        (8, b"x"),
        (9, b"and more"),
        (10, b"two"),
        (11, b"six"),
    ]


def test_a_first_answer_that_is_the_longest_does_not_hide_that_the_others_differ(completed: Completed) -> None:
    Responder(2).complete([1, 2], [b"long", b"s"])
    Responder(2).complete([3, 4], [b"ab", b"abc"])
    assert completed == [(1, b"long"), (2, b"s"), (3, b"ab"), (4, b"abc")]


def test_a_large_answer_is_sent_from_where_it_lies(completed: Completed) -> None:
    large = bytes(range(256)) * (LARGE_BYTES // 256)
    single = Responder(1)
    single.one(1, large)
    assert single.responses[0].data == ctypes.cast(ctypes.c_char_p(large), ctypes.c_void_p).value
    Responder(2).complete([2, 3], [large, large[::-1]])
    single.one(4, b"small")
    assert completed == [(1, large), (2, large), (3, large[::-1]), (4, b"small")]


@pytest.mark.parametrize(("size", "sizes", "found"), [(2, (), [b"ab", b"cd"]), (-1, (1, 3), [b"a", b"bcd"])])
def test_answers_that_lie_packed_are_cut_by_their_sizes(
    size: int, sizes: tuple[int, ...], found: list[bytes], completed: Completed
) -> None:
    memory = ctypes.create_string_buffer(b"abcd")
    responder = Responder(4)
    for _ in range(2):
        responder.packed([7, 8], ctypes.addressof(memory), size, sizes)
    assert completed == [*zip((7, 8), found, strict=True)] * 2


def test_what_is_given_up_is_completed_without_an_answer(completed: Completed) -> None:
    abandon([3, 4])
    assert completed == [(3, b""), (4, b"")]
