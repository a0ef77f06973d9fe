"""A worker that crashed before its run: whether XNNPACK may have done it, and what the user can do."""

from __future__ import annotations

from harness.errors import ConfigError, HarnessError, RunFailed
from harness.machine.control import Phase
from harness.run.launch import WorkerReport
from harness.spec.schema import Spec
from harness.spec.trial import has_xnnpack, try_on_cpu


def with_remedy(end: HarnessError, report: WorkerReport, spec: Spec) -> HarnessError:
    """A worker's end; where XNNPACK may have taken it down, with what the model does without.

    Args:
        end: The report's.
        report: Of the worker.
        spec: Its run.

    Returns:
        A `ConfigError` where the user can have the model run.
    """
    crashed = report.crashed_while is not None and report.crashed_while < Phase.RUNNING
    if not crashed or not has_xnnpack(spec.backend):
        return end
    trial = try_on_cpu(spec, xnnpack=False)
    if trial.why_not is None:
        without = f"{end}\nThe model runs without XNNPACK: use --backend cpu:xnnpack=false"
        return ConfigError(without, log_says_more=True)
    return RunFailed(f"{end}\nNor does the model run without XNNPACK: {trial.why_not}")
