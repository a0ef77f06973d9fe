"""Rules on a benchmark's folder and its scenarios: names, spellings, what the closed division requires, what is inferred."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.config.official.rule_sets import BenchmarkRules, RuleSet
from harness.submission.finding import Fault, Rule
from harness.submission.tree.benchmark_names import MAPPING_FILE, NO_FIGURES, OfficialName, official_name
from harness.submission.tree.logs import DetailLog
from harness.submission.tree.places import SCENARIOS, ScenarioPlace, form_of

INFERRED = frozenset({("SingleStream", "MultiStream"), ("MultiStream", "Offline"), ("SingleStream", "Offline")})
"""What was run, and what may be inferred from it on an edge system (SC checks/performance_check.py)."""
_INFERRED_FROM = {
    ("SingleStream", "MultiStream"): "early_stopping_latency_ms",
    ("MultiStream", "Offline"): "result_mean_query_latency_ns",
    ("SingleStream", "Offline"): "result_qps_without_loadgen_overhead",
}
"""The key that each is made of."""
_NETWORK_SUT = "Network SUT"
_CLOSED = ("closed", "network")
SystemKind = Literal["edge", "datacenter", "edge and datacenter"]
"""As its system_type says."""
SYSTEM_KINDS: Mapping[object, SystemKind] = {
    "edge": "edge",
    "datacenter": "datacenter",
    "edge,datacenter": "edge and datacenter",
    "datacenter,edge": "edge and datacenter",
}


@dataclass(frozen=True, slots=True)
class BenchmarkFolder:
    """results/<system>/<benchmark>."""

    folder: str
    division: str
    name: str
    scenarios: tuple[str, ...]
    """As their folders are named."""
    rules: RuleSet
    mapping: Mapping[str, object] | None
    """Of model_mapping.json; None where that is broken, which is said."""
    kind: SystemKind | None
    """Of the system; None where its description does not tell, which is said."""

    @property
    def official(self) -> OfficialName | None:
        """What it stands for."""
        return official_name(self.name, self.rules, {} if self.division in _CLOSED else self.mapping or {})


@dataclass(frozen=True, slots=True)
class LoggedScenario:
    """A scenario's folder and the logs in it; None for one that cannot be read."""

    place: ScenarioPlace
    edge: bool
    """Whether scenarios may be inferred."""
    performance: DetailLog | None
    accuracy: DetailLog | None


def known_name(found: BenchmarkFolder) -> Iterator[Fault]:
    """A name that the official checker ends on, or takes for another model's."""
    official, known = found.official, ", ".join(found.rules.benchmarks)
    if official is None and found.mapping is None:
        return
    if official is None and found.name in NO_FIGURES:
        what = "is a benchmark that there are no figures for here: only what holds for all of them was looked at"
        yield Fault(found.folder, what, "hold it against the official checker", severity="warning")
    elif official is None:
        fix = f"in the open division: {MAPPING_FILE} with its official name; in closed, one of {known}"
        yield Fault(found.folder, "stands for no benchmark of this round", fix, found.rules.name)
    elif found.division in _CLOSED and (official.how == "guess" or found.name == "mobilenet"):
        fix = "closed takes the reference models alone: move it to the open division"
        yield Fault(found.folder, f"is no reference model, though the checker takes it for {official.name}", fix)


def spellings(found: BenchmarkFolder) -> Iterator[Fault]:
    """In exactly this case, and each once."""
    by_name = defaultdict(list)
    for name in found.scenarios:
        by_name[name.casefold()].append(name)
    known = {name.casefold(): name for name in SCENARIOS}
    for folded, names in by_name.items():
        where = f"{found.folder}/{names[-1]}"
        if folded not in known:
            yield Fault(where, "is no scenario", f"name it one of {', '.join(SCENARIOS)}, or take it away")
        elif len(names) > 1:
            yield Fault(where, "is there twice, in two spellings", f"keep one, as {known[folded]}", ", ".join(names))
        elif names[0] == folded:
            what = "is in small letters, which the official summary takes for inferred"
            yield Fault(where, what, f"rename it {known[folded]}", severity="warning")
        elif names[0] != known[folded]:
            what = "is spelt in another case, on which the official checker ends"
            yield Fault(where, what, f"rename it {known[folded]}")


