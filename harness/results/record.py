"""result.json as records: a run's result, and that of a series of runs on top of them.

Everything that shows, scores, compares or repeats a run reads these, never the file itself: `harness.results.files` reads and
writes it. The parts are in `subject` (what ran), `figures` (what was measured), `scores` (how right it was); what
the worker tells as it stands here is in `harness.messages`.
`docs/result.md` says the same in a table, made from here by `python -m harness.results.page`.

History of result.json (`schema_version`):
    1   untyped; parts were added as the harness learnt to measure them: see `harness.results.upgrade`
    2   these records: a field that is not known is null or, where that is said, not there, and never anything else
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from harness.config.official.compliance_tests import ComplianceTest
from harness.config.official.rules import Mode, Preset, Scenario
from harness.json_records import EMPTY, FLAT, LEFT_OUT
from harness.machine.facts import System
from harness.messages.calibration import Calibration
from harness.messages.cluster import ClusterRun
from harness.results.figures import MachineStates, Memory, Peak, Performance, Spread, SweepRow
from harness.results.scores import Card, Metric, Parity, Verdict
from harness.results.subject import (
    BackendFacts,
    DataSet,
    HarnessFacts,
    LoadGenSettings,
    ModelFacts,
    Reference,
    TargetDevice,
)

SCHEMA_VERSION: Literal[2] = 2

Status = Literal["started", "valid", "invalid", "failed"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run is as it is."""

    what: str
    """What it is."""
    figure: str
    """The figure that shows it; empty for none."""
    fix: str
    """What to do; empty where nobody knows."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What the runs of `--mode submission` are worth to those who receive them (docs/submission.md)."""

    rules: str
    """The rule set they are held against."""
    good_for: str
    """What a submission made with LoadGen can be used for under these rules."""
    reasons: tuple[Reason, ...]
    """Why they are no submission; empty where they are one. The command then exits with 1."""
    rested: bool
    """Whether it rested before each performance run but the first as the rules say; false where --cooldown was less."""


@dataclass(frozen=True, slots=True)
class Rest:
    """How the machine rested before a run."""

    asked_s: float
    """How long it was to rest at most, in s."""
    took_s: float
    """How long it did, in s."""
    why: Literal["time", "cool", "skipped"]
    """`cool`: it was as cool as before the first run again; `time`: so long it was, there is no sensor or it stayed warm;
    `skipped`: --cooldown 0s."""
    celsius_before: float | None
    """The hottest sensor when it began; null where there is none."""
    celsius_after: float | None
    """The same when it ended."""


@dataclass(frozen=True, slots=True)
class Compliance:
    """A run under one of MLPerf inference's compliance tests."""

    test: ComplianceTest
    """`TEST01`: its answers are those of the accuracy run. `TEST04`: one sample over and over is no quicker."""
    passed: bool | None
    """Whether it passed; null while the runs that it vouches for are not done."""
    why: tuple[str, ...]
    """Why it did not, or what keeps it from being judged."""
    needed: str
    """Who needs the test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run."""

    schema_version: Literal[2] = SCHEMA_VERSION
    """The form of this file."""
    status: Status
    """`started` while the run lasts, then `valid`, `invalid` (LoadGen says so) or `failed`: nothing of that was measured."""
    reasons: tuple[Reason, ...]
    """Why it is not valid, or what target or requirement it misses."""
    warnings: tuple[str, ...]
    """What else to know, a sentence each."""
    unstable: tuple[Reason, ...]
    """Why the figures may not be the same the next time (docs/measuring.md, "Unstable"). Nothing of it changes the status."""
    task: str
    """The benchmark's name: its config file's."""
    title: str
    """The benchmark's title."""
    scenario: Scenario
    """LoadGen's scenario."""
    mode: Mode
    """What was asked for: `performance` or `accuracy`."""
    preset: Preset
    """How long: `rules`, `quick` or `rapid`."""
    rules: str | None = field(default=None, metadata=LEFT_OUT)
    """The rule set that LoadGen's figures and seeds follow (docs/rules.md), as `mobile-v6.0`; `none` for a benchmark of no
    suite. Not there in results of before there were rule sets."""
    rules_notes: tuple[str, ...] = ()
    """What the rules leave open or have from others, a sentence each."""
    round: str | None
    """The round of the mobile suite whose targets count; null for none."""
    model: ModelFacts
    """The model's file."""
    dataset: DataSet
    """The data."""
    options: Mapping[str, object]
    """The task's options, defaults included; which there are is the task's affair."""
    backend: BackendFacts
    """The backend as it was opened, and what answered."""
    loadgen: LoadGenSettings | None = field(metadata=EMPTY)
    """The settings in force, as LoadGen held them; {} for a run that did not come to its end."""
    parity: Parity | None
    """The proof that the backend answers as the CPU does; null where none is needed, or none was made yet."""
    performance: Performance | None
    """Null in an accuracy run and in one that failed."""
    accuracy: Mapping[str, Metric] | None
    """Metrics by name (docs/accuracy.md); null in a performance run and in one that failed."""
    accuracy_card: Card | None
    """The headline metric's card; null where there is none."""
    requirements: tuple[Verdict, ...] = ()
    """What was asked of the figures (`--require`, `require` and `targets` of an own config), in order (docs/measuring.md)."""
    memory: Memory
    """What the run took."""
    machine: MachineStates | None
    """The machine before and after; null for a run that did not come to its end."""
    system: System
    """The machine, as it was found before the run."""
    made_by: HarnessFacts | None = field(default=None, metadata=LEFT_OUT)
    """The program that made it; not there in results of earlier versions."""
    target: TargetDevice | None = field(default=None, metadata=LEFT_OUT)
    """The device that ran it; not there where that is the machine on which the command was given."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the user wrote beside it (`--label NAME=VALUE`)."""
    compliance: Compliance | None = field(default=None, metadata=LEFT_OUT)
    """The compliance test that it was made under; not there in other runs."""
    reference: Reference | None = field(default=None, metadata=LEFT_OUT)
    """What the answers of an accuracy run are held against where it is no ground truth but another model or backend."""
    cluster: ClusterRun | None = field(default=None, metadata=LEFT_OUT)
    """The Ray cluster that answered (`--dispatch ray`, docs/cluster.md); not there where none did."""
    calibration: Calibration | None = field(default=None, metadata=LEFT_OUT)
    """What was found before LoadGen asked; not there in a run that did not come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRun:
    """A run of a series: a run's fields, and these."""

    directory: str
    """Its directory's name, in that of the series."""
    backend_asked: str
    """As `--backend` named it, options included."""
    model_asked: str
    """As `--model` named it."""
    result: Result = field(metadata=FLAT)
    exit_status: int | None = field(default=None, metadata=LEFT_OUT)
    """What the run would have exited with by itself; only there where a sweep went on after it failed."""
    rest: Rest | None = field(default=None, metadata=LEFT_OUT)
    """How the machine rested before it, in a submission; not there where nothing asks for it."""
    again: str | None = field(default=None, metadata=LEFT_OUT)
    """The directory of the run that stands in this one's place (--retry); only there where this one does not count."""


