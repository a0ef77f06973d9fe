"""Who answers Server and Offline: the quickest that come into question, and what the others opened is let go."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.config import workers as known
from harness.errors import ConfigError
from harness.worker import workers
from harness.worker.teams.pools import POOLS
from harness.worker.teams.team import Speed
from harness.worker.timing import ServiceTime
from harness.worker.workers import ChosenWorkers, choose_workers

QUICK, SLOW = ServiceTime(5_000, 5_000, 10), ServiceTime(1_000_000, 1_000_000, 10)


class Simulated:
    """A pool of so many samples a second; none of them breaks when it is measured."""

    def __init__(self, rate: float | None) -> None:
        self.rate, self.dismissed = rate, False

    def measure(self, indices: Sequence[int]) -> Speed:
        if self.rate is None:
            raise RuntimeError("a process died")
        return Speed(self.rate, 1, 1)

    def dismiss(self) -> None:
        self.dismissed = True


def choose(
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    alone: ServiceTime,
    mode: str = "performance",
    takes: str = "float32",
    **rates: float | None,
) -> tuple[ChosenWorkers, dict[str, Simulated]]:
    pools = {name: Simulated(rate) for name, rate in rates.items()}
    monkeypatch.setattr(workers, "POOLS", {name: lambda *_, pool=pool: pool for name, pool in pools.items()})
    spec: Any = SimpleNamespace(backend=SimpleNamespace(workers=asked, name="cpu"), load=SimpleNamespace(mode=mode))
    return choose_workers(spec, _instances(), _model(takes), 1, 2, [0], alone), pools


def _instances() -> Any:
    return SimpleNamespace(opener=SimpleNamespace(lives_on=False))


def _model(takes: str) -> Any:
    return SimpleNamespace(backend=SimpleNamespace(inputs=[TensorSpec("x", (1,), np.dtype(takes))]))


def test_every_pool_that_a_config_may_name_has_a_class() -> None:
    assert list(POOLS) == list(known.POOLS)
    for name, pool in POOLS.items():
        assert cast("Any", pool).kind is known.POOLS[name]


@pytest.mark.parametrize(("processes", "taken"), [(1021.0, "processes"), (1019.0, "threads"), (500.0, "threads")])
def test_processes_are_taken_where_they_are_clearly_quicker_and_the_others_are_let_go(
    processes: float, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, pools = choose(monkeypatch, "auto", QUICK, threads=1000.0, processes=processes)
    assert cast("Any", chosen.pool) is pools[taken]
    assert chosen.speed.samples_per_second == pools[taken].rate
    assert chosen.rates == {"threads": 1000.0, "processes": processes}
    assert chosen.why == "measured"
    assert {name for name, pool in pools.items() if pool.dismissed} == set(pools) - {taken}


def test_only_those_that_the_config_names_or_the_model_leaves_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, pools = choose(monkeypatch, "processes", SLOW, threads=9e9, processes=1.0)
    assert (cast("Any", chosen.pool), chosen.why, chosen.rates) == (pools["processes"], "config", {"processes": 1.0})
    chosen, pools = choose(monkeypatch, "auto", SLOW, threads=1.0, processes=9e9)
    assert (cast("Any", chosen.pool), chosen.rates) == (pools["threads"], {"threads": 1.0})
    assert chosen.why == "a sample takes more than 200 us"


def test_an_accuracy_run_opens_one_kind_and_measures_none(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, pools = choose(monkeypatch, "auto", QUICK, "accuracy", threads=None, processes=None)
    assert cast("Any", chosen.pool) is pools["threads"]
    assert (chosen.rates, chosen.why) == ({}, "not measured: an accuracy run is not timed")


def test_a_pool_that_breaks_while_it_is_measured_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Simulated(None)
    monkeypatch.setattr(workers, "POOLS", {"processes": lambda *_: broken})
    backend, load = SimpleNamespace(workers="processes", name="cpu"), SimpleNamespace(mode="performance")
    spec: Any = SimpleNamespace(backend=backend, load=load)
    with pytest.raises(RuntimeError, match="a process died"):
        choose_workers(spec, _instances(), _model("float32"), 1, 2, [0], QUICK)
    assert broken.dismissed


def test_texts_are_answered_by_threads_since_processes_cannot_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, pools = choose(monkeypatch, "auto", QUICK, takes="O", threads=1.0, processes=9.0)
    assert cast("Any", chosen.pool) is pools["threads"]
    assert chosen.why == "the model takes texts, which processes cannot share"
    with pytest.raises(ConfigError, match=r"leave out backend\.workers=processes"):
        choose(monkeypatch, "processes", QUICK, takes="O", threads=1.0, processes=9.0)
