"""Walks a tree of the mobile suite. It has no official checker: the rules are MO's two texts and what real trees have."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.config.official.rule_sets import BenchmarkRules, RuleSet, figures_of
from harness.config.official.rules import Scenario
from harness.submission.check.code import code_faults
from harness.submission.check.inference.accuracy import MOST_LOG_BYTES
from harness.submission.check.inference.file_lists import OPTIONAL, folder_of_its_own
from harness.submission.check.inference.measurements import FIVE_FIELDS, field_faults
from harness.submission.check.mixed import (
    COPY_RULES,
    PAUSE_RULES,
    TOGETHER_RULES,
    OwnFiles,
    Pauses,
    RunLog,
    RunsTogether,
)
from harness.submission.check.mobile.app_result import RESULT_RULES, AppResult, LoggedPair
from harness.submission.check.read_run import read_run
from harness.submission.check.run_log import RoundNeeds
from harness.submission.check.saying_nothing import lacking_file, says_nothing, tree_size
from harness.submission.finding import Fault, Judge
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import DIVISIONS, Tree
from harness.submission.tree.logs import ACCURACY, DETAIL, SUMMARY, TRACE, DetailLog

_SOURCE = "MO submissionRuleV3_0.adoc; the results repositories"
_ID = re.compile(r"(.+)-(performance|accuracy)$")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_PARTS = re.compile(rf"{re.escape(TRACE)}_?[a-z]{{2}}$")
_KINDS = ("performance", "accuracy")
_TELLING = ("processor", "cpu_type_1", "os_version", "os version")
"""Beginnings of keys of a device's description that have no lawful N/A."""
_LOGS = (SUMMARY, DETAIL, ACCURACY)


@dataclass(frozen=True, slots=True)
class _Found:
    """A benchmark's run on a device."""

    benchmark: BenchmarkRules
    scenario: Scenario
    kind: str
    folder: str


