"""Reads a run's two logs and holds them against the rules for them."""

from __future__ import annotations

from collections.abc import Sequence

from harness.submission.check.run_log import LOG_RULES, LoggedRun, RoundNeeds
from harness.submission.check.saying_nothing import lacking_file
from harness.submission.finding import Fault, Judge
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import Tree
from harness.submission.tree.logs import DETAIL, SUMMARY, DetailLog

_MODES = {"performance": "PerformanceOnly", "accuracy": "AccuracyOnly"}


def read_run(
    tree: Tree, judge: Judge, folder: str, kind: str, needed: RoundNeeds, *, summary: bool = True
) -> DetailLog | None:
    """Reads a run's logs and holds them against the rules for logs; None where the detail log cannot be read.

    Args:
        tree: The tree.
        judge: Keeps what is found.
        folder: Where the logs lie.
        kind: `performance` or `accuracy`.
        needed: What the round asks.
        summary: Whether the summary is looked at as well.
    """
    path = f"{folder}/{DETAIL}"
    log = tree.detail(path)
    if isinstance(log, Broken):
        judge.take("log", "SC loader.py", [Fault(path, log.what, "copy LoadGen's log of the run here, whole")])
        return None
    before = len(judge.findings)
    judge.apply(LOG_RULES, LoggedRun(path, log, needed, _MODES[kind]))
    # What is wrong with the log is said; that the summary tells another story would be the same once more.
    if summary and len(judge.findings) == before:
        judge.take("summary", "POL submission_rules.adoc", _summary_faults(tree, f"{folder}/{SUMMARY}", kind, log))
    return log


def _summary_faults(tree: Tree, path: str, kind: str, log: DetailLog) -> Sequence[Fault]:
    """The summary is there and says what the detail log says."""
    found = tree.summary(path)
    if isinstance(found, Broken):
        return list(lacking_file(tree, path, "LoadGen's summary", "copy it from the run"))
    if kind == "accuracy":
        return []
    wanted = {"Scenario": log.scenario, "Result is": log.text("result_validity")}
    said = {name: found.lines.get(name) for name in wanted}
    wrong = [
        f"{name} {said[name]}, but {value} in the detail log" for name, value in wanted.items() if said[name] != value
    ]
    wrong += [
        f"{name} {found.lines[name]}, but {log.number(key):g} in the detail log"
        for name, key in _IN_BOTH
        if name in found.lines and log.number(key) is not None and not _agree(found.lines[name], log.number(key))
    ]
    fix = "put the summary here that LoadGen wrote with this log; neither is edited by hand"
    return [Fault(path, "does not say what the detail log says", fix, "; ".join(wrong))] if wrong else []


_IN_BOTH = (
    ("Samples per second", "result_samples_per_second"),
    ("Mean latency (ns)", "result_mean_latency_ns"),
    ("90.00 percentile latency (ns)", "result_90.00_percentile_latency_ns"),
    ("Early stopping 90.0th percentile estimate", "early_stopping_latency_ss"),
    ("qsl_rng_seed", "effective_qsl_rng_seed"),
    ("min_duration (ms)", "effective_min_duration_ms"),
    ("performance_sample_count", "effective_performance_sample_count"),
)
"""Lines of the summary, and the keys of the detail log with the same figure."""


def _agree(text: str, value: float | None) -> bool:
    try:
        return value is not None and abs(float(text) - value) <= 1e-4 * abs(value)
    except ValueError:
        return False
