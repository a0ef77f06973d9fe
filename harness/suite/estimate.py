"""How long a run may take, before anything has run: its rules' minimum, or what its model's multiply-adds make of its samples.

An estimate, for a plan and for a budget: a model's speed on a machine is known only when it has run there.
"""

from __future__ import annotations

from pathlib import Path

from backends.base import ModelRejected
from backends.litert.file.model_reader import read_model
from harness.config.official.rules import STREAMS
from harness.machine.topology import this_machine
from harness.model.contents.costs import costs
from harness.spec.schema import Spec

_MULTIPLY_ADDS_PER_S = 3e10
"""Of a core: between what float32 and int8 models reach on machines of 2020 and after."""
_LEAST_SAMPLE_S = 30e-6
_AROUND_S = 12.0
"""Opening, proving, calibrating, warming up, writing."""


def expected_s(spec: Spec, samples: int) -> float:
    """Seconds, from the command to the result.

    Args:
        spec: The run.
        samples: Of its data.
    """
    cores = max(1, sum(this_machine().counts))
    each_s = max(_LEAST_SAMPLE_S, _multiply_adds(spec.model.path) / _MULTIPLY_ADDS_PER_S)
    if spec.load.mode == "accuracy":
        return _AROUND_S + samples * each_s / (1 if spec.load.scenario in STREAMS else cores)
    load = spec.load
    asked = load.min_query_count * load.samples_per_query
    answering_s = asked * each_s / (1 if load.scenario in STREAMS else cores)
    return _AROUND_S + max(load.min_duration_ms / 1000, answering_s)


def _multiply_adds(path: Path) -> int:
    """0 of a file that cannot be read: the run itself says why."""
    try:
        return costs(read_model(path)).multiply_adds
    except (ModelRejected, OSError):
        return 0
