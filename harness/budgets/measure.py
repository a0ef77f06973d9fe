"""Measures the figures of a row, each by the verb that measures it for everybody: bench, diff, a run's accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.bench.session import BenchCase, Settings, bench
from harness.budgets.figures import ACCURACY
from harness.budgets.file import BudgetRow, RowSection
from harness.budgets.models import RowModel
from harness.budgets.row_check import accuracy_overrides, row_overrides
from harness.budgets.verdict import Measured
from harness.config.backend import BackendSection, parse_backend
from harness.config.files import find_benchmark
from harness.difference.child import difference
from harness.difference.record import KERNELS, AskedDifference, DiffResult, OutputDifference
from harness.difference.report import spoilt
from harness.difference.side import same_sides
from harness.errors import EXIT_USER, FilesChanged, HarnessError, Interrupted, exit_status, message_of
from harness.machine.watched.held_files import ADVICE
from harness.machine.watched.power import PowerMeter
from harness.messages.bench import Finished, WarmedUp
from harness.messages.conversation import Progressed
from harness.model.comparison import Tolerance
from harness.model.subject import Subject, held_files, measured_unchanged
from harness.results.record import Result
from harness.scratch_folder import ScratchFolder
from harness.series.perform import perform
from harness.spec.any_model import find_any_model, subject_of

Say = Callable[[str], None]
_NO_FIGURE = "this system does not tell"


class RowMeter:
    """One row's model, and what was measured of it so far."""

    def __init__(self, row: BudgetRow, found: RowModel, cache_dir: Path, say: Say) -> None:
        """Measures nothing yet.

        Raises:
            ConfigError: The row's fields contradict each other.
        """
        self._row, self._found, self._cache_dir, self._say = row, found, cache_dir, say
        self._subject = self._of(found, row.section.backend)

    def measure(self) -> dict[str, Measured]:
        """Every figure that the row asks for, by name.

        Raises:
            FilesChanged: They are not all of one file.
        """
        with measured_unchanged([self._subject]):
            return self._measured()

    def _measured(self) -> dict[str, Measured]:
        section = self._row.section
        asked = {limit.figure.name: limit.figure for limit in self._row.limits}
        kinds = {figure.measured_by for figure in asked.values()}
        found: dict[str, Measured] = {}
        if "file" in kinds:
            found["size"] = Measured(float(self._subject.model.stat().st_size))
        if kinds & {"bench", "power"}:
            percentiles = tuple(figure.percentile for figure in asked.values() if figure.percentile is not None)
            found |= self._times_and_memory(percentiles)
        if "difference" in kinds:
            self._say(f"{self._row.name}: difference")
            found |= self._difference([name for name, figure in asked.items() if figure.measured_by == "difference"])
        if "accuracy" in kinds and section.accuracy is not None:
            self._say(f"{self._row.name}: accuracy")
            found |= self._accuracy([name for name, figure in asked.items() if figure.measured_by == "accuracy"])
        return {name: found.get(name, Measured(None, _NO_FIGURE)) for name in asked}

    def _of(self, found: RowModel, backend: str) -> Subject:
        section = self._row.section
        overrides: list[tuple[str, Any]] = [*row_overrides(section), *parse_backend(backend)]
        return subject_of(found.model, overrides, self._cache_dir, threads=section.threads)

    def _times_and_memory(self, percentiles: tuple[float, ...]) -> dict[str, Measured]:
        section = self._row.section
        settings = Settings(
            num_runs=section.num_runs,
            min_secs=section.min_secs,
            max_secs=section.max_secs,
            warmup_runs=section.warmup_runs,
            run_delay=section.run_delay,
            ranges=section.ranges,
            percentiles=percentiles,
        )
        with PowerMeter() as meter:
            (measured,) = bench([BenchCase(self._subject, section.backend)], settings, self._say).rows
        if measured.refusal is not None or measured.found is None or measured.opened is None:
            why = measured.refusal.why if measured.refusal else "it was not measured to the end"
            names = [limit.figure.name for limit in self._row.limits if limit.figure.measured_by in ("bench", "power")]
            return {name: Measured(None, why) for name in names}
        power = meter.power()
        return {
            **_latencies(measured.found, measured.warm_up),
            "load": Measured(float(measured.opened.load_ns)),
            **_memory(measured.found),
            "power": Measured(power.watts, power.source),
        }

    def _difference(self, names: list[str]) -> dict[str, Measured]:
        try:
            asked = self._asked_difference()
            if why := same_sides(asked.test, asked.reference):
                # It would be 0 whatever the model is.
                return {name: Measured(None, why, no_test=True) for name in names}
            found = difference(asked, lambda heard: self._say(_progress(self._row.name, heard)))
        except (Interrupted, FilesChanged):
            raise
        except HarnessError as error:
            return {name: Measured(None, message_of(error)) for name in names}
        if why := spoilt(found):
            return {name: Measured(None, why) for name in names}
        return {name: _worst(found, name.removeprefix("difference.")) for name in names}

    def _asked_difference(self) -> AskedDifference:
        section, test = self._row.section, self._subject
        kernels = BackendSection(
            name="cpu", options=dict(KERNELS[section.reference]), complete_shapes=test.section.complete_shapes
        )
        reference = replace(test, backend=kernels.model_dump(mode="json"), threads=1)
        if section.reference_model is not None:
            other = find_any_model(section.reference_model, self._cache_dir).ref
            path = other.path.resolve()
            held = held_files(path, other.sha256, kernels)
            reference = replace(
                reference, model=path, sha256=other.sha256, name=other.name, source=other.source, held=held
            )
        ranges: Mapping[str, tuple[float, ...]] = dict(section.ranges)
        return AskedDifference(test, reference, section.difference_runs, ranges, bisect=False, tolerance=Tolerance())

    def _accuracy(self, names: list[str]) -> dict[str, Measured]:
        try:
            result = self._accuracy_run(self._row.section)
        except Exception as error:
            if exit_status(error) is None or isinstance(error, Interrupted | FilesChanged):
                raise
            return {name: Measured(None, message_of(error)) for name in names}
        found = {}
        for name in names:
            metric = (result.accuracy or {}).get(name.removeprefix(ACCURACY))
            why = f"on {result.dataset.name}" if metric else "the run did not give it"
            found[name] = Measured(metric.value if metric else None, why)
        return found

    def _accuracy_run(self, section: RowSection) -> Result:
        asked = section.accuracy
        if asked is None:
            raise HarnessError("the row names no run")
        with ScratchFolder("budget") as folder:
            done = perform(
                find_benchmark(asked.task),
                [*accuracy_overrides(asked), ("backend.threads", section.threads)],
                models=[str(self._subject.model)],
                backends=[section.backend],
                repeat=1,
                out=Path(folder) / "run",
                as_json=True,
            )
        if not isinstance(done.result, Result) or done.status >= EXIT_USER:
            raise HarnessError(done.complaint or "the run broke")
        if (scored := done.result.model.sha256) != self._subject.sha256:
            raise FilesChanged(
                f"{self._subject.model} changed during the run: what was scored (its sha256 is {scored}) is not what was "
                f"measured before ({self._subject.sha256}), {ADVICE}"
            )
        return done.result


