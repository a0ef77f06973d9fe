"""Finished runs, read for a tree: which belong together, and what their logs say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.config.files import find_benchmark, read_config
from harness.config.official.compliance_tests import ComplianceTest
from harness.config.schema import SuiteMember
from harness.errors import ConfigError
from harness.results.files import folder_of_run, read_result
from harness.results.record import Result, SeriesResult
from harness.spec.schema import Spec, read_spec
from harness.submission.compliance.in_force import audited
from harness.submission.tree.documents import Broken, read_text_file
from harness.submission.tree.logs import (
    ACCURACY,
    DETAIL,
    SUMMARY,
    DetailLog,
    SummaryLog,
    read_detail_log,
    read_summary_log,
)

USER_CONF = "user.conf"
"""What LoadGen was told, in its own words; the run has written it."""


@dataclass(frozen=True, slots=True)
class SubmittedRun:
    """One LoadGen run that goes into a tree."""

    folder: Path
    result: Result
    spec: Spec
    log: DetailLog
    summary: SummaryLog
    test: ComplianceTest | None
    """That it was run under."""
    rested: bool = True
    """Whether the machine rested before the runs of its series as the rules say."""

    @property
    def member(self) -> SuiteMember | None:
        """What its benchmark is in the mobile or tiny suite."""
        try:
            return read_config(find_benchmark(self.spec.benchmark)).benchmark([]).mlperf
        except ConfigError:
            return None


@dataclass(frozen=True, slots=True)
class RunPair:
    """Both runs of a benchmark in a scenario, with one model."""

    performance: SubmittedRun
    accuracy: SubmittedRun
    tests: tuple[SubmittedRun, ...] = ()

    @property
    def scenario(self) -> str:
        """LoadGen's."""
        return self.performance.spec.load.scenario

    @property
    def all(self) -> tuple[SubmittedRun, ...]:
        """Every run of it."""
        return self.performance, self.accuracy, *self.tests


def collect(folders: Sequence[Path]) -> list[SubmittedRun]:
    """All finished runs in directories of runs and of series.

    Raises:
        ConfigError: One is no run, did not come to its end, or has lost its logs.
    """
    runs: dict[Path, SubmittedRun] = {}
    for folder in folders:
        for one in run_folders(folder):
            runs[one.resolve()] = replace(_read(one), rested=_has_rested(one))
    return list(runs.values())


def _has_rested(run: Path) -> bool:
    """What the series that a run lies in says of its rests, whichever of the two is named."""
    try:
        top = read_result(run.resolve().parent)
    except ConfigError:
        return True
    return not isinstance(top, SeriesResult) or top.submission is None or top.submission.rested


def run_folders(folder: Path) -> Iterator[Path]:
    """The directories of the runs in a run's directory or a series'.

    Raises:
        ConfigError: It is neither, or has no run that came to its end.
    """
    result = read_result(folder)
    if not isinstance(result, SeriesResult):
        yield folder
        return
    if result.search is not None:
        raise ConfigError(f"{folder} is a search for a peak: name the run in it whose load is the peak")
    if not result.runs or result.status == "started":
        came = f"{len(result.runs)} of its runs" if result.runs else "no run"
        raise ConfigError(
            f"{folder} is a series that was interrupted: {came} came to an end. The command that began it, with --out "
            f"{folder}, goes on{'; or name the finished runs one by one' if result.runs else ''}"
        )
    for run in result.runs:
        # In the place of one that has another after it stands that other.
        if run.again is None:
            yield folder_of_run(folder, run.directory)


def _read(folder: Path) -> SubmittedRun:
    result, spec = read_result(folder), read_spec(folder)
    if isinstance(result, SeriesResult) or result.status not in ("valid", "invalid"):
        state = "a series in a series" if isinstance(result, SeriesResult) else result.status
        raise ConfigError(f"the run in {folder} is {state}: only runs that came to their end have a place in a tree")
    log, summary = read_detail_log(folder / DETAIL), read_summary_log(folder / SUMMARY)
    if isinstance(log, Broken) or isinstance(summary, Broken):
        name, why = (DETAIL, log) if isinstance(log, Broken) else (SUMMARY, summary)
        said = why.what if isinstance(why, Broken) else ""
        raise ConfigError(f"{folder / name} {said}: the run cannot be submitted without it; run once more")
    told = read_text_file(folder / USER_CONF)
    if isinstance(told, Broken) or not told.strip():
        what = told.what if isinstance(told, Broken) else "is empty: an earlier version made the run"
        raise ConfigError(f"{folder / USER_CONF} {what}, so nobody can tell what the run was set to; run once more")
    if spec.load.mode == "accuracy" and not (folder / ACCURACY).is_file():
        raise ConfigError(f"{folder / ACCURACY} is missing: the run cannot be submitted without it; run once more")
    return SubmittedRun(folder, result, spec, log, summary, audited(log))


def paired(runs: Sequence[SubmittedRun]) -> list[RunPair]:
    """Runs by benchmark, model and scenario: one performance and one accuracy run each.

    Raises:
        ConfigError: There are two of a kind, or one lacks its other half; runs of two machines.
    """
    groups: dict[tuple[str, str, str], list[SubmittedRun]] = defaultdict(list)
    for run in runs:
        groups[run.spec.benchmark, run.spec.model.sha256, run.spec.load.scenario].append(run)
    _one_machine(runs)
    return [_pair(f"{benchmark}, {scenario}", group) for (benchmark, _, scenario), group in groups.items()]


def _pair(name: str, runs: Sequence[SubmittedRun]) -> RunPair:
    tests = [run for run in runs if run.test]
    kinds = {
        "performance": [run for run in runs if run.spec.load.mode == "performance" and not run.test],
        "accuracy": [run for run in runs if run.spec.load.mode == "accuracy"],
    }
    for kind, found in kinds.items():
        if not found:
            raise ConfigError(f"{name} has no {kind} run among those named: run it (--mode {kind}) and name it as well")
        if len(found) > 1:
            folders = ", ".join(str(run.folder) for run in found)
            raise ConfigError(f"{name} has {len(found)} {kind} runs, and a tree takes one: name one of {folders}")
    if len({run.test for run in tests}) < len(tests):
        raise ConfigError(f"{name} has a compliance test twice: name one of each")
    return RunPair(kinds["performance"][0], kinds["accuracy"][0], tuple(tests))


def _one_machine(runs: Sequence[SubmittedRun]) -> None:
    seen = {(run.result.system.cpu, run.result.system.machine, run.result.system.memory_bytes): run for run in runs}
    if len(seen) > 1:
        told = "; ".join(f"{cpu or machine}: {run.folder}" for (cpu, machine, _), run in seen.items())
        raise ConfigError(f"the runs are of {len(seen)} machines, and a system is one: submit them one by one ({told})")
