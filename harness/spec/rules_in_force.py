"""Which rule set counts for a run: the one asked for, else the newest that has the benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.config.official.accuracy_targets import Target
from harness.config.official.rule_sets import (
    BenchmarkRules,
    Follows,
    RuleSet,
    figures_of,
    least_queries,
    newest,
    rounds_with,
    rule_set,
    rule_set_names,
)
from harness.config.official.rules import Seeds, rounds_of
from harness.config.schema import Benchmark
from harness.errors import ConfigError, UnknownName
from harness.spec.schema import ByTheRules
from harness.units import duration

NO_RULES = "none"
"""Of a benchmark that is in no suite: inference's newest figures and seeds are a custom, not its rules."""
_DEFAULT_SAMPLE_COUNT = 1024
"""In memory at once where no rule set knows the benchmark."""


@dataclass(frozen=True, slots=True)
class ChosenRules:
    """The rule set that counts for a benchmark, before a scenario is looked at."""

    rules: RuleSet
    benchmark: BenchmarkRules | None
    """None where the rule set has nothing of its kind."""
    home: BenchmarkRules | None
    """As its own suite has it, whatever rules it is run by."""
    in_suite: bool
    """False for a benchmark of no suite that nobody named rules for."""

    @property
    def round(self) -> str | None:
        """The round of the mobile suite; None in the others."""
        return self.rules.round if self.rules.suite == "mobile" else None

    @property
    def targets(self) -> Sequence[Target]:
        """What a model of the benchmark is asked for. Inference's are those of its closed division, of other models."""
        return [] if self.benchmark is None or self.rules.suite == "inference" else self.benchmark.targets

    @property
    def full_count(self) -> int | None:
        """Samples of the set on which accuracy counts."""
        return self._first("dataset_size")

    @property
    def set_sizes(self) -> list[int]:
        """Samples of each set that a target speaks of: the full one, and such as the first 100 questions."""
        counts = [self.full_count, *(target.count for target in self.targets)]
        return list(dict.fromkeys(count for count in counts if count is not None))

    @property
    def performance_sample_count(self) -> int:
        """Samples in memory at once."""
        return self._first("performance_sample_count") or _DEFAULT_SAMPLE_COUNT

    def _first(self, field: str) -> int | None:
        found = (getattr(one, field).value for one in (self.benchmark, self.home) if one is not None)
        return next((value for value in found if value is not None), None)


@dataclass(frozen=True, slots=True)
class InForce:
    """What the rules say to LoadGen about one run."""

    name: str
    """Of the rule set that the run follows, or `none`."""
    seeds: Seeds | None
    """None keeps LoadGen's own."""
    percentile: float
    """That LoadGen judges, as a fraction."""
    samples_per_query: int
    min_query_count: int
    min_duration_ms: int
    by_the_rules: ByTheRules
    """What a submission is held against, whatever the preset."""
    trace: bool
    """Trees of results hold LoadGen's trace as well."""
    expected_latency_cap_ns: int | None
    notes: tuple[str, ...]
    """What the rules leave open or have from others, a sentence each."""


def chosen_rules(benchmark: Benchmark) -> ChosenRules:
    """The rule set that counts: the one asked for, else the newest that has the benchmark.

    Raises:
        ConfigError: There is none of this name, or it has no such benchmark.
    """
    own = benchmark.mlperf
    asked = _asked(benchmark)
    home = newest(own.suite, own.benchmark) if own else None
    at_home = home.benchmarks[own.benchmark] if home and own else None
    if asked is None:
        rules = home or newest("inference")
        return ChosenRules(rules, at_home, at_home, own is not None)
    rules = rule_set(asked)
    if rules.suite == "inference":
        return ChosenRules(rules, rules.of_kind(benchmark.task), at_home, True)
    if own is None or own.suite != rules.suite:
        option = f"--round {rules.round}" if benchmark.load.round else f"--rules {asked}"
        raise ConfigError(f"{benchmark.title} is in no MLPerf {rules.suite} round: leave out {option}")
    if own.benchmark not in rules.benchmarks:
        there = ", ".join(rounds_with(own.suite, own.benchmark))
        raise ConfigError(f"round {rules.round} has no {benchmark.title}; it is in {there}")
    return ChosenRules(rules, rules.benchmarks[own.benchmark], at_home, True)


def _asked(benchmark: Benchmark) -> str | None:
    """The name that was asked for: `--round v5.0` is short for `--rules mobile-v5.0`."""
    rules, short = benchmark.load.rules, benchmark.load.round
    if short is None:
        if rules is not None and rules not in (known := rule_set_names()):
            raise UnknownName("rule set", rules, known)
        return rules
    if short not in (known := rounds_of("mobile")):
        if short in rounds_of("inference"):
            raise ConfigError(f"{short} is no round of the mobile suite: use --rules inference-{short}")
        raise UnknownName("round", short, known)
    if rules not in (None, f"mobile-{short}"):
        raise ConfigError(f"--round {short} is short for --rules mobile-{short}, but --rules {rules} is given too")
    return f"mobile-{short}"


