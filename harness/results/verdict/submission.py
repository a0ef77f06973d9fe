"""Whether runs can be handed in: why not, and what a submission made of them is good for.

What can be told of a plan is told before anything runs (`objections_to_plan`), the rest of each run's result
(`objections_to_run`). None of it stops a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.config.registry import task_class
from harness.results.loadgen_log import CLOCK_WAS_SET
from harness.results.record import Reason, Result, Submission
from harness.spec.schema import ByTheRules, Load, Spec
from harness.units import seconds

_MODES = ("performance", "accuracy")


def objections_to_plan(spec: Spec) -> list[Reason]:
    """Why a run would be no part of a submission, as far as can be told before it."""
    rules, load = spec.load.by_the_rules, spec.load
    if load.rules == "none" or rules is None:
        return [Reason(f"{spec.title} is in no suite of MLPerf", "", "name a suite's rules, as --rules inference-v6.1")]
    return [
        *_of_benchmark(load, rules),
        *_of_files(spec),
        *(_of_load(load, rules) if load.mode == "performance" else ()),
    ]


def objections_to_run(spec: Spec, result: Result) -> list[Reason]:
    """Why a run that came to its end is no part of a submission: those of its plan, and what it has shown."""
    return [*objections_to_plan(spec), *_of_result(spec, result)]


def judged_submission(runs: Sequence[tuple[Spec, Result]], *, rested: bool) -> Submission:
    """What a series of runs is worth as a submission.

    Args:
        runs: Each run that counts, with what it was told.
        rested: Whether the machine rested as the rules say.
    """
    load = runs[0][0].load
    reasons = [reason for spec, result in runs for reason in objections_to_run(spec, result)]
    reasons += _of_series([result for _, result in runs])
    return Submission(
        rules=load.rules,
        good_for=load.by_the_rules.good_for if load.by_the_rules else "nothing: no rules are known for it",
        reasons=tuple(dict.fromkeys(reasons)),
        rested=rested,
    )


def joined(submissions: Sequence[Submission]) -> Submission:
    """Of a suite: what its benchmarks are worth together, of which there is at least one."""
    return Submission(
        rules=", ".join(dict.fromkeys(one.rules for one in submissions)),
        good_for="; ".join(dict.fromkeys(one.good_for for one in submissions)),
        reasons=tuple(dict.fromkeys(reason for one in submissions for reason in one.reasons)),
        rested=all(one.rested for one in submissions),
    )


def _of_benchmark(load: Load, rules: ByTheRules) -> Iterator[Reason]:
    if rules.benchmark is None:
        yield Reason(f"{load.rules} has no benchmark for it", "", "use the rules of a suite that has: docs/rules.md")
    elif not rules.any_scenario and load.scenario not in rules.scenarios:
        has = ", ".join(rules.scenarios)
        fix = f"use --scenario {has}"
        if load.rules.startswith("inference-"):
            fix += f", or go by the suite whose figures the run has: --rules {load.rules}, submit --suite inference"
        yield Reason(f"{rules.benchmark} has no {load.scenario} in its suite", f"it has {has}", fix)


def _of_files(spec: Spec) -> Iterator[Reason]:
    model, data = spec.model, spec.dataset
    if model.source == "standin":
        yield Reason(
            "the model is a stand-in",
            model.name,
            f"get the official one (./run.sh fetch {model.name}), or name --model FILE",
        )
    if data.source == "builtin":
        yield Reason("the data are built in", data.name, "name the benchmark's own with --dataset (docs/data-sets.md)")
    for what, ref in (("model", model), ("data set", data)):
        if ref.checksum == "unverified":
            fix = "compare it with its owner's by hand: nobody can tell whether it is the official one"
            yield Reason(f"nobody has published a checksum of the {what}", ref.name, fix)
    if spec.dispatch.on_cluster:
        yield Reason(
            "the nodes of a cluster answer, and what is made of the runs describes one machine",
            f"--dispatch {spec.dispatch.use}",
            "leave out --dispatch (docs/cluster.md, Limits)",
        )
    if spec.backend.name == "null":
        yield Reason("the model is not run", "--backend null", "use another backend")


def _of_load(load: Load, rules: ByTheRules) -> Iterator[Reason]:
    if load.preset != "rules":
        yield Reason(f"the preset {load.preset} is shorter than the rules", "", "leave out --preset")
    else:
        if load.min_query_count < rules.min_query_count:
            yield _less("load.min_query_count", f"{load.min_query_count:,}", f"{rules.min_query_count:,}")
        if load.min_duration_ms < rules.min_duration_ms:
            asked, wanted = (seconds(ms / 1000) for ms in (load.min_duration_ms, rules.min_duration_ms))
            yield _less("load.min_duration_ms", asked, wanted)
    if load.max_duration_ms is not None and load.max_duration_ms < rules.min_duration_ms:
        yield _less("load.max_duration_ms", seconds(load.max_duration_ms / 1000), seconds(rules.min_duration_ms / 1000))
    if load.target_percentile < rules.target_percentile:
        yield _less("load.server_target_percentile", f"{load.target_percentile:g}", f"{rules.target_percentile:g}")
    if load.performance_sample_count < rules.performance_sample_count:
        few, many = load.performance_sample_count, rules.performance_sample_count
        yield _less("load.performance_sample_count", f"{few:,}", f"{many:,}")
    cap_ns = load.expected_latency_cap_ns
    if cap_ns is not None and load.expected_latency_ns is not None and load.expected_latency_ns > cap_ns:
        yield Reason(
            "the expected latency is above what the rules allow",
            f"{load.expected_latency_ns:,} ns, at most {cap_ns:,}",
            "leave out load.expected_latency_ns: the calibration finds it",
        )


def _less(field: str, asked: str, wanted: str) -> Reason:
    return Reason(f"{field} is less than the rules ask for", f"{asked}, they say {wanted}", f"leave out {field}")


def _counted(spec: Spec, result: Result) -> int | None:
    """How large the set of a run was, in what the rules count it in; None where it is not known."""
    if result.accuracy_card is not None and task_class(spec.task).counts_scored:
        return result.accuracy_card.count
    return result.dataset.count


def _of_result(spec: Spec, result: Result) -> Iterator[Reason]:
    load = spec.load
    if result.model.modified:
        yield Reason(
            "the model file was changed for the run", result.model.modified, "run the file as it was handed in"
        )
    if result.parity is not None and result.parity.comparison.passed is False:
        yield Reason("the backend disagrees with the CPU", "", "leave out --allow-mismatch and mend the backend")
    yield from (reason for reason in result.unstable if reason.what == CLOCK_WAS_SET)
    sizes = load.by_the_rules.set_sizes if load.by_the_rules else []
    counted = _counted(spec, result)
    if result.mode == "accuracy" and sizes and counted is not None and counted not in sizes:
        wanted = " or ".join(f"{size:,}" for size in sizes)
        built_in = result.dataset.source == "builtin"
        fix = "take the whole set: " + (
            "name it with --dataset" if built_in else "leave out --count, or name another --dataset"
        )
        yield Reason("the data are a part of the set", f"{counted:,} samples, not {wanted}", fix)
    bound_ns = load.by_the_rules.server_bound_ns if load.by_the_rules else None
    told_ns = result.loadgen.server_target_latency_ns if result.loadgen else None
    if load.scenario == "Server" and result.mode == "performance" and bound_ns and told_ns and told_ns > bound_ns:
        most_ms = f"{bound_ns / 1e6:g}"
        yield Reason(
            "Server's bound is longer than the official checker takes, in the open division, too",
            f"{told_ns / 1e6:g} ms, at most {most_ms}",
            f"give it the benchmark's: --set load.server_target_latency_ms={most_ms}",
        )
    if result.status != "valid":
        what = "LoadGen says INVALID" if result.status == "invalid" else f"a run is {result.status}"
        yield Reason(f"{result.mode}: {what}", "", "see the run's own reasons, or give --retry")
    if any(metric.passed is False for metric in (result.accuracy or {}).values()):
        yield Reason("the accuracy target is missed", "", "see the run's own reasons")


def _of_series(results: Sequence[Result]) -> Iterator[Reason]:
    for mode in _MODES:
        if not any(result.mode == mode for result in results):
            yield Reason(f"there is no {mode} run", "", "run it with --mode submission")
    for what, fix, found in (
        ("models", "give the runs one model", {result.model.sha256 for result in results}),
        ("systems", "run all on one machine", {(result.system.cpu, result.system.machine) for result in results}),
    ):
        if len(found) > 1:
            yield Reason(f"the runs are of {len(found)} {what}", "", fix)
