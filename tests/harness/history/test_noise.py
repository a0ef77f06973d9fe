from __future__ import annotations

import random

import pytest

from benchmarks.history_gate import gate_rate, quiet
from harness.history.noise import LEAST, judge, learn


def test_noise_is_learnt_whatever_else_the_machine_did() -> None:
    draw = random.Random(1)
    values = [draw.lognormvariate(0, 0.02) * (1.3 if at >= 150 else 1) * (1 + 0.1 * at / 300) for at in range(300)]
    values[40] *= 3
    noise = learn(values)
    assert noise is not None
    assert noise.sigma == pytest.approx(0.02, rel=0.2)
    assert noise.usual == pytest.approx(1.3 * 1.095, rel=0.02)


@pytest.mark.parametrize("values", [[1.0] * (LEAST - 1), [0.0] * 20, []])
def test_too_few_runs_or_none_measured_teach_nothing(values: list[float]) -> None:
    assert learn(values) is None


def test_runs_that_are_all_equal_do_not_make_every_run_a_regression_of_the_limit() -> None:
    noise = learn([5.0] * 20)
    assert noise is not None
    assert judge(noise, [5.1], 0.03, lower_is_better=True).found == "within"
    assert judge(noise, [5.5], 0.03, lower_is_better=True).found == "regressed"


def test_less_throughput_is_worse_and_more_is_not() -> None:
    noise = learn([100 + at % 2 for at in range(20)])
    assert noise is not None
    assert judge(noise, [80.0] * 3, 0.03, lower_is_better=False).found == "regressed"
    assert judge(noise, [120.0] * 3, 0.03, lower_is_better=False).found == "within"


def test_the_gate_is_rarely_wrong_and_finds_a_clear_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.history_gate._DRAWS", 300)
    assert gate_rate(quiet, 20, 5, 0.01, 0.0, 0.0) <= 0.02
    assert gate_rate(quiet, 20, 5, 0.01, 0.05, 0.0) >= 0.9
