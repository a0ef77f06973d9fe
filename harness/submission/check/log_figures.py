"""Figures of one performance log that must agree: who edits one by hand has to edit all that follow from it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping

from harness.submission.check.run_log import LoggedRun
from harness.submission.finding import Fault, Rule
from harness.submission.tree.logs import DetailLog

_ESTIMATE = re.compile(r"Early stopping (90|99)(?:\.0)?th percentile estimate: (\d+)")
_ESTIMATES: Mapping[str, str] = {"90": "early_stopping_latency_ss", "99": "early_stopping_latency_ms"}
"""What LoadGen's own sentence calls each, and its key."""
_PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
_TAILS: Mapping[str, tuple[str, str]] = {
    "SingleStream": ("90.00", "early_stopping_latency_ss"),
    "MultiStream": ("99.00", "early_stopping_latency_ms"),
}
"""The percentile that a scenario is judged by, and the estimate of it, which lies no lower."""
_CLOSE = 1e-3
"""LoadGen logs six digits."""
_CLOSE_OFFLINE = 0.01
"""The last sample is answered a little before the query is over."""
_OWN = "put LoadGen's own log of the run here: none of its figures is edited"


def figures(run: LoggedRun) -> Iterator[Fault]:
    """What is said twice, or follows from other figures, is the same."""
    if run.mode != "PerformanceOnly":
        return
    wrong = [*_estimates(run.log), *_latencies(run.log), *_rates(run.log)]
    if wrong:
        yield run.fault("tells figures that contradict each other", "; ".join(wrong), _OWN)


def _estimates(log: DetailLog) -> Iterator[str]:
    """Early stopping says in a sentence what it logs as figures."""
    for percent, said in _ESTIMATE.findall(log.text("early_stopping_result") or ""):
        logged = log.number(_ESTIMATES[percent])
        if logged is not None and logged != float(said):
            yield f"{_ESTIMATES[percent]} {logged:.0f}, but {said} in early_stopping_result"


def _latencies(log: DetailLog) -> Iterator[str]:
    """From the least to the most; the mean between both; the estimate of the tail no lower than the tail."""
    of_query = log.scenario == "MultiStream" and log.number("result_mean_query_latency_ns") is not None
    least, mean, most = (f"result_{name}_{'query_' * of_query}latency_ns" for name in ("min", "mean", "max"))
    tails = {one: f"result_{one}_percentile_{'per_query_' * of_query}latency_ns" for one in _PERCENTILES}
    for names in ((least, *tails.values(), most), (least, mean, most)):
        known = [(name, value) for name in names if (value := log.number(name)) is not None]
        for (before, one), (after, other) in itertools.pairwise(known):
            if one > other:
                yield f"{before} {one:.0f} is more than {after} {other:.0f}"
    percentile, key = _TAILS.get(log.scenario or "", ("", ""))
    tail, estimate = log.number(tails.get(percentile, "")), log.number(key)
    if tail is not None and estimate and estimate < tail:
        yield f"{key} {estimate:.0f} is less than {tails[percentile]} {tail:.0f}"


def _rates(log: DetailLog) -> Iterator[str]:
    """Queries and samples a second follow from latencies."""
    if log.scenario == "SingleStream":
        rate, mean = log.number("result_qps_without_loadgen_overhead"), log.number("result_mean_latency_ns")
        if rate and mean and not math.isclose(rate * mean, 1e9, rel_tol=_CLOSE):
            yield f"result_qps_without_loadgen_overhead {rate:g}, the mean latency gives {1e9 / mean:g}"
        with_all = log.number("result_qps_with_loadgen_overhead")
        if rate and with_all and with_all > rate * (1 + _CLOSE):
            yield f"result_qps_with_loadgen_overhead {with_all:g} is more than without it, {rate:g}"
    if log.scenario == "Offline":
        rate, longest = log.score, log.number("result_max_latency_ns")
        samples = (log.number("effective_samples_per_query") or 0) * (log.number("result_query_count") or 1)
        if rate and longest and samples and not math.isclose(rate * longest / 1e9, samples, rel_tol=_CLOSE_OFFLINE):
            yield f"result_samples_per_second {rate:g}, the longest latency gives {samples * 1e9 / longest:g}"


FIGURE_RULES = (Rule("log-figures", "INF loadgen/results.cc; the official checker does not compare", figures),)