class MobileCheck:
    """One pass over a tree."""

    def __init__(self, tree: Tree, rules: RuleSet, judge: Judge) -> None:
        self._tree, self._rules, self._judge = tree, rules, judge
        self._ids = {
            app: (one, scenario)
            for one in rules.benchmarks.values()
            for scenario, app in one.names.app.items()
            if app is not None
        }
        self._trees = {one.names.tree.casefold(): one for one in rules.benchmarks.values()}
        self._logs: list[RunLog] = []

    def run(self) -> None:
        """Looks at every submitter."""
        for division in (name for name in self._tree.folders("") if name in DIVISIONS[:2]):
            for submitter in self._tree.folders(division):
                self._judge.take("submitter", _SOURCE, self._submitter(f"{division}/{submitter}", division))
                for device in self._tree.folders(f"{division}/{submitter}/results"):
                    self._device(f"{division}/{submitter}", division, device)
        self._judge.apply(COPY_RULES, OwnFiles(self._logs))

    def _submitter(self, owner: str, division: str) -> Iterator[Fault]:
        tree = self._tree
        names = [name for name in tree.files(owner) if name.casefold() == "calibration.md"]
        fix = "say how weights and activations were quantised, and by which list of samples"
        if names:
            yield from lacking_file(tree, f"{owner}/{names[0]}", "how the models were calibrated", fix)
        else:
            yield Fault(
                f"{owner}/Calibration.md", "is missing", fix, severity="error" if division == "closed" else "warning"
            )
        fix = "put code/<benchmark>/ and code/<backend>/README there, with the build steps and the commit"
        yield from code_faults(tree, f"{owner}/code", fix, above=owner)
        devices = tree.folders(f"{owner}/results")
        if not devices:
            yield Fault(f"{owner}/results", "holds no device's results", "put them there, or take the folder away")
            return
        for name in tree.files(f"{owner}/systems"):
            if name.endswith(".json") and name.removesuffix(".json") not in devices:
                where = f"{owner}/systems/{name}"
                yield Fault(where, "describes a device without results", "take it away, or add its results")

    def _device(self, owner: str, division: str, device: str) -> None:
        judge, folder = self._judge, f"{owner}/results/{device}"
        judge.take("system-description", _SOURCE, self._description(f"{owner}/systems/{device}.json"))
        found = list(self._runs(folder))
        judge.take("benchmark-name", _SOURCE, self._unknown(folder))
        judge.take("scenario-name", _SOURCE, self._twice(folder, found))
        judge.take("scenario-required", _SOURCE, self._required(folder, division, found))
        judge.take("measurements", _SOURCE, self._measurements(owner, device, found))
        runs = [(one, log) for one in found if (log := self._run(one)) is not None]
        kept = [(one, RunLog(path := f"{one.folder}/{DETAIL}", self._tree.root / path, log=log)) for one, log in runs]
        self._logs += [log for _, log in kept]
        judge.results += len({(one.benchmark.names.tree, one.scenario) for one in found})
        least = self._rules.cooldown.before_performance_s
        judge.apply(
            PAUSE_RULES if least else (), Pauses([log for one, log in kept if one.kind == "performance"], least or 0)
        )
        for name in sorted({one.benchmark.names.tree for one in found}):
            own = [log for one, log in kept if one.benchmark.names.tree == name]
            judge.apply(TOGETHER_RULES, RunsTogether(folder, own, self._models(owner, device, name)))
        pairs = tuple(
            LoggedPair(one.benchmark.names.app.get(one.scenario), one.scenario, log)
            for one, log in runs
            if one.kind == "performance"
        )
        run = {one.benchmark.names.app.get(one.scenario) for one in found if one.kind == "performance"}
        there = frozenset(one for one in run if one)
        judge.apply(RESULT_RULES, AppResult(self._tree, folder, self._rules.round, pairs, there))
        judge.take("screenshots", _SOURCE, self._screenshots(folder))

    def _runs(self, folder: str) -> Iterator[_Found]:
        """Of both forms: the app's, and a folder a benchmark and scenario."""
        tree = self._tree
        for name in tree.folders(folder):
            if (match := _ID.match(name)) and match[1] in self._ids:
                benchmark, scenario = self._ids[match[1]]
                yield _Found(benchmark, scenario, match[2], f"{folder}/{name}")
            elif (known := self._trees.get(name.casefold())) is not None:
                for scenario in (one for one in known.scenarios if tree.has_folder(f"{folder}/{name}/{one}")):
                    for kind in _KINDS:
                        yield _Found(known, scenario, kind, f"{folder}/{name}/{scenario}/log_{kind}")

    def _unknown(self, folder: str) -> Iterator[Fault]:
        for name in self._tree.folders(folder):
            match = _ID.match(name)
            if not (match and match[1] in self._ids) and name.casefold() not in self._trees:
                fix = f"name it as the round does: {', '.join(self._ids)}"
                where = f"{folder}/{name}"
                yield Fault(
                    where, f"is no benchmark of {self._rules.name}", fix, severity="warning" if match else "error"
                )

    def _twice(self, folder: str, found: Sequence[_Found]) -> Iterator[Fault]:
        """One run in two places: of a folder that is there in two spellings, or in the app's form and in the one before."""
        places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for one in found:
            if self._tree.has_folder(one.folder):
                places[one.benchmark.names.tree, one.scenario, one.kind].append(one.folder)
        for (name, scenario, kind), folders in places.items():
            if len(folders) > 1:
                what = f"is a second {kind} run of {name}, {scenario}"
                yield Fault(folders[-1], what, "keep one, in the form of the round", ", ".join(folders))
        for name in self._tree.folders(folder):
            if (known := self._trees.get(name.casefold())) is not None:
                for scenario in self._tree.folders(f"{folder}/{name}"):
                    if scenario not in known.scenarios:
                        fix = f"name it one of {', '.join(known.scenarios)}, or take it away"
                        yield Fault(f"{folder}/{name}/{scenario}", f"is no scenario of {known.names.tree}", fix)

    def _required(self, folder: str, division: str, found: Sequence[_Found]) -> Iterator[Fault]:
        there = {(one.benchmark.names.tree, one.scenario, one.kind) for one in found}
        for benchmark, scenario in sorted({(one[0], one[1]) for one in there}):
            for kind in _KINDS:
                if (benchmark, scenario, kind) not in there:
                    yield Fault(
                        folder, f"has no {kind} run of {benchmark}, {scenario}", "run both, and put both logs here"
                    )
        if division != "closed":
            return
        for one in self._rules.benchmarks.values():
            for scenario, asked in one.scenarios.items():
                if asked.required and (one.names.tree, scenario, "performance") not in there:
                    yield Fault(
                        folder, "lacks a benchmark of the closed division", "run it", f"{one.names.tree}, {scenario}"
                    )

    def _description(self, path: str) -> Iterator[Fault]:
        fields = self._tree.json(path)
        if isinstance(fields, Broken):
            yield Fault(path, fields.what, "describe the device in strict JSON: system, notes, software")
            return
        if self._rules.round >= "v4.0":
            for name in ("system", "notes", "software"):
                value = fields.get(name)
                if not isinstance(value, dict) or all(says_nothing(one) for one in value.values()):
                    yield Fault(path, f"says nothing in {name}", f"add the object {name}", f"{value!r}"[:80])
                    continue
                # Submitters spell these keys in ways of their own.
                for key, one in value.items():
                    if key.casefold().startswith(_TELLING) and says_nothing(one):
                        yield Fault(path, f"says nothing in {key} of {name}", "write down what it is", f"{one!r}")

    def _models(self, owner: str, device: str, benchmark: str) -> Mapping[str, Mapping[str, str]]:
        """What the files of a benchmark's scenarios say of its model; backends may have files of their own types."""
        base = f"{owner}/measurements/{device}/{benchmark}"
        found: dict[str, Mapping[str, str]] = {}
        for scenario in self._tree.folders(base):
            files = [name for name in self._tree.files(f"{base}/{scenario}") if name.endswith(".json")]
            fields = self._tree.json(f"{base}/{scenario}/{files[0]}") if len(files) == 1 else {}
            if not isinstance(fields, Broken) and fields:
                found[f"{base}/{scenario}/{files[0]}"] = {
                    one: str(fields[one]) for one in ("starting_weights_filename", *FIVE_FIELDS[3:4]) if fields.get(one)
                }
        return found

    def _measurements(self, owner: str, device: str, found: Sequence[_Found]) -> Iterator[Fault]:
        tree = self._tree
        # Some submitters of v2.1 and v3.1 leave the device's folder out.
        own = f"{owner}/measurements/{device}"
        base = own if tree.has_folder(own) else f"{owner}/measurements"
        folders = {name.casefold(): name for name in tree.folders(base)}
        for benchmark, scenario in sorted({(one.benchmark.names.tree, one.scenario) for one in found}):
            named = folders.get(benchmark.casefold(), benchmark)
            folder = f"{base}/{named}/{scenario}"
            files = [name for name in tree.files(folder) if name.endswith(".json")]
            if not files:
                yield Fault(
                    f"{folder}/{device}_<backend>_{scenario}.json", "is missing", "write it, with the five fields"
                )
            for name in files:
                yield from field_faults(tree, f"{folder}/{name}")

    def _run(self, found: _Found) -> DetailLog | None:
        log = read_run(self._tree, self._judge, found.folder, found.kind, self._needed(found))
        if log is not None:
            self._judge.take("logs", _SOURCE, self._files(found, log))
        return log

    def _files(self, found: _Found, log: DetailLog) -> Iterator[Fault]:
        tree, names = self._tree, self._tree.files(found.folder)
        if log.scenario != found.scenario:
            where = f"{found.folder}/{DETAIL}"
            yield Fault(where, "is of another scenario than its folder", "put its own log there", f"{log.scenario}")
        if SUMMARY not in names or ACCURACY not in names:
            lacking = ", ".join(name for name in (SUMMARY, ACCURACY) if name not in names)
            yield Fault(found.folder, "lacks files of LoadGen's", "copy them from the run", lacking)
        traces = [name for name in names if name == TRACE or _PARTS.match(name)]
        if not any(tree_size(tree, f"{found.folder}/{name}") for name in traces):
            fix = "run with LoadGen's trace (--set load.enable_trace=true), split to 20 MB pieces"
            yield Fault(f"{found.folder}/{TRACE}", "holds no trace", fix, severity="warning")
        for name in names:
            if name not in _LOGS and name not in traces and name not in OPTIONAL:
                copied = name.startswith("mlperf_log")
                fix = "keep LoadGen's own files of the run that counts"
                yield Fault(
                    f"{found.folder}/{name}", "does not belong there", fix, severity="error" if copied else "warning"
                )
        for name in tree.folders(found.folder):
            yield folder_of_its_own(tree, f"{found.folder}/{name}")
        if found.kind == "accuracy":
            yield from self._accuracy(found, log)

    def _accuracy(self, found: _Found, log: DetailLog) -> Iterator[Fault]:
        path = f"{found.folder}/{ACCURACY}"
        text = self._tree.text(path)
        if isinstance(text, Broken):
            return
        if "qsl_idx" not in text:
            yield Fault(path, "holds not one answer", "copy the accuracy run's log")
        elif "\n\n...\n\n" in text[: 2 * MOST_LOG_BYTES]:
            yield Fault(path, "is truncated, which mobile rounds are not", "put the whole log there")
        wanted, counted = found.benchmark.dataset_size.value, log.integer("effective_accuracy_sample_count")
        mini = {one.count for one in found.benchmark.targets if one.count}
        if wanted is not None and counted != wanted and counted not in mini:
            figure = f"{counted} of {wanted} samples"
            yield Fault(f"{found.folder}/{DETAIL}", "does not cover the data set", "run all samples", figure)

    def _needed(self, found: _Found) -> RoundNeeds:
        rules, cap = self._rules, self._rules.expected_latency_cap
        figures = figures_of(rules, found.scenario)
        own = found.benchmark.scenarios.get(found.scenario)
        least = (own.min_query_count if own else None) or figures.min_query_count
        return RoundNeeds(
            seeds=rules.seeds.known,
            percentiles={found.scenario: figures.target_percentile},
            min_duration_ms={found.scenario: figures.min_duration_ms},
            min_query_count={found.scenario: least},
            sample_count=found.benchmark.performance_sample_count.value,
            expected_latency_cap_ns=cap.app_ns if cap and cap.scenario == found.scenario else None,
        )

    def _screenshots(self, folder: str) -> Iterator[Fault]:
        pictures = [name for name in self._tree.files(folder) if name.casefold().endswith(_PICTURES)]
        if len(pictures) < 2:
            fix = "add a screenshot of the app's performance results and one of its accuracy results"
            yield Fault(folder, "has no two screenshots of the app", fix, f"{len(pictures)}", severity="warning")
