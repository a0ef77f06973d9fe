"""Writes the tree of a round out of finished runs, or says why it must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.config.official.rule_sets import BenchmarkRules, RuleSet, rule_set, rule_set_names
from harness.errors import ConfigError, UnknownName
from harness.submission.check.inference.measurements import FIVE_FIELDS
from harness.submission.check.inference.systems import MEANINGFUL, PRESENT
from harness.submission.check.suite import SUITES, named_rules
from harness.submission.check.tiny.walk import FIELDS as TINY_FIELDS
from harness.submission.check.tree import REHEARSAL_FILE, UNTOLD
from harness.submission.forms.documents import good_for, rehearsal
from harness.submission.forms.inference import inference_tree
from harness.submission.forms.mobile import mobile_tree
from harness.submission.forms.package import Contents, Package
from harness.submission.forms.pieces import TextPiece, write_pieces
from harness.submission.forms.reasons import closed_reasons, reasons, suite_reasons
from harness.submission.forms.runs import RunPair, SubmittedRun, collect, paired
from harness.submission.forms.system import ASKED, plain_name, system_name, told_fields
from harness.submission.forms.tiny import tiny_tree
from harness.submission.tree.listing import DIVISIONS

_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class TreeRequest:
    """What the user wants of a tree."""

    suite: str
    rules: str
    division: str
    submitter: str
    system: str | None
    """None for a name of the machine's."""
    fields: Mapping[str, str]
    """Of the system, told now."""
    model_fields: Mapping[str, str]
    infer: bool
    rehearsal: bool
    kept: Path
    """The folder that keeps what was told of systems."""
    ask: Callable[[str, str], str] | None = None
    """Asks a person for a field; None where there is nobody to ask."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A tree that was written."""

    tree: str
    suite: str
    rules: str
    division: str
    submitter: str
    system: str
    results: Mapping[str, str]
    """Each result with its score."""
    rehearsal: tuple[str, ...]
    """Why it is none; empty for a submission."""
    good_for: str
    notes: tuple[str, ...]
    written: int
    """Files that were written now."""
    there_already: int
    """Files that lay there with the same content."""


def submit(folders: Sequence[Path], out: Path, asked: TreeRequest) -> Submitted:
    """Writes the tree.

    Args:
        folders: Of runs and series.
        out: Where closed/ and open/ lie.
        asked: What is wanted.

    Raises:
        ConfigError: The runs are no submission and no rehearsal was asked for; they do not belong together; a file of the tree
            is there with other content.
        RunFailed: The disk is full.
    """
    rules = _rules(asked)
    pairs, left_out = _of_suite(
        [(pair, _benchmark(pair.performance, rules)) for pair in paired(collect(folders))], rules
    )
    _one_submitter(out, asked)
    system = system_name(pairs[0][0].performance, asked.system)
    # Each suite has fields of its own.
    kept = asked.kept / f"{rules.suite}-{system}.json"
    told = told_fields(kept, asked.fields)
    package = Package(
        rules, asked.division, asked.submitter, system, tuple(pairs), told, dict(asked.model_fields), asked.infer
    )
    contents = _contents(package)
    if asked.ask is not None and (lacking := [name for name in contents.not_told if name in ASKED]):
        answers = {name: answer for name in lacking if (answer := asked.ask(name, ASKED[name]))}
        package = replace(package, told_system=told_fields(kept, {**asked.fields, **answers}))
        contents = _contents(package)
    why = [*suite_reasons(rules), *(one for pair, benchmark in pairs for one in reasons(pair, rules, benchmark))]
    if rules.suite == "inference" and asked.division == "closed":
        why += closed_reasons(pairs, ("MultiStream", "Offline") if asked.infer else ())
    why += [f"{UNTOLD}{name} of the system or the model" for name in contents.not_told]
    why = list(dict.fromkeys(why))
    if why and not asked.rehearsal:
        raise ConfigError(_refusal(why, contents))
    pieces = [*contents.pieces]
    if why:
        pieces.append(TextPiece(f"{package.owner}/{REHEARSAL_FILE}", rehearsal(why)))
    written = write_pieces(out, pieces)
    return Submitted(
        tree=str(out),
        suite=rules.suite,
        rules=rules.name,
        division=asked.division,
        submitter=asked.submitter,
        system=system,
        results=contents.results,
        rehearsal=tuple(why),
        good_for=good_for(rules, asked.division),
        notes=(*contents.notes, *left_out),
        written=written.written,
        there_already=written.there_already,
    )


