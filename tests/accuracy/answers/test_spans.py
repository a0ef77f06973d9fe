"""From logits to the best span, and from all windows to one answer a question."""

from __future__ import annotations

import itertools
import random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.spans import AnswerSpan, BestAnswers, Window, best_span

quick = settings(deadline=None, derandomize=True, max_examples=200)
Floats = npt.NDArray[np.float32]


def window(question: int, context: int, max_context: list[bool] | None = None, qas_id: str = "q") -> Window:
    tokens = ["[CLS]", *["why"] * question, "[SEP]", *(f"w{at}" for at in range(context)), "[SEP]"]
    is_max = np.array([True] * context if max_context is None else max_context, bool)
    return Window(qas_id, tokens, np.arange(context), is_max)


def by_the_rules(window: Window, start: Floats, end: Floats, n_best: int, longest: int) -> AnswerSpan | None:
    """All pairs of the best starts and ends, one rule after the other, as run_squad.py states them."""

    def best(logits: Floats) -> list[int]:
        return sorted(range(len(logits)), key=lambda at: -float(logits[at]))[:n_best]

    first = window.tokens.index("[SEP]") + 1
    context = range(first, first + len(window.token_to_orig_map))
    pairs = []
    for left, right in itertools.product(best(start), best(end)):
        if left >= len(window.tokens) or right >= len(window.tokens):
            continue
        if left not in context or right not in context:
            continue
        if not window.token_is_max_context[left - first]:
            continue
        if right < left or right - left + 1 > longest:
            continue
        pairs.append(AnswerSpan(float(start[left]) + float(end[right]), left, right))
    return max(pairs, key=lambda pair: pair.score) if pairs else None  # of equals max() keeps the first


@quick
@given(st.data())
def test_the_best_span_is_the_one_the_rules_name(data: st.DataObject) -> None:
    question = data.draw(st.integers(1, 4))
    context = data.draw(st.integers(1, 12))
    asked = window(question, context, data.draw(st.lists(st.booleans(), min_size=context, max_size=context)))
    sequence = len(asked.tokens) + data.draw(st.integers(0, 5))
    # Few different values, so that many are equal and the order of equals shows.
    values = st.lists(st.integers(-3, 3), min_size=sequence, max_size=sequence)
    start, end = (np.array(data.draw(values), np.float32) for _ in range(2))
    n_best, longest = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 8))
    assert best_span(asked, start, end, n_best=n_best, max_answer_length=longest) == by_the_rules(
        asked, start, end, n_best, longest
    )


def peaks(sequence: int, *places: tuple[int, float]) -> Floats:
    logits = np.zeros(sequence, np.float32)
    for place, height in places:
        logits[place] = height
    return logits


def test_an_answer_may_be_thirty_tokens_long_and_no_longer() -> None:
    asked = window(1, 60)
    for length, found in ((30, (3, 32)), (31, None)):
        start = peaks(70, (3, 9.0))
        end = peaks(70, (3 + length - 1, 9.0))
        span = best_span(asked, start, end, n_best=1)
        assert (span and (span.start, span.end)) == found


def test_a_start_that_another_window_sees_better_is_left_to_it_but_an_end_is_not() -> None:
    asked = window(1, 4, [False, True, True, False])
    first = asked.context_start
    span = best_span(asked, peaks(12, (first, 9), (first + 1, 5)), peaks(12, (first + 3, 9)))
    assert span is not None
    assert (span.start, span.end) == (first + 1, first + 3)


def test_only_the_best_twenty_positions_are_looked_at() -> None:
    asked = window(1, 4)
    start = peaks(384, *((at, 5.0) for at in range(100, 120)), (asked.context_start, 4.0))
    end = peaks(384, (asked.context_start, 9.0))
    assert best_span(asked, start, end) is None  # all twenty starts lie in the padding
    assert best_span(asked, start, end, n_best=21) is not None


@pytest.mark.parametrize("broken", [np.nan, -np.inf])
def test_logits_that_are_no_numbers_are_never_chosen(broken: float) -> None:
    asked = window(1, 3)
    start, end = peaks(8, (3, 1.0), (4, 2.0)), peaks(8, (5, 1.0))
    start[4] = broken
    span = best_span(asked, start, end)
    assert span is not None
    assert (span.start, span.end) == (3, 5)
    assert best_span(asked, np.full(8, broken, np.float32), end) is None


def test_half_precision_sums_do_not_overflow() -> None:
    asked = window(1, 3)
    span = best_span(asked, peaks(8, (3, 6e4)).astype(np.float16), peaks(8, (4, 6e4)).astype(np.float16))
    assert span is not None
    assert np.isfinite(span.score)


def test_the_best_window_of_a_question_answers_it_whatever_the_order() -> None:
    windows = [window(1, 5, qas_id="a"), window(1, 5, qas_id="a"), window(1, 5, qas_id="b"), window(1, 5, qas_id="a")]
    heights = [5.0, 7.0, 1.0, 7.0]  # the second and the fourth are equal: the earlier one counts
    places = [3, 4, 5, 6]
    words = ["Zero", "One", "Two", "Three,", "Four"]
    for order in itertools.permutations(range(4)):
        best = BestAnswers()
        for at in order:
            best.update(at, windows[at], peaks(10, (places[at], heights[at])), peaks(10, (places[at], heights[at])))
        spans = {qas_id: found[1] for qas_id, found in best._best.items()}
        assert spans == {"a": 1, "b": 2}
        assert set(best.texts(lambda _: words)) == {"a", "b"}


def test_a_question_without_a_valid_span_has_no_answer() -> None:
    best = BestAnswers()
    best.update(0, window(1, 3, [False] * 3), peaks(8), peaks(8))
    assert best.texts(lambda _: ["a", "b", "c"]) == {}


def test_the_answer_is_original_text_without_what_surrounds_it() -> None:
    tokens = ["[CLS]", "who", "[SEP]", "by", "steve", "sm", "##ith", "'", "s", "[SEP]"]
    asked = Window("q", tokens, np.array([0, 1, 2, 2, 2, 2]), np.ones(6, bool))
    best = BestAnswers()
    best.update(0, asked, peaks(12, (4, 9.0)), peaks(12, (6, 9.0)))
    assert best.texts(lambda qas_id: {"q": ["by", "Steve", "Smith's"]}[qas_id]) == {"q": "Steve Smith"}


def test_one_candidate_a_question_is_held_however_many_windows_come() -> None:
    rng = random.Random(1)
    best = BestAnswers()
    for index in range(300):
        best.update(index, window(1, 3, qas_id=f"q{index % 3}"), peaks(8, (3, rng.random())), peaks(8, (4, 1.0)))
    assert len(best._best) == 3
