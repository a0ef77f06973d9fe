"""Which suite and which round a tree is of, where nobody says: by its folders' names and by the seeds in its logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from harness.config.official.rule_sets import BenchmarkRules, RuleSet, newest, rule_set, rule_set_names
from harness.config.official.rules import Suite
from harness.errors import ConfigError, UnknownName
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import DIVISIONS, Tree
from harness.submission.tree.logs import DETAIL, DetailLog
from harness.submission.tree.places import SCENARIOS

SUITES: tuple[Suite, ...] = ("inference", "mobile", "tiny")
_LOGS_READ = 8
"""As many tell the round."""


@dataclass(frozen=True, slots=True)
class HeldAgainst:
    """The rule set, and how it was found."""

    rules: RuleSet
    notes: tuple[str, ...]


def rules_for(tree: Tree, suite: str | None, rules: str | None) -> HeldAgainst:
    """The rule set that a tree is held against.

    Args:
        tree: The tree.
        suite: As the user named it; None for none.
        rules: A rule set as inference-v6.1, or a round as v6.1; None for none.

    Raises:
        ConfigError: No such suite or rule set, or the two do not belong together.
    """
    if suite is not None and suite not in SUITES:
        raise UnknownName("suite", suite, SUITES)
    if rules is not None:
        asked = named_rules(suite, rules)
        return HeldAgainst(asked, _doubt(tree, asked.suite))
    named = [one for one in SUITES if one == suite]
    found = named[0] if named else _suite_of(tree)
    notes = _doubt(tree, found) if suite else (f"taken for a tree of {found}, by its folders' names",)
    chosen, why = _round_of(tree, found)
    return HeldAgainst(chosen, (*notes, f"held against {chosen.name}, {why}; --rules names another"))


def _doubt(tree: Tree, suite: Suite) -> tuple[str, ...]:
    """A tree that is held against a suite's rules by the user's word, and looks like another's."""
    looks = _suite_of(tree)
    has_results = any(tree.folders(folder) for folder in _results(tree))
    return (f"its folders look like a tree of {looks}: --suite {looks}",) if has_results and looks != suite else ()


def named_rules(suite: str | None, name: str) -> RuleSet:
    """The rule set of a name, which may be a round alone where the suite is named.

    Raises:
        ConfigError: There is none, or it is of another suite.
    """
    full = name if "-" in name or suite is None else f"{suite}-{name}"
    if full not in (known := rule_set_names()):
        raise UnknownName("rule set", full, known)
    found = rule_set(full)
    if suite is not None and found.suite != suite:
        raise ConfigError(f"--rules {name} is of {found.suite}, but --suite says {suite}")
    return found


def _suite_of(tree: Tree) -> Suite:
    """Scenario folders are inference's; logs named for the app's benchmarks are mobile's; neither is tiny's."""
    mobile_benchmarks = {one.names.tree for one in _ever("mobile")}
    for folder in _results(tree):
        for system in tree.folders(folder):
            for name in (benchmarks := tree.folders(f"{folder}/{system}")):
                inside = tree.folders(f"{folder}/{system}/{name}")
                if name.endswith(("-performance", "-accuracy")) or name in mobile_benchmarks:
                    return "mobile"
                if {one.casefold() for one in inside} & {one.casefold() for one in SCENARIOS}:
                    return "inference"
            if benchmarks and set(benchmarks) & {one.names.tree for one in _ever("tiny")}:
                return "tiny"
    return "inference"


def _round_of(tree: Tree, suite: Suite) -> tuple[RuleSet, str]:
    """By the seeds of most logs; else, for inference, by the form; else the newest."""
    if suite != "tiny":
        votes: Counter[str] = Counter()
        for log in _some_logs(tree):
            seeds = tuple(log.integer(f"effective_{name}_rng_seed") for name in ("qsl", "sample_index", "schedule"))
            for name in reversed([one for one in rule_set_names() if one.startswith(f"{suite}-")]):
                if rule_set(name).seeds.known == seeds:
                    votes[name] += 1
                    break
        if votes:
            name, _ = votes.most_common(1)[0]
            return rule_set(name), "whose seeds most of its logs have"
    if suite == "inference" and any(
        tree.has_folder(f"{one.rpartition('/')[0]}/measurements") for one in _results(tree)
    ):
        return rule_set("inference-v5.1"), "the newest round that has a folder measurements/"
    if suite == "mobile":
        named = {
            name for one in _results(tree) for device in tree.folders(one) for name in tree.folders(f"{one}/{device}")
        }
        for name in reversed([one for one in rule_set_names() if one.startswith("mobile-")]):
            if named and named <= _folder_names(rule_set(name), named):
                return rule_set(name), "the newest round that has its benchmarks"
    return newest(suite), "the newest round"


def _folder_names(rules: RuleSet, named: Collection[str]) -> set[str]:
    """Of these names those that a round of the mobile suite has."""
    trees = {one.names.tree.casefold() for one in rules.benchmarks.values()}
    apps = {app for one in rules.benchmarks.values() for app in one.names.app.values() if app}
    return {name for name in named if name.casefold() in trees or name.rpartition("-")[0] in apps}


def _results(tree: Tree) -> list[str]:
    owners = [f"{one}/{each}" for one in tree.folders("") if one in DIVISIONS for each in tree.folders(one)]
    return [f"{owner}/results" for owner in owners]


def _some_logs(tree: Tree) -> Iterator[DetailLog]:
    paths = [f"{path}/{DETAIL}" for path, _ in tree.walk() if tree.entry(f"{path}/{DETAIL}") and "TEST" not in path]
    for path in paths[:_LOGS_READ]:
        log = tree.detail(path)
        if not isinstance(log, Broken):
            yield log


def _ever(suite: Suite) -> Sequence[BenchmarkRules]:
    """The benchmarks of all rounds."""
    sets = (rule_set(name) for name in rule_set_names() if name.startswith(f"{suite}-"))
    return [one for each in sets for one in each.benchmarks.values()]
