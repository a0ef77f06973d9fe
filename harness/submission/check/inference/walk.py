"""Walks an inference tree, reads what is there, and holds each part against the rules for it."""

from __future__ import annotations

from collections.abc import Mapping

from harness.config.official.compliance_tests import TESTS
from harness.config.official.rule_sets import BenchmarkRules, RuleSet, figures_of
from harness.submission.check.inference.accuracy import ACCURACY_RULES, AccuracyRun, samples_of
from harness.submission.check.inference.compliance import COMPLIANCE_RULES, IN_FORCE_RULES, TestedScenario
from harness.submission.check.inference.file_lists import FILE_LIST_RULES, ScenarioFiles
from harness.submission.check.inference.measurements import FIVE_FIELDS, MEASUREMENT_RULES, Measurements
from harness.submission.check.inference.scenarios import (
    BENCHMARK_RULES,
    SCENARIO_RULES,
    SYSTEM_KINDS,
    BenchmarkFolder,
    LoggedScenario,
    SystemKind,
)
from harness.submission.check.inference.submitters import SUBMITTER_RULES, InferenceSubmitter
from harness.submission.check.inference.systems import SYSTEM_RULES, SystemDescription
from harness.submission.check.mixed import (
    COPY_RULES,
    HASH_RULES,
    TOGETHER_RULES,
    HashedLog,
    HashedLogs,
    OwnFiles,
    RunLog,
    RunsTogether,
)
from harness.submission.check.read_run import read_run
from harness.submission.check.run_log import RoundNeeds
from harness.submission.compliance.in_force import not_in_force
from harness.submission.finding import Fault, Judge
from harness.submission.tree.benchmark_names import MAPPING_FILE, OfficialName
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import DIVISIONS, Tree
from harness.submission.tree.logs import DETAIL, DetailLog
from harness.submission.tree.places import SCENARIOS, ScenarioPlace, form_of
from harness.submission.tree.readme import MODEL_LINE, SYSTEM_LINE

MOST_BYTES = 50 << 20
"""Of a file: 50 MB, as the results repositories have it."""
_OF_TEST01 = ("accuracy-files", "accuracy-answers", "accuracy-hash", "truncation")
"""Rules for accuracy logs that hold for TEST01's, which is scored by nobody."""
_CLOSED = ("closed", "network")
_OFFICIAL = "hold it against the official checker"