def _rules(asked: TreeRequest) -> RuleSet:
    if asked.suite not in SUITES:
        raise UnknownName("suite", asked.suite, SUITES)
    if asked.division not in DIVISIONS[:2]:
        raise UnknownName("division", asked.division, DIVISIONS[:2])
    if plain_name(asked.submitter) != asked.submitter:
        raise ConfigError(
            f"--submitter {asked.submitter!r} is no name for a folder: write {plain_name(asked.submitter)}"
        )
    if asked.infer and asked.suite != "inference":
        raise ConfigError(f"--infer changes nothing in the {asked.suite} suite, which infers no scenario: leave it out")
    if asked.model_fields and asked.suite == "tiny":
        raise ConfigError(
            "--model-field changes nothing in the tiny suite, whose trees tell no such fields: leave it out"
        )
    _known_fields(asked)
    return named_rules(asked.suite, asked.rules)


def _known_fields(asked: TreeRequest) -> None:
    """A slip of the keyboard would be kept for ever; mobile's notes may be called anything."""
    systems = {"inference": (*MEANINGFUL, *PRESENT), "tiny": TINY_FIELDS}.get(asked.suite)
    for kind, known, told in (("field", systems, asked.fields), ("model field", FIVE_FIELDS, asked.model_fields)):
        for name in told:
            if known is not None and name not in known:
                raise UnknownName(kind, name, known)


def _of_suite(
    pairs: Sequence[tuple[RunPair, BenchmarkRules]], rules: RuleSet
) -> tuple[list[tuple[RunPair, BenchmarkRules]], list[str]]:
    """The runs that the suite has a place for, and of the others why they are left out; inference takes any scenario.

    Raises:
        ConfigError: None is left.
    """
    kept, left_out = [], []
    for pair, benchmark in pairs:
        if rules.suite == "inference" or pair.scenario in benchmark.scenarios:
            kept.append((pair, benchmark))
        else:
            has = ", ".join(benchmark.scenarios)
            left_out.append(f"{rules.name} has no {pair.scenario} of {benchmark.names.tree}, only {has}: left out")
    if not kept:
        raise ConfigError("; ".join(left_out) + ". Nothing is left to submit")
    return kept, left_out


def _benchmark(run: SubmittedRun, rules: RuleSet) -> BenchmarkRules:
    """What a run counts as in the round."""
    found = rules.of_kind(run.spec.task) if rules.suite == "inference" else rules.benchmarks.get(_name(run, rules))
    if found is None:
        known = ", ".join(rules.benchmarks)
        raise ConfigError(
            f"{run.spec.benchmark} ({run.folder}) is no benchmark of {rules.name}, which has {known}: leave it out"
        )
    return found


def _name(run: SubmittedRun, rules: RuleSet) -> str:
    """Of a run's benchmark in the mobile or tiny suite; empty for none."""
    load = run.spec.load
    if load.by_the_rules is not None and load.rules in rule_set_names() and load.rules.startswith(f"{rules.suite}-"):
        # As the round of the run names it, whatever config it was run by: another round may name it in another way.
        told = load.by_the_rules.benchmark
        return next((name for name, one in rule_set(load.rules).benchmarks.items() if one.names.tree == told), "")
    member = run.member
    return member.benchmark if member and member.suite == rules.suite else ""


def _contents(package: Package) -> Contents:
    match package.rules.suite:
        case "inference":
            return inference_tree(package)
        case "mobile":
            return mobile_tree(package)
        case _:
            return tiny_tree(package)


def _one_submitter(out: Path, asked: TreeRequest) -> None:
    """A package is one submitter's."""
    others = sorted(
        f"{division}/{one.name}"
        for division in DIVISIONS
        if (out / division).is_dir()
        for one in (out / division).iterdir()
        if one.is_dir() and one.name != asked.submitter
    )
    if others:
        raise ConfigError(f"{out} holds {', '.join(others)}, another submitter's: name another --out")


def _refusal(why: Sequence[str], contents: Contents) -> str:
    shown = [f"\n  {one}" for one in why[:_MOST_SHOWN]]
    more = f"\n  and {len(why) - _MOST_SHOWN} more" if len(why) > _MOST_SHOWN else ""
    asked = [f"{name} ({ASKED[name]})" for name in contents.not_told if name in ASKED]
    tell = f" Tell of the system: {', '.join(asked)}, each as --field NAME=VALUE; it is kept." if asked else ""
    return f"these runs are no submission:{''.join(shown)}{more}\nWith --rehearsal the same tree is written, and says so.{tell}"
