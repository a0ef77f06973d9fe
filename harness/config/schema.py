"""What a config file may say: its sections and their fields."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from harness.config.backend import BackendSection
from harness.config.dispatch import DispatchSection
from harness.config.invocation import Invocation
from harness.config.official.accuracy_targets import Target
from harness.config.official.compliance_tests import ComplianceTest
from harness.config.official.published import DatasetEntry, FileEntry, ModelEntry
from harness.config.official.rules import Mode, Preset, Scenario, ServerLoad
from harness.config.truth_values import NoTruthForNumbers
from harness.config.written_units import Size, Span
from harness.units import DAY_S


class Section(NoTruthForNumbers):
    """A part of a config: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class OpenSection(NoTruthForNumbers):
    """A part of a config whose further keys are options of the task."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class ModelSection(Invocation, OpenSection):
    """Which model, how it is invoked, and how its tensors are read."""

    model_config = ConfigDict(extra="allow")

    use: str = "auto"
    """`auto`, `official`, `standin`, a name from `models`, or a path."""

    @property
    def invocation(self) -> Invocation:
        """What of it every task has."""
        return Invocation.model_validate({name: getattr(self, name) for name in Invocation.model_fields})


class DatasetSection(OpenSection):
    """Which data, and how samples are prepared."""

    use: str = "auto"
    """`auto`, `official`, `builtin`, a name from `datasets`, or a path."""
    truth: str = "auto"
    """A path, or `auto`: found in or beside the data set."""
    count: int | None = Field(default=None, ge=1)
    """Use the first `count` samples; null for all."""


_HOUR_NS = 3_600_000_000_000
"""No query takes longer; LoadGen would wait or count without end for larger figures."""


class LoadSection(Section):
    """What LoadGen asks. null leaves a figure to the rules and the preset, or to the calibration."""

    scenario: Scenario = "SingleStream"
    mode: Mode = "performance"
    preset: Preset = "rules"
    rules: str | None = None
    """A rule set, as mobile-v6.0 (harness.config.official.rule_sets); null for the newest that has the benchmark."""
    round: str | None = None
    """Short for a rule set of the mobile suite."""
    compliance: ComplianceTest | None = None
    """A performance run under one of MLPerf inference's compliance tests (docs/submission.md)."""
    performance_sample_count: int | None = Field(default=None, ge=1)
    min_query_count: int | None = Field(default=None, ge=1)
    min_duration_ms: int | None = Field(default=None, ge=0)
    max_duration_ms: int | None = Field(default=None, ge=0)
    """LoadGen heeds it in SingleStream only."""
    expected_latency_ns: int | None = Field(default=None, ge=1, le=_HOUR_NS)
    """SingleStream and MultiStream: one query's, from which LoadGen generates queries beforehand."""
    target_qps: float | None = Field(default=None, ge=0.001, le=1e9)
    """Server: the load. Offline: the expected samples per second."""
    max_sample_memory: Size | None = None
    """What the samples that are loaded at once may take, as 512MB; null: half of the memory available."""
    too_few_samples: Literal["warn", "refuse"] = "warn"
    """Where fewer fit than the performance sample count; a submission refuses."""
    server_target_latency_ms: float | None = Field(default=None, gt=0, le=_HOUR_NS / 1e6)
    server_target_percentile: float | None = Field(default=None, gt=0.5, lt=1)
    server_load: ServerLoad = "half"
    """Server's load where `target_qps` is null: half of the measured throughput, or the peak that queueing lets hope for."""
    cooldown_s: Span | None = Field(default=None, ge=0, le=DAY_S)
    """A submission: how long the machine rests before each performance run but the first; null: what the rules say."""
    find_peak_budget_s: Span | None = Field(default=None, gt=0)
    """How long a whole search (mode find-peak) may take; null: 1,500 s under the rules, 120 s quick, 60 s rapid."""
    find_peak_tolerance: float = Field(default=0.025, ge=0.001, le=0.5)
    """How near the found peak and the lowest load that breaks the bound may lie: 0.025 is 2.5 %."""
    warm_up_s: Span = Field(default=2.0, ge=0, le=600)
    """How long the model may be asked before LoadGen starts, until its latency is stable; 0 for not at all."""
    enable_trace: bool | None = None
    """LoadGen's trace: hundreds of megabytes for quick models; null: in a submission whose rules want it."""
    query_times: bool = True
    """Whether the times of a performance run's queries are kept beside its result (docs/measuring.md, "Query times")."""


class ModelAlone(Section):
    """What a command may say of a model that no benchmark names."""

    model: Invocation = Field(default_factory=Invocation)


class ModelAndBackend(ModelAlone):
    """The same, with what runs it."""

    backend: BackendSection = Field(default_factory=BackendSection)


class Collection(Section):
    """A file in configs/collections/: files that belong to no benchmark."""

    title: str
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    files: dict[str, FileEntry] = Field(default_factory=dict)


class SuiteMember(Section):
    """A benchmark of a suite."""

    suite: Literal["mobile", "tiny"]
    benchmark: str
    """Its name in the suite's rule sets."""


class ReferenceSection(Section):
    """What the answers are held against where there is no ground truth: another model's, or another backend's, to the same."""

    model: str | None = None
    """As `model.use`; null for the model itself."""
    backend: str | None = None
    """As `--backend` names one; null for one thread of the CPU."""


class Benchmark(Section):
    """A file in configs/."""

    title: str
    task: str
    """A kind from harness.config.registry.TASKS, or a plug-in's."""
    aliases: list[str] = Field(default_factory=list)
    mlperf: SuiteMember | None = None
    """Where the rule sets have this benchmark; null for one of no suite."""
    model: ModelSection = Field(default_factory=ModelSection)
    dataset: DatasetSection = Field(default_factory=DatasetSection)
    backend: BackendSection = Field(default_factory=BackendSection)
    dispatch: DispatchSection = Field(default_factory=DispatchSection)
    load: LoadSection = Field(default_factory=LoadSection)
    reference: ReferenceSection | None = None
    """For tasks that take one; null for none."""
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    datasets: dict[str, DatasetEntry] = Field(default_factory=dict)
    files: dict[str, FileEntry] = Field(default_factory=dict)
    """Further files that belong to the benchmark: calibration lists, originals."""
    full_count: int | None = Field(default=None, ge=1)
    """Samples of the full data set, on which accuracy counts; null for what the rules say."""
    targets: list[Target] = Field(default_factory=list)
    """Beside those of the rules; where the user writes his own, they stand in place of all others."""
    require: list[str] = Field(default_factory=list)
    """What the figures of a run must reach: `p90<=5ms`, `top1:min=0.75`. Each decides the exit status."""
    labels: dict[str, str] = Field(default_factory=dict)
    """What is kept in the result beside it: a build's number, a branch."""
    allow_short: bool = False
    """Whether times and rates of a run that is too short for them are held against requirements all the same."""
    asked_by_kind: bool = False
    """The user named a kind of task (`classification`), for which this benchmark stands: its floor and its full set are then
    nothing to a model and data of the user's own."""
