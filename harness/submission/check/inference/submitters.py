"""Rules on a submitter's own folder of inference: code, calibration, systems and their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.config.official.rule_sets import RuleSet
from harness.submission.check.code import code_faults
from harness.submission.check.saying_nothing import lacking_file
from harness.submission.finding import Fault, Rule
from harness.submission.tree.benchmark_names import MAPPING_FILE
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import Tree
from harness.submission.tree.places import Form, code_folder


@dataclass(frozen=True, slots=True)
class InferenceSubmitter:
    """<division>/<submitter>."""

    tree: Tree
    owner: str
    division: str
    form: Form
    rules: RuleSet
    mapping: Mapping[str, object]


def results(found: InferenceSubmitter) -> Iterator[Fault]:
    """A submitter without results ends the official checker with a traceback."""
    if not found.tree.folders(f"{found.owner}/results"):
        yield Fault(f"{found.owner}/results", "holds no system's results", "put them there, or take the folder away")


def code(found: InferenceSubmitter) -> Iterator[Fault]:
    """The code up to LoadGen, and how it is run."""
    fix = "put the implementation there as <benchmark>/<implementation>/, with a README that says how it is run"
    folder = f"{found.owner}/{code_folder(found.form)}"
    yield from code_faults(found.tree, folder, fix)
    if found.form == "v5" and found.tree.has_folder(folder):
        systems = found.tree.folders(f"{found.owner}/results")
        names = {name: None for one in systems for name in found.tree.folders(f"{found.owner}/results/{one}")}
        for name in (one for one in names if not _has_code(found.tree, folder, one)):
            what = "is missing: the checker of v5 looks for the code by the benchmark's name"
            yield Fault(f"{folder}/{name}", what, fix)


def _has_code(tree: Tree, folder: str, benchmark: str) -> bool:
    """Whether the code is there under the benchmark's name: a folder, or a file that names another one's."""
    if tree.entry(f"{folder}/{benchmark}") is None:
        return tree.has_folder(f"{folder}/{benchmark}")
    named = tree.text(f"{folder}/{benchmark}")
    return not isinstance(named, Broken) and tree.has_folder(f"{folder}/{named.strip()}")


def calibration(found: InferenceSubmitter) -> Iterator[Fault]:
    """How a quantised model was calibrated: asked of the closed division, and worth telling in the open one."""
    places = [f"{found.owner}/documentation/calibration.md", f"{found.owner}/calibration.md"]
    there = [path for path in places if found.tree.entry(path) is not None]
    fix = "say how weights and activations were quantised, and by which list of samples"
    if there:
        yield from lacking_file(found.tree, there[0], "how the model was calibrated", fix)
    else:
        closed = found.division in ("closed", "network")
        yield Fault(places[0], "is missing", fix, severity="error" if closed else "warning")


def systems(found: InferenceSubmitter) -> Iterator[Fault]:
    """A description for nothing, and names that differ in case alone."""
    tree, owner = found.tree, found.owner
    there = tree.folders(f"{owner}/results")
    described = [name.removesuffix(".json") for name in tree.files(f"{owner}/systems") if name.endswith(".json")]
    for name in described if there else ():
        if name not in there:
            fix = f"take it away, or put its results into results/{name}"
            yield Fault(f"{owner}/systems/{name}.json", "describes a system without results", fix)
    for name in there:
        if not tree.folders(f"{owner}/results/{name}"):
            yield Fault(f"{owner}/results/{name}", "holds no benchmark", "put its results there, or take it away")


def mapping(found: InferenceSubmitter) -> Iterator[Fault]:
    """Names on both sides, the official one known."""
    path = f"{found.owner}/{MAPPING_FILE}"
    for name, official in found.mapping.items():
        if not isinstance(official, str) or official not in found.rules.benchmarks:
            fix = f"write one of {', '.join(found.rules.benchmarks)}"
            yield Fault(path, f"maps {name!r} to no benchmark of {found.rules.name}", fix, f"{official!r}")
    if found.division != "open" and found.tree.entry(path) is not None:
        yield Fault(path, "counts in the open division alone", "take it away", severity="warning")


SUBMITTER_RULES = (
    Rule("results", "SC loader.py", results),
    Rule("code", "POL submission_rules.adoc; the official checker takes an empty folder", code),
    Rule("calibration", "POL submission_rules.adoc; the official checker does not look", calibration),
    Rule("systems", "SC main.py; the new checker does not look", systems),
    Rule("model-mapping", "SC loader.py", mapping),
)
