"""How much LoadGen will ask for, and whether that fits."""

from __future__ import annotations

import pytest

from harness.worker.queries import loadgen_bytes


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_the_memory_that_loadgen_needs_is_known_for_every_scenario(scenario: str) -> None:
    assert 100 <= loadgen_bytes(scenario) <= 1000
