"""Walks a tree of the tiny suite (TI tools/submission/submission_checker.py, TR13 directory_structure.adoc)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.config.official.rule_sets import BenchmarkRules, RuleSet
from harness.submission.check.code import code_faults
from harness.submission.check.inference.file_lists import OPTIONAL
from harness.submission.check.mixed import COPY_RULES, OwnFile, OwnFiles
from harness.submission.check.saying_nothing import lacking_file, says_nothing
from harness.submission.check.tiny.results import TINY_RULES, TinyRun
from harness.submission.finding import Fault, Judge
from harness.submission.tree.benchmark_names import MAPPING_FILE
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import DIVISIONS, Tree

MOST_TINY_BYTES = 500 << 20
"""Of a file: the checker's limit."""
_SC = "TI submission_checker.py"
_STATUSES = ("available", "preview", "rdi")
_EEMBC = "EEMBC_RUNNER"
_KINDS = ("accuracy", "performance", "energy")
FIELDS = (
    "Submitter",
    "Division",
    "Status",
    "Board Name",
    "Board Memory capacity (not including SoC, processor, or accelerator)",
    "Board Memory type",
    "Board storage capacity",
    "Board storage type",
    "SoC Name",
    "SoC Memory capacity (not including processor or accelerator)",
    "SoC Memory type",
    "SoC storage capacity",
    "SoC storage type",
    "Processor(s) Name",
    "Processor(s) Frequencies",
    "Processor memory type and capacity",
    "Processor storage type and capacity",
    "Accelerator",
    "Accelerator(s) Frequencies",
    "Accelerator memory type and capacity",
    "Accelerator storage type and capacity",
    "Hardware Notes",
    "Inference Framework",
    "Software Libraries",
    "Operating System",
    "Other Software Stack",
    "Software Notes",
    "Quantization Method",
    "Training framework (open division)",
    "ML Model Compiler(s)",
    "General Compiler(s)",
    "Other Software",
    "Training and Quantization Notes",
)
"""TR12 system_description_template.json."""
_SAYING = ("Submitter", "Division", "Status", "Board Name", "Processor(s) Name", "Inference Framework")


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose results, on what."""

    owner: str
    division: str
    submitter: str
    system: str


class TinyCheck:
    """One pass over a tree."""

    def __init__(self, tree: Tree, rules: RuleSet, judge: Judge) -> None:
        self._tree, self._rules, self._judge = tree, rules, judge
        self._own: list[OwnFile] = []
        self._by_name = {one.names.tree: one for one in rules.benchmarks.values()}

    def run(self) -> None:
        """Looks at every submitter."""
        for division in (name for name in self._tree.folders("") if name in DIVISIONS[:2]):
            for submitter in self._tree.folders(division):
                owner = f"{division}/{submitter}"
                self._judge.take("submitter", "TR13 directory_structure.adoc", self._submitter(owner))
                for system in self._tree.folders(f"{owner}/results"):
                    self._system(_Place(owner, division, submitter, system))
        self._judge.apply(COPY_RULES, OwnFiles(self._own))

    def _submitter(self, owner: str) -> Iterator[Fault]:
        tree = self._tree
        systems = tree.folders(f"{owner}/results")
        if not systems:
            yield Fault(f"{owner}/results", "holds no system's results", "put them there, or take the folder away")
            return
        for name in tree.files(f"{owner}/systems"):
            if name.endswith(".json") and name.removesuffix(".json") not in systems:
                where = f"{owner}/systems/{name}"
                yield Fault(where, "describes a system without results", "take it away, or add its results")
        yield from code_faults(tree, f"{owner}/code", "put the implementation there, with a README", above=owner)

    def _system(self, place: _Place) -> None:
        tree, judge = self._tree, self._judge
        judge.take("system-description", _SC, self._description(place))
        folder = f"{place.owner}/results/{place.system}"
        mapping = tree.json(f"{place.owner}/{MAPPING_FILE}") if place.division == "open" else {}
        for name in tree.folders(folder):
            official = self._official(name, {} if isinstance(mapping, Broken) else mapping)
            if official is None:
                fix = f"name it one of {', '.join(self._by_name)}"
                fault = Fault(f"{folder}/{name}", f"is no benchmark of {self._rules.name}", fix)
                judge.take("benchmark-name", _SC, [fault])
                continue
            if name not in self._by_name:
                fix = f"name the folder {official.names.tree}; the official checker ends on a mapped name"
                judge.take("benchmark-name", _SC, [Fault(f"{folder}/{name}", "is a name of one's own", fix)])
            judge.results += 1
            self._benchmark(place, f"{folder}/{name}", official)
        if "ic2" in tree.folders(folder) and "ic" not in tree.folders(folder):
            judge.take("scenario-required", _SC, [Fault(f"{folder}/ic2", "needs ic beside it", "run ic as well")])

    def _official(self, name: str, mapping: Mapping[str, object]) -> BenchmarkRules | None:
        mapped = mapping.get(name)
        return self._by_name.get(name) or (self._by_name.get(mapped) if isinstance(mapped, str) else None)

    def _description(self, place: _Place) -> Iterator[Fault]:
        path = f"{place.owner}/systems/{place.system}.json"
        fields = self._tree.json(path)
        if isinstance(fields, Broken):
            yield Fault(path, fields.what, f"describe the system whose results lie in results/{place.system}")
            return
        lacking = [name for name in FIELDS if name not in fields]
        if needed := [name for name in lacking if name in _SAYING]:
            fix = "add them, each a text; without Status the official checker ends with a traceback"
            yield Fault(path, "lacks fields", fix, ", ".join(needed))
        if template := [name for name in lacking if name not in _SAYING]:
            fix = "add them, each a text; the official checker looks at Status alone"
            yield Fault(path, "lacks fields of the template", fix, ", ".join(template), severity="warning")
        for name in _SAYING:
            if name not in fields:
                continue
            if says_nothing(fields[name]):
                yield Fault(path, f"says nothing in {name}", "write down what it is", f"{fields[name]!r}")
            elif not isinstance(fields[name], str):
                yield Fault(path, f"has no text in {name}", "write it in quotes", f"{fields[name]!r}"[:80])
        status = fields.get("Status")
        if isinstance(status, str) and not says_nothing(status) and status.casefold() not in _STATUSES:
            yield Fault(path, "has an unknown Status", f"write one of {', '.join(_STATUSES)}", f"{status!r}")
        if "system_type" in fields:
            yield Fault(path, "has system_type, on which the official checker ends", "take the field away")
        for name, folder in (("Submitter", place.submitter), ("Division", place.division)):
            value = fields.get(name)
            if isinstance(value, str) and not says_nothing(value) and value.casefold() != folder.casefold():
                yield Fault(
                    path, f"names another {name} than its folder", f"write {folder!r}, or move the tree", f"{value!r}"
                )

    def _benchmark(self, place: _Place, folder: str, official: BenchmarkRules) -> None:
        tree, name = self._tree, official.names.tree
        runner = _EEMBC in tree.files(folder)
        required = ("performance",) if name == "sww" else ("accuracy", "performance")
        if name == "sww" and tree.has_folder(f"{folder}/energy"):
            required = ("energy",)
        files = ("log.txt", "results.txt", "script.async" if runner else "results.json")
        self._judge.take("tiny-files", "TI submission_checker.py", self._files(folder, required, files, runner))
        for kind in (one for one in _KINDS if tree.has_folder(f"{folder}/{one}")):
            if kind == "performance" and not official.detects:
                # Times to the microsecond: no two runs have the same. Scores may be the same on two boards.
                self._own.append(OwnFile(f"{folder}/{kind}/results.txt", tree.root / f"{folder}/{kind}/results.txt"))
            text = tree.text(f"{folder}/{kind}/results.txt", strict=True)
            if isinstance(text, Broken) and tree.entry(f"{folder}/{kind}/results.txt") is not None:
                fault = Fault(f"{folder}/{kind}/results.txt", text.what, "put the runner's own file here")
                self._judge.take("tiny-files", "TI submission_checker.py", [fault])
            if not isinstance(text, Broken) and text.strip():
                windows = self._rules.windows
                run = TinyRun(f"{folder}/{kind}/results.txt", text, kind, official, place.division, windows, runner)
                self._judge.apply(TINY_RULES, run)

    def _files(self, folder: str, kinds: Sequence[str], files: Sequence[str], eembc: bool) -> Iterator[Fault]:
        tree = self._tree
        for kind in dict.fromkeys([*kinds, *(one for one in _KINDS if tree.has_folder(f"{folder}/{one}"))]):
            if not tree.has_folder(f"{folder}/{kind}"):
                yield Fault(f"{folder}/{kind}", "is missing", f"run {kind} with the runner, and put its files here")
                continue
            for name in files:
                fix = "put the runner's own file here"
                yield from lacking_file(tree, f"{folder}/{kind}/{name}", "what the runner wrote", fix)
            # Energy is told with pictures besides.
            others = set(tree.files(f"{folder}/{kind}")) - set(files) - OPTIONAL if kind != "energy" else set()
            for name in sorted(others):
                yield Fault(f"{folder}/{kind}/{name}", "does not belong there", "keep the runner's own files alone")
            if not eembc:
                yield from self._json(f"{folder}/{kind}/results.json")

    def _json(self, path: str) -> Iterator[Fault]:
        text = self._tree.text(path)
        if isinstance(text, Broken) or not text.strip():
            return
        entry = self._tree.entry(path)
        if entry is not None and entry.size > len(text.encode()):
            return
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            yield Fault(path, f"is no JSON: {error}", "put the runner's own file here")
