"""One run from spec to result, as the parent sees it: the directory, the worker, what it told, result.json."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.errors import ConfigError, HarnessError, Interrupted, message_of
from harness.machine import stop_signals
from harness.results import files as results
from harness.results.beginning import failed, started
from harness.results.queries.machine_trace import MACHINE_TRACE_FILE, write_machine_trace
from harness.results.read_data import load_read_data
from harness.results.record import Result
from harness.run.hearing import Progress, WorkerReport
from harness.run.held import HeldRun
from harness.run.launch import StartWorker, run_worker, start_worker
from harness.spec.schema import Spec, write_spec
from harness.spec.task import open_task
from tasks.base import Task


def execute(spec: Spec, folder: Path, progress: Progress, start: StartWorker = start_worker) -> Result:
    """Runs a spec in a directory of its own.

    Whatever happens after the directory is made, its result.json says so: `started` while the run lasts, then `valid`,
    `invalid` or `failed`.

    Args:
        spec: The run.
        folder: Made here; may exist if it is empty.
        progress: Where progress is shown.
        start: How the worker is started.

    Returns:
        The result, as written to result.json.

    Raises:
        HarnessError: And its kin (see harness.errors): the result says `failed`.
    """
    held = HeldRun(spec)
    # Data and ground truth are looked at before anything is written: most mistakes show here.
    task = _task(spec, held)
    referred = task is not None and len(task) > 0 and spec.asks_reference
    if referred:
        # The truth is made in the run's directory, and the task opened once more when it is there.
        from harness.run.reference import with_reference

        spec, task = with_reference(spec, folder), None
    if task is not None:
        held.note_task(task)
    result = started(spec)
    _make_directory(spec, folder)
    reserve = results.Reserve(folder)
    try:
        _begin(folder, result, reserve)
        if referred:
            from harness.run.reference import ask_reference

            ask_reference(spec, folder, held.hashed)
        timed = spec.load.mode != "accuracy"
        traced = timed and spec.load.query_times and spec.load.scenario != "Offline"
        report = run_worker(folder, progress, spec.backend.timeout_s, start, held.hashed, timed=timed, traced=traced)
        from harness.run.outcome import finished, known

        # Also of a worker that failed.
        result = known(result, report)
        if isinstance(report.end, HarnessError):
            # Of a crash alone; whatever runs without begins sooner.
            from harness.run.crash import with_remedy

            raise held.explain(with_remedy(report.end, report, spec, held.hashed))
        if task is not None:
            held.refuse_other_count(task, report.end.sample_count)
        with held.hearing():
            result = finished(result, spec, folder, task, report.end, report.latency_drift)
        held.refuse_other_files(load_read_data(folder))
        held.refuse_changes()
        reserve.release()
        result = _with_trace(result, folder, report)
        results.keep(folder, result)
    except BaseException as error:
        with _uninterrupted(), contextlib.suppress(OSError):
            reserve.release()
            results.write_result(folder, failed(result, error))
        raise
    return result


def _task(spec: Spec, held: HeldRun) -> Task | None:
    """Bound to the data, where the ground truth is needed, and that is read."""
    if spec.load.mode != "accuracy" and spec.dataset.truth is None:
        return None
    try:
        with held.hearing():
            task = open_task(spec.task, spec.options, spec.dataset)
            if not spec.asks_reference:
                task.check_truth()
    except Exception as error:
        if (found := held.explain(error)) is error:
            raise
        raise found from error
    return task


def _with_trace(result: Result, folder: Path, report: WorkerReport) -> Result:
    """What the machine did is worth a file, but no run."""
    if report.machine_trace is None:
        return result
    try:
        write_machine_trace(folder, report.machine_trace)
    except OSError as error:
        why = f"{MACHINE_TRACE_FILE} is not kept, so nobody knows what slow queries coincide with: {message_of(error)}"
        return replace(result, warnings=(*result.warnings, why))
    return result


def _make_directory(spec: Spec, folder: Path) -> None:
    taken = ConfigError(f"{folder} is not empty: every run gets a directory of its own (--out DIR)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise taken
        write_spec(spec, folder)
    except OSError as error:
        # Of two runs that are given one directory at the same moment, one finds the other's spec.
        raise (
            taken if isinstance(error, FileExistsError) and folder.is_dir() else _not_writable(folder, error)
        ) from None


def _begin(folder: Path, result: Result, reserve: results.Reserve) -> None:
    try:
        results.write_result(folder, result)
        reserve.take()
    except OSError as error:
        raise _not_writable(folder, error) from None


def _not_writable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot write the run's directory {folder}: {error.strerror}")


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """A signal that comes meanwhile is heard afterwards."""
    with stop_signals.noted() as heard:
        yield
    if heard:
        raise Interrupted(heard[0])