class InferenceCheck:
    """One pass over a tree."""

    def __init__(self, tree: Tree, rules: RuleSet, judge: Judge) -> None:
        self._tree, self._rules, self._judge = tree, rules, judge
        self._form = form_of(rules.round)
        self._logs: list[RunLog] = []
        self._hashed: list[HashedLog] = []

    def run(self) -> None:
        """Looks at every submitter."""
        for division in (name for name in self._tree.folders("") if name in DIVISIONS):
            for submitter in self._tree.folders(division):
                self._submitter(division, submitter)
        self._judge.apply(COPY_RULES, OwnFiles(self._logs))
        self._judge.apply(HASH_RULES, HashedLogs(self._hashed))

    def _submitter(self, division: str, submitter: str) -> None:
        tree, owner = self._tree, f"{division}/{submitter}"
        mapping = self._mapping(owner) if division == "open" else {}
        self._judge.apply(
            SUBMITTER_RULES, InferenceSubmitter(tree, owner, division, self._form, self._rules, mapping or {})
        )
        for system in tree.folders(f"{owner}/results"):
            fields = self._system(division, submitter, system)
            said = (fields or {}).get("system_type")
            kind = SYSTEM_KINDS.get(said) if isinstance(said, str) else None
            for name in tree.folders(f"{owner}/results/{system}"):
                self._benchmark(division, submitter, system, name, mapping, kind)

    def _mapping(self, owner: str) -> Mapping[str, object] | None:
        """None where it is there and broken."""
        path = f"{owner}/{MAPPING_FILE}"
        if self._tree.entry(path) is None:
            return {}
        found = self._tree.json(path)
        if isinstance(found, Broken):
            fix = 'write an object of names: {"our name": "official name"}'
            self._judge.take("model-mapping", "SC loader.py", [Fault(path, found.what, fix)])
            return None
        return found

    def _system(self, division: str, submitter: str, system: str) -> Mapping[str, object] | None:
        path = f"{division}/{submitter}/systems/{system}.json"
        fields = self._tree.json(path)
        if isinstance(fields, Broken):
            fix = f"describe the system whose results lie in results/{system}"
            self._judge.take("system-description", "SC loader.py", [Fault(path, fields.what, fix)])
            return None
        self._judge.apply(SYSTEM_RULES, SystemDescription(path, fields, division, submitter, self._form))
        return fields

    def _benchmark(
        self,
        division: str,
        submitter: str,
        system: str,
        name: str,
        mapping: Mapping[str, object] | None,
        kind: SystemKind | None,
    ) -> None:
        folder = f"{division}/{submitter}/results/{system}/{name}"
        found = BenchmarkFolder(folder, division, name, self._tree.folders(folder), self._rules, mapping, kind)
        self._judge.apply(BENCHMARK_RULES, found)
        logs: list[RunLog] = []
        models: dict[str, Mapping[str, str]] = {}
        systems: dict[str, Mapping[str, str]] = {}
        for scenario in found.scenarios:
            if scenario.casefold() in {one.casefold() for one in SCENARIOS}:
                place = ScenarioPlace(self._form, division, submitter, system, name, scenario)
                logs += self._scenario(place, found.official, kind != "datacenter")
                models |= self._model(place)
                readme = f"{place.measurements}/README.md"
                models |= {readme: self._told(readme, MODEL_LINE)}
                systems |= {readme: self._told(readme, SYSTEM_LINE)}
        self._logs += logs
        self._judge.apply(TOGETHER_RULES, RunsTogether(folder, logs, models, systems))

    def _scenario(self, place: ScenarioPlace, official: OfficialName | None, edge: bool) -> list[RunLog]:
        self._judge.results += 1
        if self._tree.entry(f"{place.results}/performance/result_summary.json") is not None:
            fault = Fault(
                place.results, "is of endpoints, not of LoadGen: not looked at here", _OFFICIAL, severity="warning"
            )
            self._judge.take("endpoints", "SC parsers/endpoints_parser.py", [fault])
            return []
        self._judge.apply(MEASUREMENT_RULES, Measurements(self._tree, place))
        benchmark = official.rules if official else None
        self._judge.apply(FILE_LIST_RULES, ScenarioFiles(self._tree, place, benchmark is not None))
        needed = self._needed(benchmark, place.division)
        performance = self._log(place.performance, "performance", needed)
        accuracy = self._log(place.accuracy, "accuracy", needed)
        self._judge.apply(SCENARIO_RULES, LoggedScenario(place, edge, performance, accuracy))
        copies = f"{place.owner}/{place.system}/{place.benchmark}"
        logs = self._kept(place.performance, performance, f"{copies}/performance")
        logs += self._kept(place.accuracy, accuracy, f"{copies}/accuracy")
        if benchmark is not None and official is not None:
            run = AccuracyRun(self._tree, place.accuracy, accuracy, benchmark, place.division)
            self._judge.apply(ACCURACY_RULES, run)
            said = run.said()
            entry = self._tree.entry(run.log_file)
            if said is not None and len(said.hashes) == 1 and entry is not None and entry.plain:
                self._hashed.append(HashedLog(run.log_file, self._tree.root / run.log_file, said.hashes[0]))
            if place.division in _CLOSED:
                logs += self._tests(place, official, (performance, accuracy), needed)
        return logs

    def _tests(
        self,
        place: ScenarioPlace,
        official: OfficialName,
        vouched: tuple[DetailLog | None, DetailLog | None],
        needed: RoundNeeds,
    ) -> list[RunLog]:
        """The tests of a scenario, which vouch for its performance and its accuracy run."""
        reference, accuracy = vouched
        answered = samples_of(accuracy) if accuracy else None
        logs: list[RunLog] = []
        for test in (one for one in TESTS if one in official.rules.compliance_tests.value):
            folder = f"{place.compliance}/{test}"
            if not self._tree.has_folder(folder):
                fix = f"run it: --compliance {test}"
                what = f"is missing: the closed division requires {test} of {official.name}"
                self._judge.take("compliance-missing", "SC checks/compliance_check.py", [Fault(folder, what, fix)])
                continue
            run = f"{folder}/performance/run_1"
            log = self._log(run, "performance", needed, summary=False)
            answers = AccuracyRun(self._tree, f"{folder}/accuracy", None, official.rules, place.division, scored=False)
            tested = TestedScenario(test, folder, answers, official.name, log, reference, answered, self._form)
            if log is not None and any(not_in_force(test, log, tested.target)):
                # Whatever else is wrong follows from that.
                self._judge.apply(IN_FORCE_RULES, tested)
                continue
            logs += self._kept(run, log, f"{place.owner}/{place.system}/{place.benchmark}/{test}")
            self._judge.apply(COMPLIANCE_RULES, tested)
            if test == "TEST01" and self._tree.has_folder(answers.folder):
                there = set(self._tree.files(answers.folder))
                wanted = [rule for rule in ACCURACY_RULES if rule.name in _OF_TEST01]
                self._judge.apply(wanted if {"accuracy.txt", "mlperf_log_accuracy.json"} <= there else [], answers)
        return logs

    def _kept(self, folder: str, log: DetailLog | None, copies: str) -> list[RunLog]:
        path = f"{folder}/{DETAIL}"
        return [] if log is None else [RunLog(path, self._tree.root / path, copies, log=log)]

    def _log(self, folder: str, kind: str, needed: RoundNeeds, *, summary: bool = True) -> DetailLog | None:
        """A run's log, held against the rules; None where it cannot be read."""
        return read_run(self._tree, self._judge, folder, kind, needed, summary=summary)

    def _needed(self, official: BenchmarkRules | None, division: str) -> RoundNeeds:
        rules = self._rules
        figures = {name: figures_of(rules, name) for name in rules.scenarios}
        least = official.scenarios.get("Offline") if official else None
        offline = least.min_query_count if least else None
        return RoundNeeds(
            seeds=rules.seeds.known,
            percentiles={name: one.target_percentile for name, one in figures.items()},
            min_duration_ms={name: one.min_duration_ms for name, one in figures.items()},
            # In open the checker of v6 takes fewer samples; that of v5 does not.
            min_query_count={"Offline": offline} if offline and (division in _CLOSED or self._form == "v5") else {},
            sample_count=official.performance_sample_count.value if official else None,
            server_bound_ns=official.server_bound.value_ns if official and official.server_bound else None,
        )

    def _told(self, path: str, line: str) -> Mapping[str, str]:
        """What this harness's own README.md tells in a line of this beginning; nothing of others'."""
        text = self._tree.text(path)
        lines = [] if isinstance(text, Broken) else text.splitlines()
        return {line.strip("* "): one.removeprefix(line).strip() for one in lines if one.startswith(line)}

    def _model(self, place: ScenarioPlace) -> dict[str, Mapping[str, str]]:
        name = place.measurements_file(self._tree.files(place.measurements))
        path = f"{place.measurements}/{name}"
        fields = self._tree.json(path) if name else {}
        if isinstance(fields, Broken) or not fields:
            return {}
        names = ("starting_weights_filename", "weight_data_types", "input_data_types")
        return {path: {one: str(fields[one]) for one in names if one in FIVE_FIELDS and fields.get(one)}}
