"""A worker that crashed before its run: whether XNNPACK may have done it, and what the user can do."""

from __future__ import annotations

from collections.abc import Sequence

from backends.litert.file.opened_file import OpenedFile
from harness.errors import HarnessError, RunFailed
from harness.machine.control import Phase
from harness.run.hearing import WorkerReport
from harness.spec.schema import Spec
from harness.spec.trial import has_xnnpack, try_on_cpu, without_xnnpack


def with_remedy(end: HarnessError, report: WorkerReport, spec: Spec, hashed: Sequence[OpenedFile]) -> HarnessError:
    """A worker's end; where XNNPACK may have taken it down, with what the model does without.

    Args:
        end: The report's.
        report: Of the worker.
        spec: Its run.
        hashed: The files that it has opened.

    Returns:
        A `ConfigError` where the user can have the model run.

    Raises:
        RunFailed: The model is another file now.
    """
    phase = report.crashed_while
    if phase is None or phase >= Phase.RUNNING:
        return end
    if has_xnnpack(spec.backend):
        return without_xnnpack(spec, hashed).told_of(end)
    if phase is Phase.PROVING and spec.backend.name != "cpu":
        why = try_on_cpu(spec, hashed, xnnpack=True).why_not
        if why is not None:
            return RunFailed(
                f"{end}\nIt need not be {spec.backend.name}: the CPU with XNNPACK, which it is held against, cannot run the "
                f"model either ({why})"
            )
    return end