def in_force(benchmark: Benchmark, chosen: ChosenRules) -> InForce:
    """What LoadGen is told of a benchmark by a rule set, in the scenario and the preset of its config."""
    load = benchmark.load
    own = chosen.rules.scenarios[load.scenario]
    followed = rule_set(own.follows) if isinstance(own, Follows) else None
    named = followed if followed and isinstance(own, Follows) and own.whole else chosen.rules
    figures = figures_of(chosen.rules, load.scenario)
    percentile = figures.target_percentile
    benchmark_has = None if chosen.benchmark is None else chosen.benchmark.scenarios.get(load.scenario)
    own_queries = benchmark_has.min_query_count if benchmark_has and followed is None else None
    if load.scenario == "Server" and load.server_target_percentile is not None:
        percentile = load.server_target_percentile
    queries = least_queries(figures, load.scenario, load.preset, percentile)
    if load.preset == "rules":
        queries = own_queries or queries
    cap = named.expected_latency_cap
    return InForce(
        name=named.name if chosen.in_suite else NO_RULES,
        seeds=named.seeds.known,
        percentile=percentile,
        samples_per_query=figures.samples_per_query,
        min_query_count=queries,
        min_duration_ms=figures.extent(load.preset).min_duration_ms,
        by_the_rules=ByTheRules(
            benchmark=chosen.benchmark.names.tree if chosen.benchmark and chosen.in_suite else None,
            scenarios=list(chosen.benchmark.scenarios) if chosen.benchmark else [],
            any_scenario=chosen.rules.suite == "inference",
            min_query_count=own_queries or least_queries(figures, load.scenario, "rules", figures.target_percentile),
            min_duration_ms=figures.min_duration_ms,
            performance_sample_count=chosen.performance_sample_count,
            target_percentile=figures.target_percentile,
            set_sizes=chosen.set_sizes,
            rest_s=chosen.rules.cooldown.before_performance_s or 0.0,
            rest_between_repeats_s=chosen.rules.cooldown.between_repeats_s or 0.0,
            good_for=chosen.rules.submission.good_for,
            server_bound_ns=_server_bound_ns(chosen.benchmark),
        ),
        trace=chosen.rules.submission.trace,
        expected_latency_cap_ns=cap.app_ns if cap and cap.scenario == load.scenario else None,
        notes=tuple(_notes(benchmark, chosen, named, followed)),
    )


def _server_bound_ns(benchmark: BenchmarkRules | None) -> int | None:
    return benchmark.server_bound.value_ns if benchmark and benchmark.server_bound else None


def loadgen_name(benchmark: Benchmark, chosen: ChosenRules) -> str | None:
    """Under which name LoadGen and the compliance tests know the kind of a benchmark; None for none of inference's."""
    rules = chosen.rules if chosen.rules.suite == "inference" else newest("inference")
    found = rules.of_kind(benchmark.task)
    return found.names.loadgen if found else None


def refuse_unknown_seeds(benchmark: Benchmark) -> None:
    """A submission with seeds that nobody knows to be the round's would be refused by those who receive it.

    Raises:
        ConfigError: The seeds of the rule set that counts are assumed.
    """
    rules = chosen_rules(benchmark).rules
    if rules.seeds.assumed:
        raise ConfigError(
            f"the seeds of {rules.name} are not known, so a submission cannot have them ({rules.seeds.source}): use "
            "another --rules, or --mode performance and --mode accuracy"
        )


def _notes(benchmark: Benchmark, chosen: ChosenRules, named: RuleSet, followed: RuleSet | None) -> Iterator[str]:
    scenario = benchmark.load.scenario
    if not chosen.in_suite:
        yield f"{benchmark.title} is in no suite of MLPerf: figures and seeds are those of {named.name}"
    elif chosen.benchmark is None:
        yield f"{named.name} has no benchmark of the kind {benchmark.task}: its general figures are used"
    if followed is not None and followed is named:
        yield f"{chosen.rules.name} has no {scenario}: figures and seeds are those of {named.name}"
    elif followed is not None:
        yield f"{chosen.rules.name} has no figures for LoadGen: those of {followed.name} are used"
    if named.seeds.known is None:
        yield f"{named.name} has no seeds: LoadGen's own are used"
    if named.seeds.assumed:
        yield f"the seeds of {named.name} are assumed: {named.seeds.source}"
    bound = chosen.benchmark.server_bound if chosen.benchmark and scenario == "Server" else None
    if bound is not None and bound.assumed:
        yield f"the bound of Server in {chosen.rules.name}, {duration(bound.value_ns)}, is assumed: {bound.source}"
