"""The child process in which one candidate is measured: `python -P -m harness.tuning.probe ASKED TOLD CONTROL_FD PARENT_PID`.

Its current directory holds the candidate's spec.yaml. It opens the model with a run's own parts, proves it, and calibrates as a
run does; then it answers what the parent asks on one pipe with JSON lines on the other, until that is closed. Between
questions it does nothing, so that another candidate has the machine to itself.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.config.rules import STREAMS
from harness.errors import failure_event
from harness.machine.child_process import live_and_die_with
from harness.machine.control import Control
from harness.machine.placement import on
from harness.model.coverage import judge_coverage
from harness.serving.instances import Parts
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from harness.worker import timing as calibration
from harness.worker.batch import whole_invokes
from harness.worker.engine import choose_engine
from harness.worker.plan import plan_run
from harness.worker.workers import measure_rate

_SAMPLES = 8
_ROUND_NS = 200_000_000
_ANSWER_BYTES = 64_000_000
"""Of answers held side by side; a class map or a larger picture has megabytes."""


def main() -> int:
    """Answers until the parent has no more questions."""
    asked = os.fdopen(int(sys.argv[1]), encoding="ascii")
    told = os.fdopen(int(sys.argv[2]), "w", buffering=1, encoding="utf-8")
    control = Control(int(sys.argv[3]))
    live_and_die_with(int(sys.argv[4]))

    def tell(event: dict[str, Any]) -> None:
        told.write(json.dumps(event) + "\n")

    try:
        probe = Probe(read_spec(Path.cwd()), control)
        tell(probe.ready())
        gc.freeze()
        gc.disable()
        for line in asked:
            word, _, count = line.strip().partition(" ")
            tell(probe.round() if word == "round" else probe.agreement(int(count)))
    except BaseException as error:
        traceback.print_exc()
        tell(failure_event(error))
        return 1
    return 0


class Probe:
    """A candidate, open and calibrated."""

    def __init__(self, spec: Spec, control: Control) -> None:
        """Opens it.

        Raises:
            BackendUnavailable: And its kin; the parent hears why.
        """
        began = time.monotonic()
        self._spec = spec
        task = open_task(spec.task, spec.options, spec.dataset)
        self._parts = Parts(spec, task, control)
        judge_coverage(self._parts.info, spec.backend.require_full)
        self._indices = range(min(_SAMPLES, len(task)))
        self._parts.samples.load(self._indices)
        self._parity: dict[str, Any] | None = None
        self._parts.prove(self._indices, self._hear)
        with on(self._parts.place(1, 1).of(0)):
            engines = choose_engine(self._parts, self._indices, self._hear)
        self._plan = plan_run(spec, self._parts, self._indices)
        self._engine = engines.get("engines", {}).get("chosen")
        self._measure = self._measurement()
        self._opening_s = time.monotonic() - began

    def ready(self) -> dict[str, Any]:
        """What the calibration decided."""
        info = self._plan.suts[0].backend.info()
        return {
            "event": "ready",
            "threads": self._plan.threads,
            "instances": self._plan.instances,
            "workers": self._plan.workers,
            "batch": self._plan.batch,
            "engine": info.engine,
            "engine_chosen": self._engine,
            "delegate": info.delegate,
            "accelerator": info.accelerator,
            "parity": self._parity,
            "opening_s": self._opening_s,
            "pids": self._plan.pids(),
        }

    def round(self) -> dict[str, Any]:
        """Measures for a fifth of a second, or a few samples."""
        per_second = self._measure()
        latency_ns = self._plan.instances * 1e9 / per_second
        return {"event": "round", "samples_per_second": per_second, "latency_ns": latency_ns}

    def agreement(self, count: int) -> dict[str, Any]:
        """Holds the candidate against one CPU thread on more samples than a run's own proof does."""
        backend = self._plan.suts[0].backend
        fit = _ANSWER_BYTES // max(1, sum(tensor.nbytes for tensor in backend.outputs))
        indices = range(max(1, min(count, fit, len(self._parts.task))))
        self._parts.samples.load(indices)
        found = self._parts.agreement(backend, indices)
        return {"event": "agreement", "samples": found["samples"], "passed": found["passed"], "why": found["why"]}

    def _measurement(self) -> Callable[[], float]:
        """How fast the scenario is served, in samples per second: the calibration's own measurements."""
        if self._spec.load.scenario in STREAMS:
            return self._stream
        team = self._plan.team(self._parts)
        return lambda: measure_rate(team, self._indices)

    def _stream(self) -> float:
        plan = self._plan
        with on(plan.placement.of(0)):
            call, asked, size = whole_invokes(plan.suts[0], self._indices)
            return size * 1e9 / calibration.service_time(call, asked, _ROUND_NS).median_ns

    def _hear(self, facts: Any) -> None:
        self._parity = dict(facts).get("parity", self._parity)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
