"""Which benchmarks a suite has here, each with its scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from harness.config.files import ConfigFile, benchmark_names, find_benchmark, kind_overrides, read_config
from harness.config.official.rule_sets import RuleSet, newest, rule_set
from harness.config.official.rules import Scenario
from harness.config.schema import Benchmark
from harness.errors import ConfigError, UnknownName
from harness.spec.rules_in_force import chosen_rules


@dataclass(frozen=True, slots=True)
class BenchmarkInScenario:
    """A benchmark in a scenario."""

    name: str
    """Of its directory."""
    config: ConfigFile
    overrides: tuple[tuple[str, Any], ...]


def members(
    tasks: Sequence[str], rules: str | None, scenarios: Sequence[str], common: Sequence[tuple[str, Any]]
) -> list[BenchmarkInScenario]:
    """The benchmarks that are named, else all of a suite, in every scenario that their rules ask for.

    Args:
        tasks: As `--task` takes one; none for all of the suite.
        rules: The rule set; None for the newest of mobile, or of each task that is named its own.
        scenarios: In place of those of the rules; none for these.
        common: Fields of the config for all.

    Raises:
        ConfigError: A name that nobody knows, or a task without a scenario.
    """
    for scenario in scenarios:
        if scenario not in get_args(Scenario):
            raise UnknownName("scenario", scenario, get_args(Scenario))
    asked = [*common, *([("load.rules", rules)] if rules else [])]
    configs = [read_config(find_benchmark(task)) for task in tasks] if tasks else _all_of(rules)
    fields = [kind_overrides(task) for task in tasks] if tasks else [[]] * len(configs)
    found = []
    for config, own in zip(configs, fields, strict=True):
        overrides = (*asked, *own)
        for scenario in scenarios or _scenarios(config.benchmark(overrides)):
            name = f"{config.path.stem}-{scenario}"
            found.append(BenchmarkInScenario(name, config, (*overrides, ("load.scenario", scenario))))
    names = [member.name for member in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{', '.join(twice)} would be made twice: name each task and scenario once")
    return found


def _all_of(rules: str | None) -> list[ConfigFile]:
    asked = newest("mobile") if rules is None else rule_set(rules)
    configs = [read_config(find_benchmark(name)) for name in benchmark_names()]
    found = [config for config in configs if _has(asked, config.benchmark())]
    if not found:
        raise ConfigError(f"there is no config for any benchmark of {asked.name}: name tasks with --tasks")
    return found


def _has(rules: RuleSet, benchmark: Benchmark) -> bool:
    own = benchmark.mlperf
    if rules.suite == "inference":
        return own is not None and own.suite == "mobile" and rules.of_kind(benchmark.task) is not None
    return own is not None and own.suite == rules.suite and own.benchmark in rules.benchmarks


def _scenarios(benchmark: Benchmark) -> list[str]:
    chosen = chosen_rules(benchmark)
    if chosen.benchmark is None or not chosen.in_suite:
        raise ConfigError(f"no rules say in which scenarios {benchmark.title} runs: name them with --scenarios")
    return list(chosen.benchmark.scenarios)