def _progress(name: str, heard: Progressed) -> str:
    return f"{name}: {heard.what} {heard.done} of {heard.total}"


def _latencies(found: Finished, warmed: WarmedUp | None) -> dict[str, Measured]:
    times = found.latency
    named = {
        name: float(getattr(times, name)) for name in ("mean", "median", "min", "max", "std", "p5", "p90", "p95", "p99")
    }
    named |= {name: float(value) for name, value in times.percentiles.items()}
    measured = {f"latency.{name}": Measured(value, f"{times.runs:,} runs") for name, value in named.items()}
    if warmed is not None and warmed.first_ns is not None:
        measured["latency.first"] = Measured(float(warmed.first_ns))
    return measured


def _memory(found: Finished) -> dict[str, Measured]:
    memory = found.memory
    named = {
        "peak_memory": (memory.overall_bytes, "above the process before the model was opened"),
        "load_memory": (memory.load_bytes, "above the process before the model was opened"),
        "peak_rss": (memory.peak_rss_bytes, "the whole process, Python among it"),
    }
    return {
        name: Measured(None, _NO_FIGURE) if size is None else Measured(float(size), what)
        for name, (size, what) in named.items()
    }


_OF_OUTPUT: Mapping[str, Callable[[OutputDifference], float | None]] = {
    "avg_error": lambda output: output.avg_error,
    "std_dev": lambda output: output.std_dev,
    "largest": lambda output: output.largest,
    "avg_steps": lambda output: output.avg_steps,
    "largest_steps": lambda output: output.largest_steps,
    "snr": lambda output: output.snr_db,
    "argmax_agreement": lambda output: output.argmax_agreement,
}
_LEAST_IS_WORST = frozenset({"snr", "argmax_agreement"})


def _worst(found: DiffResult, name: str) -> Measured:
    """Of the outputs that have such a figure the worst."""
    values = {output.name: value for output in found.outputs if (value := _OF_OUTPUT[name](output)) is not None}
    if not values:
        return Measured(None, "no output has such a figure")
    pick = min if name in _LEAST_IS_WORST else max
    output = pick(values, key=lambda each: values[each])
    return Measured(values[output], f"output {output}" if len(found.outputs) > 1 else f"{found.num_runs} runs")
