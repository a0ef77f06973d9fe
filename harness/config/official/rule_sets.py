"""MLPerf's rules as data: a file in configs/rules/ for each round of a suite, its schema and its only reader.

Every figure has its source beside it. One that is not known is null: nothing here is guessed. A file may inherit another
one; null takes away a benchmark that the other has.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from harness.config.fields import laid_over
from harness.config.files import read_yaml
from harness.config.mistakes import explanations, report
from harness.config.official.accuracy_targets import Target
from harness.config.official.rules import (
    Preset,
    Scenario,
    Seeds,
    Suite,
    early_stopping_queries,
    rounds_of,
    rules_folder,
)
from harness.config.schema import Section
from harness.errors import ConfigError, UnknownName

RuleSetName = Annotated[str, Field(pattern=r"^(mobile|inference|tiny)-v\d+\.\d+$")]
Seed = Annotated[int, Field(ge=1, lt=1 << 64)]


class Sourced(Section):
    """Figures that stand together, and where they were read."""

    source: str = Field(min_length=1)


class SeedFigures(Sourced):
    """LoadGen's seeds; all three null where the suite names none."""

    qsl_rng_seed: Seed | None
    sample_index_rng_seed: Seed | None
    schedule_rng_seed: Seed | None
    assumed: bool = False
    """The round's own were not found: those of another suite's round of the same name."""

    @property
    def known(self) -> Seeds | None:
        """All three; None where there are none."""
        three = (self.qsl_rng_seed, self.sample_index_rng_seed, self.schedule_rng_seed)
        return None if None in three else Seeds(*(seed for seed in three if seed is not None))

    @model_validator(mode="after")
    def _all_or_none(self) -> SeedFigures:
        if (self.qsl_rng_seed, self.sample_index_rng_seed, self.schedule_rng_seed).count(None) not in (0, 3):
            raise ValueError("seeds: all three are needed, or null for all three")
        return self


class Extent(Sourced):
    """How long a performance run must last at least. Offline counts samples where the others count queries."""

    min_query_count: int = Field(ge=1)
    min_duration_ms: int = Field(ge=0)


class ScenarioFigures(Extent):
    """What LoadGen is told in a scenario."""

    target_percentile: float = Field(gt=0.5, lt=1)
    """The percentile that LoadGen judges, as a fraction."""
    samples_per_query: int = Field(default=1, ge=1)
    quick: Extent
    rapid: Extent

    def extent(self, preset: Preset) -> Extent:
        """The minimum under a preset."""
        return {"rules": self, "quick": self.quick, "rapid": self.rapid}[preset]


class Follows(Sourced):
    """A scenario that the suite has no figures for: those of another rule set are taken."""

    follows: RuleSetName
    whole: bool
    """Its seeds as well: the run is one of the other rule set."""


class SecondsBetween(Section):
    """A span that a pause must lie in, in seconds."""

    least: float = Field(ge=0)
    most: float = Field(ge=0)


class Cooldown(Sourced):
    """How long a device rests, in seconds."""

    between_tasks_s: SecondsBetween | None
    before_performance_s: float | None
    """Before each performance run but the first, as the suite's own app does it."""
    between_repeats_s: float | None


class ExpectedLatencyCap(Sourced):
    """The most that LoadGen may be told to expect of a query, in ns."""

    scenario: Scenario
    rules_ns: int | None
    """By the rules' text."""
    app_ns: int
    """By the suite's own app, whose results are those published."""


class SubmissionRules(Sourced):
    """What becomes of a run that is handed in."""

    good_for: str = Field(min_length=1)
    """What a submission made with LoadGen can be used for."""
    trace: bool
    """Trees of results hold LoadGen's trace as well."""


class UntimedSteps(Sourced):
    """What may be done to a sample before its query is timed."""

    steps: list[str] | None


class ThroughputWindows(Sourced):
    """Of how many measurements of which length a throughput is made."""

    count: int = Field(ge=1)
    least_duration_s: float = Field(gt=0)


class BenchmarkNames(Sourced):
    """What others call a benchmark; null where nobody knows."""

    tree: str
    """The directory's name in a tree of results."""
    loadgen: str | None
    """Under which LoadGen looks up figures of its own."""
    app: dict[Scenario, str | None]
    """The mobile app's benchmark_id."""


class BenchmarkScenario(Sourced):
    """A scenario that a benchmark is asked for."""

    required: bool
    """A closed submission must have it."""
    min_query_count: int | None = Field(default=None, ge=1)
    """Where it differs from the suite's."""


class Count(Sourced):
    """A number of samples."""

    value: int | None = Field(ge=1)


class ComplianceTests(Sourced):
    """Names of the compliance tests that a closed submission must pass."""

    value: list[str]


