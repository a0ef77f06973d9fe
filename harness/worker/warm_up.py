"""The last thing before LoadGen: the model is asked until a sample takes the same time twice, or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.machine.control import Phase
from harness.messages.calibration import WarmUp
from harness.serving.instances import Instances
from harness.spec.schema import Spec
from harness.worker.plan import Plan

_SAME = 1.05
_WINDOW_NS = 50_000_000
_LEAST_RUNS = 3
_FEW_WINDOWS = 4
"""A model so slow that not so many windows of three samples fit into the time is asked one sample a window."""


def warm_up(spec: Spec, instances: Instances, plan: Plan, indices: Sequence[int]) -> WarmUp | None:
    """Warms up what LoadGen will ask. Where the calibration's figure still holds, that takes one window of 50 ms.

    Args:
        spec: The run.
        instances: What opened the instances.
        plan: The instances, and what the calibration found.
        indices: Samples that are loaded.

    Returns:
        None where nothing is timed, or the config wants none.
    """
    budget_s = spec.load.warm_up_s
    if not budget_s or spec.load.mode == "accuracy":
        return None
    service_ns = plan.calibration.service_time_ns
    runs = _LEAST_RUNS if _FEW_WINDOWS * _LEAST_RUNS * service_ns <= budget_s * 1e9 else 1
    instances.control.enter(Phase.WARMING_UP)
    with plan.team.window(indices) as ask:

        def measure() -> int:
            instances.control.tick()
            return ask(_WINDOW_NS, runs)

        return settle(measure, service_ns, budget_s, lambda: bool(instances.control.stop))


def settle(
    measure: Callable[[], int],
    expected_ns: int,
    budget_s: float,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> WarmUp:
    """Measures until two figures in a row are the same.

    Args:
        measure: One window: what a sample takes, in ns.
        expected_ns: What it took before.
        budget_s: No window is begun that would end later, the first apart.
        stopped: Whether somebody wants this to end.
        clock: Seconds.
    """
    began = clock()
    found = [expected_ns]
    while True:
        start = clock()
        found.append(measure())
        now = clock()
        stable = max(found[-2:]) < _SAME * min(found[-2:])
        if stable or stopped() or now - began + (now - start) > budget_s:
            return WarmUp(stable, now - began, tuple(found))
