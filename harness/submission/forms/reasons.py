"""Why runs are no submission: each reason one sentence with its figure. A tree of them is a rehearsal.

What a run was told and has shown is judged as it is for the run's own result (harness.results.verdict.submission). Here
stands what only a tree can tell: its round, which may be another than the run's, and whether logs and results still say the
same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.config.official.rule_sets import BenchmarkRules, RuleSet, figures_of
from harness.config.registry import task_class
from harness.results.card import meets
from harness.results.verdict.submission import objections_to_run
from harness.spec.schema import Spec
from harness.submission.forms.runs import RunPair, SubmittedRun

_NOT_LOADGENS = ("mobile", "tiny")
"""Suites that take the logs of a program of their own alone."""


def suite_reasons(rules: RuleSet) -> Iterator[str]:
    """What stands against any tree of this harness's."""
    if rules.suite in _NOT_LOADGENS:
        yield f"a tree of the {rules.suite} suite that is made of LoadGen's logs is good for {rules.submission.good_for}"
    if rules.seeds.assumed:
        yield f"the seeds of {rules.name} are not known"


def reasons(pair: RunPair, rules: RuleSet, benchmark: BenchmarkRules) -> Iterator[str]:
    """What stands against the runs of a benchmark."""
    named = f"{pair.accuracy.spec.benchmark}, {pair.scenario}"
    runs_of: dict[str, list[str]] = {}
    for run in pair.all:
        for reason in (*_as_judged(run, rules, benchmark), *_of_round(run, rules, benchmark), *_of_logs(run)):
            runs_of.setdefault(reason, []).append(run.test or run.spec.load.mode)
    for reason, runs in runs_of.items():
        yield f"{named}, {' and '.join(runs)}: {reason}"
    if pair.performance.result.options != pair.accuracy.result.options:
        yield f"{named}: the two runs had different options"


def closed_reasons(pairs: Sequence[tuple[RunPair, BenchmarkRules]], inferred: Sequence[str]) -> Iterator[str]:
    """What the closed division of inference asks besides: its tests, its targets, its scenarios.

    Args:
        pairs: All runs of the tree.
        inferred: Scenarios that are inferred from others.
    """
    for pair, benchmark in pairs:
        named = f"{pair.performance.spec.benchmark}, {pair.scenario}"
        passed = {str(run.test): run.result.compliance and run.result.compliance.passed for run in pair.tests}
        for test in benchmark.compliance_tests.value:
            if test not in passed:
                yield f"{named}: {test} was not run (--compliance {test})"
            elif passed[test] is not True:
                yield f"{named}: {test} did not pass"
        for target in benchmark.targets:
            found = (pair.accuracy.result.accuracy or {}).get(target.metric)
            kinds = task_class(pair.accuracy.spec.task).metric_kinds(pair.accuracy.spec.options)
            if found is not None and not meets(target, found.value, kinds):
                yield f"{named}: {target.metric} {found.value:.6f} misses the target {target.value:.6f}"
    for benchmark in {one.names.tree: one for _, one in pairs}.values():
        there = {pair.scenario for pair, one in pairs if one.names.tree == benchmark.names.tree} | set(inferred)
        lacking = [name for name, asked in benchmark.scenarios.items() if asked.required and name not in there]
        if lacking:
            yield f"{benchmark.names.tree}: {', '.join(lacking)} is required and was not run"
        for name in sorted({pair.scenario for pair, one in pairs if one.names.tree == benchmark.names.tree}):
            if name not in benchmark.scenarios:
                what = "closed does not ask for it, and the official checker refuses the benchmark with it"
                yield f"{benchmark.names.tree}, {name}: {what}; leave it out"


def _as_judged(run: SubmittedRun, rules: RuleSet, benchmark: BenchmarkRules) -> Iterator[str]:
    for reason in objections_to_run(_held_against(run.spec, rules, benchmark), run.result):
        yield f"{reason.what} ({reason.figure})" if reason.figure else reason.what
    if not run.rested:
        yield "the machine did not rest before it as the rules say (--cooldown)"


def _held_against(spec: Spec, rules: RuleSet, benchmark: BenchmarkRules) -> Spec:
    """Server and MultiStream have inference's figures and seeds whatever suite their run was for: here they are inference's."""
    told = spec.load.by_the_rules
    if rules.suite != "inference" or spec.load.rules != rules.name or told is None or told.any_scenario:
        return spec
    count = benchmark.performance_sample_count.value
    ours = told.model_copy(
        update={
            "benchmark": benchmark.names.tree,
            "scenarios": list(benchmark.scenarios),
            "any_scenario": True,
            "set_sizes": [size for size in (benchmark.dataset_size.value,) if size is not None],
            "performance_sample_count": told.performance_sample_count if count is None else count,
            "good_for": rules.submission.good_for,
            "server_bound_ns": benchmark.server_bound.value_ns if benchmark.server_bound else None,
        }
    )
    return spec.model_copy(update={"load": spec.load.model_copy(update={"by_the_rules": ours})})


def _of_round(run: SubmittedRun, rules: RuleSet, benchmark: BenchmarkRules) -> Iterator[str]:
    """What the tree's round asks for, by the logs."""
    load, log = run.spec.load, run.log
    seeds = rules.seeds.known
    if seeds is not None and any(log.integer(f"effective_{name}") != seed for name, seed in seeds._asdict().items()):
        yield f"it was run by {load.rules}, with other seeds than those of {rules.name}"
    if load.rules == rules.name:
        # The run was judged by this round.
        return
    if load.mode == "accuracy":
        wanted, count = benchmark.dataset_size.value, log.integer("effective_accuracy_sample_count")
        held = load.by_the_rules.set_sizes if load.by_the_rules else []
        mini = {target.count for target in benchmark.targets if target.count}
        if wanted is not None and wanted not in held and count != wanted and count not in mini:
            yield f"{count} of {wanted} samples of the data set"
        return
    least = figures_of(rules, load.scenario).min_duration_ms
    if load.preset == "rules" and (found := log.number("effective_min_duration_ms") or 0) < least:
        yield f"it was asked to last {found / 1000:g} s, {rules.name} asks for {least / 1000:g} s"
    most, asked = benchmark.performance_sample_count.value, log.integer("effective_performance_sample_count")
    if most is not None and (asked or 0) < most:
        yield f"{asked} different samples are asked for, {rules.name} wants {most}"


def _of_logs(run: SubmittedRun) -> Iterator[str]:
    """What has changed since LoadGen wrote it."""
    wanted = {"Scenario": run.log.scenario, "Result is": run.log.text("result_validity")}
    said = run.summary.lines
    if run.spec.load.mode == "performance" and any(said.get(name) != value for name, value in wanted.items()):
        yield "mlperf_log_summary.txt does not say what mlperf_log_detail.txt says: one of them was changed"
    load = run.spec.load
    if load.mode == "performance" and run.log.number("effective_min_duration_ms") != load.min_duration_ms:
        yield "mlperf_log_detail.txt has another minimum duration than spec.yaml: one of them was changed"
    figures = run.result.performance
    if figures is not None and figures.query_count != run.log.integer("result_query_count"):
        yield "result.json does not say what mlperf_log_detail.txt says: one of them was changed"