@dataclass(frozen=True, slots=True)
class SearchedRun:
    """Of the run whose load is the peak, or of the last where none is: the same fields as a run's."""

    task: str
    """As of a run."""
    title: str
    """As of a run."""
    scenario: Scenario
    """As of a run."""
    preset: Preset
    """As of a run."""
    rules: str | None = field(default=None, metadata=LEFT_OUT, kw_only=True)
    """As of a run."""
    round: str | None
    """As of a run."""
    model: ModelFacts
    """As of a run."""
    dataset: DataSet
    """As of a run."""
    backend: BackendFacts
    """As of a run."""
    loadgen: LoadGenSettings | None = field(metadata=EMPTY)
    """As of a run."""
    system: System
    """As of a run."""

    @classmethod
    def of(cls, run: Result) -> SearchedRun:
        """Of this run."""
        return cls(**{field.name: getattr(run, field.name) for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class Search:
    """A search for Server's peak (`--mode find-peak`)."""

    mode: Literal["find-peak"]
    """What was asked for."""
    peak: Peak | None
    """What was found; null where not one run came to its end."""
    performance: Performance | None
    """That of the run whose load is the peak; null where none is."""
    run: SearchedRun | None = field(metadata=FLAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesResult:
    """A series of runs: repeats, a sweep, a submission, a search. Each run's directory has a result of its own."""

    schema_version: Literal[2] = SCHEMA_VERSION
    """The form of this file."""
    status: Status
    """The worst of its runs'; a search is `valid` where it found a peak. `started` while it lasts, `failed` if it broke off."""
    reasons: tuple[Reason, ...]
    """Those of all runs, each beginning with the run's directory, and why the series broke off."""
    warnings: tuple[str, ...]
    """Those of all runs, likewise; of a search, those of the run whose load is the peak."""
    unstable: tuple[Reason, ...]
    """Likewise."""
    accuracy: Mapping[str, Metric] | None
    """That of the first run that was scored."""
    accuracy_card: Card | None
    """Likewise."""
    requirements: tuple[Verdict, ...] = ()
    """Those of all runs; of a search, those of the search as a whole."""
    spread: Spread | None
    """Median and range of repeats; null where there are none."""
    sweep: tuple[SweepRow, ...] | None
    """A row for each backend and model of a sweep, in the order in which they ran; null for one of each."""
    exit_status: int | None
    """The command's; null where it did not come to its end."""
    runs: tuple[SeriesRun, ...]
    """All runs that came to an end, in order."""
    submission: Submission | None = field(default=None, metadata=LEFT_OUT)
    """What they are worth as a submission; only there in `--mode submission`."""
    target: TargetDevice | None = field(default=None, metadata=LEFT_OUT)
    """As of a run."""
    search: Search | None = field(default=None, metadata=FLAT)


def lacks(result: Result) -> str | None:
    """A part that a run which came to its end has, and this one has not."""
    if result.status not in ("valid", "invalid"):
        return None
    parts = {
        "backend.engine": result.backend.opened,
        "backend.threads": result.backend.answering,
        "loadgen": result.loadgen,
        "calibration": result.calibration,
        "performance": result.performance or result.mode == "accuracy" or None,
        "accuracy": result.accuracy if result.mode == "accuracy" else (),
    }
    return next((name for name, part in parts.items() if part is None), None)


def status_of(result: Result | SeriesResult) -> int:
    """The exit status a finished result leads to."""
    # A sweep goes on after a run that failed, and says so in the end.
    if isinstance(result, SeriesResult) and result.exit_status:
        return result.exit_status
    scored = [result.accuracy or {}]
    if isinstance(result, SeriesResult):
        scored += [run.result.accuracy or {} for run in result.runs]
    missed = any(metric.passed is False for metrics in scored for metric in metrics.values())
    missed = missed or any(verdict.passed is False for verdict in result.requirements)
    no_submission = (
        isinstance(result, SeriesResult) and result.submission is not None and bool(result.submission.reasons)
    )
    return 1 if result.status == "invalid" or missed or no_submission else 0