def required(found: BenchmarkFolder) -> Iterator[Fault]:
    """What a closed submission must have, and what it must not: one scenario too many, and the checker refuses all."""
    official = found.official
    closed = found.division in _CLOSED
    # The checker of v6 asks for nothing in open; that of v5 for a benchmark that the system's suite has.
    if official is None or found.kind is None or not (closed or form_of(found.rules.round) == "v5"):
        return
    asked = asked_scenarios(official.rules, found.kind)
    if asked is None:
        what = f"is no benchmark of the {found.kind} suite in {found.rules.name}, on which the official checker ends"
        fix = 'describe the system as "edge"' + (", or submit in the open division" if closed else "")
        yield Fault(found.folder, what, fix)
        return
    if not closed:
        return
    there = {name.casefold(): name for name in found.scenarios}
    lacking = [name for name in asked if name.casefold() not in there]
    if lacking:
        fix = "run them, or infer MultiStream and Offline (submit --infer)" if found.kind == "edge" else "run them"
        yield Fault(found.folder, "lacks scenarios that the closed division requires", fix, ", ".join(lacking))
    known = {name.casefold() for name in SCENARIOS}
    for folded, name in there.items():
        if folded in known and folded not in {one.casefold() for one in asked}:
            what = (
                f"is a scenario that closed does not ask of {official.name}: the official checker refuses the benchmark"
            )
            yield Fault(f"{found.folder}/{name}", what, "take it away", f"asked: {', '.join(asked)}")


def asked_scenarios(benchmark: BenchmarkRules, kind: SystemKind) -> Sequence[str] | None:
    """Those that the closed division requires; None where the suite of such systems does not have the benchmark.

    Args:
        benchmark: Its rules, whose scenarios are the edge suite's.
        kind: Of the system.
    """
    if kind == "edge" or benchmark.other_systems is None:
        return [name for name, one in benchmark.scenarios.items() if one.required]
    return benchmark.other_systems.datacenter if kind == "datacenter" else benchmark.other_systems.both


def same_scenario(found: LoggedScenario) -> Iterator[Fault]:
    """The logs are of the folder's scenario, or of one that it may be inferred from."""
    for folder, log in ((found.place.performance, found.performance), (found.place.accuracy, found.accuracy)):
        if log is not None and not _fits(log, found):
            fix = "put the logs of this scenario here; an edge system's MultiStream and Offline may be inferred"
            figure = f"{log.scenario} in {found.place.scenario}"
            yield Fault(f"{folder}/mlperf_log_detail.txt", "is of another scenario than its folder", fix, figure)
    log = found.performance
    pair = (log.scenario if log else None, found.place.known_scenario)
    if log is None or pair not in INFERRED:
        return
    where = f"{found.place.performance}/mlperf_log_detail.txt"
    if log.number(key := _INFERRED_FROM[pair]) is None:
        figure = f"{log.entries.get(key, 'nothing')!r}"
        yield Fault(
            where, f"has no number for {key}, from which {pair[1]} is inferred", "put the run's log here", figure
        )
    elif pair == ("SingleStream", "MultiStream") and not log.number("early_stopping_latency_ms"):
        fix = "let SingleStream run for at least 662 queries"
        yield Fault(where, "has too few queries to infer MultiStream from it", fix, "early_stopping_latency_ms 0")


def same_in_both(found: LoggedScenario) -> Iterator[Fault]:
    """Performance and accuracy run answer the same scenario."""
    one, two = found.performance, found.accuracy
    if one is None or two is None or not (_fits(one, found) and _fits(two, found)):
        return
    if one.scenario and two.scenario and one.scenario != two.scenario:
        figure = f"{two.scenario}, the performance run {one.scenario}"
        where = f"{found.place.accuracy}/mlperf_log_detail.txt"
        yield Fault(where, "is of another scenario than the performance run", "run both in one scenario", figure)


def over_network(found: LoggedScenario) -> Iterator[Fault]:
    """Who answers is told by the name of LoadGen's system under test."""
    name = found.performance.text("sut_name") if found.performance else None
    if found.place.division == "network" and name is not None and _NETWORK_SUT not in name:
        where = f"{found.place.performance}/mlperf_log_detail.txt"
        fix = f"give the system under test a name with {_NETWORK_SUT!r} in it, and run again"
        yield Fault(where, "is not of a system that is asked over a network", fix, f"sut_name {name!r}")


def _fits(log: DetailLog, found: LoggedScenario) -> bool:
    """Whether a log may lie in a scenario's folder; one that names no scenario is said to."""
    if log.scenario is None or log.scenario.casefold() == found.place.scenario.casefold():
        return True
    pair = (log.scenario, found.place.known_scenario)
    return (found.edge and pair in INFERRED) or pair == ("Server", "Interactive")


BENCHMARK_RULES = (
    Rule("benchmark-name", "IP inference_rules.adoc; SC configuration.py guesses from the name", known_name),
    Rule("scenario-name", "SC loader.py", spellings),
    Rule("scenario-required", "SC constants.py", required),
)
SCENARIO_RULES = (
    Rule("scenario", "SC checks/performance_check.py", same_scenario),
    Rule("scenario-of-both", "POL submission_rules.adoc", same_in_both),
    Rule("system-network", "SC checks/performance_check.py", over_network),
)
