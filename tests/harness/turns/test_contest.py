"""Turns and verdicts, with contenders of known speeds: only the measuring is made up."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from harness.statistics.intervals import LOOKS
from harness.turns.contest import duel, in_turns
from harness.turns.process import CandidateFailed


class Known:
    """So fast, with noise of its own; fails in the round that is named."""

    def __init__(self, speed: float, *, noise: float = 0.02, fails_in: int = -1, log: list[str] | None = None) -> None:
        self._speed, self._noise, self._fails_in = speed, noise, fails_in
        self._random = np.random.default_rng(round(speed * 1000))
        self.rounds = 0
        self._log = [] if log is None else log

    def round(self, timeout_s: float) -> float:
        """One round."""
        self._log.append(f"{self._speed:g}")
        if self.rounds == self._fails_in:
            raise CandidateFailed("its process was killed by SIGSEGV", "crashed", None)
        self.rounds += 1
        return self._speed * float(self._random.lognormal(0, self._noise))


def _soon() -> float:
    return time.monotonic() + 600


def test_what_is_clear_takes_few_rounds_and_has_its_interval() -> None:
    judged = duel(Known(1.9), Known(1.0), until=_soon(), timeout_s=1)
    assert judged.standing == "quicker"
    assert len(judged.ratios) == LOOKS[0]
    assert judged.ratio is not None
    assert judged.ratio.low is not None
    assert judged.ratio.high is not None
    assert judged.ratio.low < 1.9 < judged.ratio.high
    assert duel(Known(0.9), Known(1.0), until=_soon(), timeout_s=1).standing == "slower"


def test_what_is_as_quick_is_the_same_and_what_is_too_close_is_not_told_apart() -> None:
    assert duel(Known(1.0005, noise=0.001), Known(1.0, noise=0.001), until=_soon(), timeout_s=1).standing == "same"
    close = duel(Known(1.02, noise=0.2), Known(1.0, noise=0.2), until=_soon(), timeout_s=1)
    assert close.standing == "not told apart"
    assert len(close.ratios) == LOOKS[-1]


def test_one_that_is_far_behind_has_its_interval_too_where_that_is_wanted() -> None:
    (judged,) = in_turns(Known(1.0), [Known(0.1)], until=_soon(), timeout_s=1, drops_far=False)
    assert (judged.standing, len(judged.ratios)) == ("slower", LOOKS[0])
    assert judged.ratio is not None
    assert judged.ratio.high is not None
    assert judged.ratio.high < 0.2


def test_when_the_time_is_up_one_round_was_made_and_nothing_is_claimed() -> None:
    judged = duel(Known(5.0), Known(1.0), until=time.monotonic() - 1, timeout_s=1)
    assert (judged.standing, len(judged.ratios)) == ("not told apart", 1)
    assert judged.ratio is not None
    assert (judged.ratio.low, judged.ratio.high) == (None, None)


def test_who_goes_first_goes_round() -> None:
    log: list[str] = []
    in_turns(Known(1, log=log), [Known(1.01, log=log), Known(1.02, log=log)], until=time.monotonic() + 600, timeout_s=1)
    assert log[:9] == ["1.01", "1.02", "1", "1.02", "1", "1.01", "1", "1.01", "1.02"]


def test_a_rival_that_fails_is_out_and_the_others_are_judged() -> None:
    quick, broken, never = Known(2.0), Known(3.0, fails_in=2), Known(3.0, fails_in=0)
    judged = in_turns(Known(1.0), [quick, broken, never], until=_soon(), timeout_s=1)
    assert [each.standing for each in judged] == ["quicker", "not told apart", "not measured"]
    assert [each.failure is None for each in judged] == [True, False, False]
    assert len(judged[1].ratios) == 2


def test_a_first_that_fails_and_a_duel_with_a_failure_end_at_once() -> None:
    with pytest.raises(CandidateFailed, match="SIGSEGV"):
        in_turns(Known(1.0, fails_in=1), [Known(2.0)], until=_soon(), timeout_s=1)
    with pytest.raises(CandidateFailed, match="SIGSEGV"):
        duel(Known(1.0, fails_in=1), Known(2.0), until=_soon(), timeout_s=1)


def test_further_rounds_change_no_verdict_and_a_lone_contender_is_only_measured() -> None:
    rounds = iter(range(20))

    def wants_more(numbers: Iterator[int] = rounds) -> bool:
        return next(numbers) < 15

    first, rival = Known(1.0), Known(1.9)
    (judged,) = in_turns(first, [rival], until=_soon(), timeout_s=1, wants_more=wants_more)
    assert (first.rounds, rival.rounds, len(judged.ratios)) == (15, 15, LOOKS[0])
    alone, more = Known(1.0), iter([True, True, False])
    assert in_turns(alone, [], until=_soon(), timeout_s=1, wants_more=lambda: next(more)) == ()
    assert alone.rounds == 2
