"""Rules on a benchmark's folder and its scenarios: names, spellings, what the closed division requires, what is inferred."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.config.official.rule_sets import RuleSet
from harness.submission.finding import Fault, Rule
from harness.submission.tree.benchmark_names import MAPPING_FILE, NO_FIGURES, OfficialName, official_name
from harness.submission.tree.logs import DetailLog
from harness.submission.tree.places import SCENARIOS, ScenarioPlace

INFERRED = frozenset({("SingleStream", "MultiStream"), ("MultiStream", "Offline"), ("SingleStream", "Offline")})
"""What was run, and what may be inferred from it on an edge system (SC checks/performance_check.py)."""
_CLOSED = ("closed", "network")


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
    edge: bool
    """Whether the system is an edge one; the rule sets here are of that suite."""

    @property
    def official(self) -> OfficialName | None:
        """What it stands for."""
        return official_name(self.name, self.rules, {} if self.division in _CLOSED else self.mapping or {})


@dataclass(frozen=True, slots=True)
class LoggedScenario:
    """A scenario's folder and the logs in it; None for one that cannot be read."""

    place: ScenarioPlace
    edge: bool
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
        elif names[0] != known[folded]:
            yield Fault(where, "is spelt in another case", f"rename it {known[folded]}")


def required(found: BenchmarkFolder) -> Iterator[Fault]:
    """What a closed submission of an edge system must have."""
    official = found.official
    if official is None or found.division not in _CLOSED or not found.edge:
        return
    there = {name.casefold() for name in found.scenarios}
    lacking = [name for name, one in official.rules.scenarios.items() if one.required and name.casefold() not in there]
    if lacking:
        fix = "run them, or infer MultiStream and Offline (submit --infer)"
        yield Fault(found.folder, "lacks scenarios that the closed division requires", fix, ", ".join(lacking))


def same_scenario(found: LoggedScenario) -> Iterator[Fault]:
    """The logs are of the folder's scenario, or of one that it may be inferred from."""
    for folder, log in ((found.place.performance, found.performance), (found.place.accuracy, found.accuracy)):
        if log is not None and not _fits(log, found):
            fix = "put the logs of this scenario here; an edge system's MultiStream and Offline may be inferred"
            figure = f"{log.scenario} in {found.place.scenario}"
            yield Fault(f"{folder}/mlperf_log_detail.txt", "is of another scenario than its folder", fix, figure)
    log = found.performance
    pair = (log.scenario if log else None, found.place.scenario)
    if log is not None and pair == ("SingleStream", "MultiStream") and not log.number("early_stopping_latency_ms"):
        fix = "let SingleStream run for at least 662 queries"
        where = f"{found.place.performance}/mlperf_log_detail.txt"
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


def _fits(log: DetailLog, found: LoggedScenario) -> bool:
    """Whether a log may lie in a scenario's folder; one that names no scenario is said to."""
    if log.scenario is None or log.scenario.casefold() == found.place.scenario.casefold():
        return True
    pair = (log.scenario, found.place.scenario)
    return (found.edge and pair in INFERRED) or pair == ("Server", "Interactive")


BENCHMARK_RULES = (
    Rule("benchmark-name", "IP inference_rules.adoc; SC configuration.py guesses from the name", known_name),
    Rule("scenario-name", "SC loader.py", spellings),
    Rule("scenario-required", "SC constants.py", required),
)
SCENARIO_RULES = (
    Rule("scenario", "SC checks/performance_check.py", same_scenario),
    Rule("scenario-of-both", "POL submission_rules.adoc", same_in_both),
)
