"""A run that LoadGen calls INVALID for what this harness itself has guessed, planned once more with what the run has shown.

What the user has set is never changed, and nothing is asked for less than the rules say: the load of Server, the expected
latency of the streams and the expected rate of Offline are the calibration's, and more queries only make a run longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.config.official.rules import STREAMS
from harness.results.figures import Performance
from harness.results.record import Result
from harness.results.subject import LoadGenSettings
from harness.spec.schema import Load, Spec

AGAIN = "-again"
"""At the end of the name of the directory of a run that is made once more."""
_LOWER, _HIGHER, _LESS, _LONGER = 0.5, 1.2, 0.8, 2


@dataclass(frozen=True, slots=True)
class Correction:
    """What is told otherwise, and why."""

    spec: Spec
    why: str


def corrected(spec: Spec, result: Result) -> Correction | None:
    """The run to be made in the place of one that is INVALID; None where nothing of the calibration's can be at fault."""
    figures, in_force = result.performance, result.loadgen
    if result.status != "invalid" or figures is None or in_force is None:
        return None
    found = _of_load(spec.load, figures, in_force)
    if found is None:
        return None
    why, change = found
    return Correction(spec.model_copy(update={"load": spec.load.model_copy(update=change)}), why)


def _of_load(load: Load, figures: Performance, in_force: LoadGenSettings) -> tuple[str, dict[str, Any]] | None:
    if load.scenario != "Offline" and 0 < (load.max_duration_ms or 0) < in_force.min_duration_ms:
        # It was told to end before it could be VALID: no other expectation mends that.
        return None
    if load.scenario == "Server":
        return _of_server(load, figures, in_force)
    if figures.duration_s >= in_force.min_duration_ms / 1000:
        return None
    if load.scenario in STREAMS and load.expected_latency_ns is None:
        expected_ns = max(1, int(_LOWER * figures.latency_ns.mean))
        return f"a query took less than the calibration saw, now {expected_ns:,} ns are expected", {
            "expected_latency_ns": expected_ns
        }
    if load.scenario == "Offline" and load.target_qps is None:
        rate = _HIGHER * figures.samples_per_second
        return f"more samples were answered than the calibration saw, now {rate:,.6g} samples/s are expected", {
            "target_qps": rate
        }
    return None


def _of_server(load: Load, figures: Performance, in_force: LoadGenSettings) -> tuple[str, dict[str, Any]] | None:
    late = figures.overlatency_query_count or 0
    if late <= (1 - load.target_percentile) * figures.query_count:
        queries = _LONGER * figures.query_count
        return f"too few queries prove the tail, now {queries:,} are asked", {"min_query_count": queries}
    if load.target_qps is not None:
        return None
    qps = _LESS * in_force.server_target_qps
    return f"the load was too high for the bound, now {qps:,.6g} queries/s are asked", {"target_qps": qps}
