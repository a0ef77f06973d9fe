"""Who can answer queries, as the parent knows them."""

from __future__ import annotations

from typing import get_args

import pytest

from harness.config.backend import BackendSection
from harness.config.workers import POOLS, PROCESSES, THREADS, WORKERS, PoolName


def test_a_config_may_ask_for_every_pool_and_for_nothing_else_that_answers() -> None:
    assert get_args(PoolName) == tuple(POOLS)
    for name in POOLS:
        assert BackendSection.model_validate({"workers": name}).workers == name
    for name in set(WORKERS) - set(POOLS):
        with pytest.raises(ValueError, match="'auto', 'threads' or 'processes'"):
            BackendSection.model_validate({"workers": name})


def test_threads_are_tried_for_anything_and_processes_for_quick_models_of_backends_that_bear_it() -> None:
    assert THREADS.why_not_unasked("a plug-in", 10**12) == ""
    assert PROCESSES.why_not_unasked("cpu", 199_999) == PROCESSES.why_not_unasked("null", 1) == ""
    assert PROCESSES.why_not_unasked("cpu", 200_000) == "a sample takes more than 200 us"
    assert PROCESSES.why_not_unasked("gpu", 1) == "backend gpu"
    assert [pool.opens_unasked("gpu") for pool in POOLS.values()] == [True, False]