class OtherSystems(Sourced):
    """Scenarios that the closed division requires where a system is no edge system alone."""

    datacenter: list[Scenario] | None
    """None where the datacenter suite does not have the benchmark."""
    both: list[Scenario]
    """Of a system that is submitted as both."""


class ServerBound(Sourced):
    """The longest that Server may let a query take; `assumed` where it is another round's, as the source says."""

    value_ns: int = Field(ge=1)
    assumed: bool = False


MISSES, FALSE_ALARMS = "false_negatives", "false_positives"
"""A detector's mistakes, as metrics."""


class BenchmarkRules(Section):
    """One benchmark of a round."""

    kind: str | None = None
    """Inference: the kind of task that a model of the open division counts under this name; the first of a kind is taken."""
    names: BenchmarkNames
    scenarios: dict[Scenario, BenchmarkScenario]
    performance_sample_count: Count
    dataset_size: Count
    """Of the set on which accuracy counts."""
    targets: list[Target]
    """Of a closed submission. Those of a detector's mistakes are the most that it may make in the whole set."""
    compliance_tests: ComplianceTests

    @property
    def detects(self) -> bool:
        """Whether hits and false alarms are counted in place of an accuracy."""
        return any(target.metric == MISSES for target in self.targets)

    other_systems: OtherSystems | None = None
    """None where the suite has one kind of system."""
    server_bound: ServerBound | None = None
    """None where the checker has none."""


class RuleSet(Section):
    """A round of a suite."""

    suite: Suite
    round: str = Field(pattern=r"^v\d+\.\d+$")
    seeds: SeedFigures
    scenarios: dict[Scenario, ScenarioFigures | Follows]
    cooldown: Cooldown
    submission: SubmissionRules
    expected_latency_cap: ExpectedLatencyCap | None
    untimed: UntimedSteps
    windows: ThroughputWindows | None = None
    benchmarks: dict[str, BenchmarkRules]
    """Mobile and tiny: by the name that a config's `mlperf` has. Inference: by the official name."""

    @property
    def name(self) -> str:
        """As `--rules` has it."""
        return f"{self.suite}-{self.round}"

    def of_kind(self, kind: str) -> BenchmarkRules | None:
        """The benchmark that a model of this kind of task counts under; None where the round has none of it."""
        return next((one for one in self.benchmarks.values() if one.kind == kind), None)


def figures_of(rules: RuleSet, scenario: Scenario) -> ScenarioFigures:
    """What LoadGen is told in a scenario, be it by another rule set."""
    found = rules.scenarios[scenario]
    return figures_of(rule_set(found.follows), scenario) if isinstance(found, Follows) else found


def least_queries(figures: ScenarioFigures, scenario: Scenario, preset: Preset, percentile: float) -> int:
    """Server never asks fewer queries than early stopping needs at its percentile."""
    least = figures.extent(preset).min_query_count
    return max(least, early_stopping_queries(percentile)) if scenario == "Server" else least


def rule_set_names() -> list[str]:
    """All rule sets, suite by suite, oldest first."""
    suites: tuple[Suite, ...] = ("mobile", "inference", "tiny")
    return [f"{suite}-{one}" for suite in suites for one in rounds_of(suite)]


@functools.cache
def rule_set(name: str) -> RuleSet:
    """The rule set of this name, as mobile-v6.0.

    Raises:
        UnknownName: There is none.
        ConfigError: Its file has mistakes.
    """
    if name not in (known := rule_set_names()):
        raise UnknownName("rule set", name, known)
    try:
        return RuleSet.model_validate(_fields(name))
    except ValidationError as error:
        where = str(rules_folder() / f"{name}.yaml")
        raise ConfigError(report(where, explanations(error.errors(), RuleSet))) from None


def newest(suite: Suite, benchmark: str | None = None) -> RuleSet:
    """The newest round of a suite, or the newest that has a benchmark.

    Raises:
        ConfigError: No round has it.
    """
    for one in reversed(rounds_of(suite)):
        if benchmark is None or benchmark in _fields(f"{suite}-{one}")["benchmarks"]:
            return rule_set(f"{suite}-{one}")
    raise ConfigError(f"no round of {suite} has {benchmark!r}: correct mlperf.benchmark of the config")


def rounds_with(suite: Suite, benchmark: str) -> list[str]:
    """The rounds of a suite that have a benchmark, oldest first."""
    return [one for one in rounds_of(suite) if benchmark in _fields(f"{suite}-{one}")["benchmarks"]]


@functools.cache
def _fields(name: str) -> dict[str, Any]:
    own = read_yaml(rules_folder() / f"{name}.yaml")
    base = own.pop("inherits", None)
    fields = own if base is None else laid_over(_fields(base), own)
    there = {key: value for key, value in fields["benchmarks"].items() if value is not None}
    return {**fields, "benchmarks": there}
