"""Reads a run's two logs and holds them against the rules for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.submission.check.log_figures import FIGURE_RULES
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
    run = LoggedRun(path, log, needed, _MODES[kind])
    judge.apply(LOG_RULES, run)
    judge.apply(FIGURE_RULES, run)
    # What is wrong with the log is said; that the summary tells another story would be the same once more.
    if summary and len(judge.findings) == before:
        judge.take("summary", "POL submission_rules.adoc", summary_faults(tree, f"{folder}/{SUMMARY}", kind, log))
    return log


def summary_faults(tree: Tree, path: str, kind: str, log: DetailLog) -> Sequence[Fault]:
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
    for name, text in found.lines.items():
        value = log.entries.get(_key(name, log))
        if isinstance(value, int | float) and not _agree(text, value):
            wrong.append(f"{name} {text}, but {value} in the detail log")
    fix = "put the summary here that LoadGen wrote with this log; neither is edited by hand"
    return [Fault(path, "does not say what the detail log says", fix, "; ".join(wrong))] if wrong else []


_LATENCY = re.compile(r"(Min|Max|Mean) latency \(ns\)")
_PERCENTILE = re.compile(r"(\d\d\.\d)(?:\d|th) percentile latency \(ns\)")
"""In the table of all, and of the one that counts."""
_IN_BOTH = {
    "Samples per second": "result_samples_per_second",
    "Completed samples per second": "result_completed_samples_per_sec",
    "QPS w/ loadgen overhead": "result_qps_with_loadgen_overhead",
    "QPS w/o loadgen overhead": "result_qps_without_loadgen_overhead",
    "Early stopping 90.0th percentile estimate": "early_stopping_latency_ss",
    "Early stopping 99.0th percentile estimate": "early_stopping_latency_ms",
    "Min duration satisfied": "result_min_duration_met",
    "Min queries satisfied": "result_min_queries_met",
    "Early stopping satisfied": "early_stopping_met",
    "target_latency (ns)": "effective_target_latency_ns",
    "min_duration (ms)": "effective_min_duration_ms",
    "max_duration (ms)": "effective_max_duration_ms",
}
"""Lines of the summary, and the keys of the detail log with the same figure. What LoadGen was told has a key of its name."""
_DIGITS = 6
"""Of what is no whole number in the detail log, and in most lines of the summary; some there have more."""
_CLOSE = 1e-5


def _key(name: str, log: DetailLog) -> str:
    """The detail log's key for a line of the summary; one that it does not have for a line that tells something else."""
    per_query = "per_query_" if log.scenario == "MultiStream" else ""
    if match := _LATENCY.fullmatch(name):
        return f"result_{match[1].casefold()}_{per_query.removeprefix('per_')}latency_ns"
    if match := _PERCENTILE.fullmatch(name):
        return f"result_{match[1]}0_percentile_{per_query}latency_ns"
    return _IN_BOTH.get(name, f"effective_{name}")


def _agree(text: str, value: float) -> bool:
    if isinstance(value, bool):
        return text.casefold() in (("yes", "1") if value else ("no", "0"))
    if isinstance(value, int) and text.isdecimal():
        return int(text) == value
    try:
        if sum(map(str.isdigit, text)) <= _DIGITS:
            return float(text) == float(f"{value:.{_DIGITS}g}")
        return abs(float(text) - value) <= _CLOSE * abs(value)
    except ValueError:
        return False
