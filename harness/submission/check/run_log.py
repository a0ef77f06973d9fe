"""Rules on the log of a performance run, of a compliance test as well: what LoadGen was told, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.config.official.rules import Seeds
from harness.submission.finding import Fault, Rule
from harness.submission.tree.logs import SCORES, DetailLog

_AGAIN = "run again by the rules of the round and put that run's logs here"
_SC = "SC checks/performance_check.py"
_CLOCK_S = 1.0
"""A clock that is kept right moves by less in a run."""


@dataclass(frozen=True, slots=True)
class RoundNeeds:
    """What the round asks of a run; None or nothing where it does not."""

    seeds: Seeds | None
    percentiles: Mapping[str, float]
    """By scenario, as fractions; those that LoadGen judges by."""
    min_duration_ms: Mapping[str, int]
    """By scenario."""
    min_query_count: Mapping[str, int]
    """By scenario; Offline's are samples of its one query."""
    sample_count: int | None
    """Samples in memory at once."""
    expected_latency_cap_ns: int | None = None
    """Of SingleStream."""
    server_bound_ns: int | None = None
    """Of Server: the longest that a query may take."""


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run's log, with what it must show."""

    file: str
    log: DetailLog
    needed: RoundNeeds
    mode: str
    """`PerformanceOnly` or `AccuracyOnly`."""

    def fault(self, what: str, figure: str = "", fix: str = _AGAIN) -> Fault:
        """Of its file."""
        return Fault(self.file, what, fix, figure)


def keys(run: LoggedRun) -> Iterator[Fault]:
    """What later rules read must be there once, each of its type: N/A is no number."""
    log = run.log
    if log.twice:
        fix = "put one run's log here as LoadGen wrote it; the official checker takes the first value of each"
        yield run.fault("tells two things of one run", ", ".join(log.twice[:8]), fix)
    if log.scenario not in SCORES:
        yield run.fault(
            "names no scenario that is known", f"effective_scenario {log.entries.get('effective_scenario')!r}"
        )
        return
    wanted: tuple[str, ...] = ("effective_min_duration_ms", "effective_performance_sample_count", SCORES[log.scenario])
    if log.scenario == "Offline":
        # The official checker compares it there, whatever it is.
        wanted = (*wanted, "effective_min_query_count")
    if run.mode != "PerformanceOnly":
        # Older LoadGens do not log it: then the set's size counts.
        wanted = tuple(key for key in ("effective_accuracy_sample_count",) if key in log.entries)
    for key in wanted:
        if log.number(key) is None or (key.endswith("_count") and log.integer(key) is None):
            yield run.fault(f"has no number for {key}", f"{log.entries.get(key, 'nothing')!r}")
    # An INVALID run has no score, and says so already.
    if run.mode == "PerformanceOnly" and log.score == 0 and log.text("result_validity") == "VALID":
        yield run.fault("has a score of 0, which the official checker takes for none", SCORES[log.scenario])


def mode(run: LoggedRun) -> Iterator[Fault]:
    """A performance log in the place of an accuracy log, or the other way about."""
    found = run.log.text("effective_test_mode")
    if found is not None and found != run.mode:
        yield run.fault("is the log of another kind of run", f"{found}, needed {run.mode}")


def errors(run: LoggedRun) -> Iterator[Fault]:
    """LoadGen's own errors."""
    count = run.log.integer("num_errors") or 0
    if run.log.errors or count:
        said = run.log.errors[0] if run.log.errors else "num_errors"
        yield run.fault("holds errors of LoadGen's", f"{max(count, len(run.log.errors))}: {said[:200]}")


def seeds(run: LoggedRun) -> Iterator[Fault]:
    """The round's."""
    if run.needed.seeds is None:
        return
    found = {name: run.log.integer(f"effective_{name}") for name in run.needed.seeds._fields}
    wrong = [(name, found[name], seed) for name, seed in run.needed.seeds._asdict().items() if found[name] != seed]
    if wrong:
        figure = "; ".join(f"{name} {logged}, needed {seed}" for name, logged, seed in wrong)
        yield run.fault("has other seeds than the round's", figure)


def validity(run: LoggedRun) -> Iterator[Fault]:
    """LoadGen's verdict, which the official checker reads and then does not heed."""
    if run.mode == "PerformanceOnly" and (found := run.log.text("result_validity")) != "VALID":
        why = (run.log.text("result_invalid_reason") or "").strip()
        yield run.fault("is not VALID by LoadGen's verdict", f"{found}{f': {why}' if why else ''}")


def percentile(run: LoggedRun) -> Iterator[Fault]:
    """That LoadGen judged by."""
    wanted = run.needed.percentiles.get(run.log.scenario or "")
    found = run.log.number("effective_target_latency_percentile")
    # Offline has none; LoadGen logs its default there.
    if run.mode == "PerformanceOnly" and wanted and run.log.scenario != "Offline" and found != wanted:
        yield run.fault("is judged by another percentile than the rules'", f"{found}, needed {wanted}")


def duration(run: LoggedRun) -> Iterator[Fault]:
    """How long LoadGen asked at least."""
    wanted = run.needed.min_duration_ms.get(run.log.scenario or "")
    found = run.log.number("effective_min_duration_ms")
    if run.mode == "PerformanceOnly" and wanted and found is not None and found < wanted:
        yield run.fault(
            "was asked to last less than the rules' minimum", f"{found / 1000:g} s, at least {wanted / 1000:g} s"
        )


def clock(run: LoggedRun) -> Iterator[Fault]:
    """Beginning and end lie as far apart as LoadGen was asked to last; else a figure was edited, or the clock was set."""
    begin, end = run.log.moment("power_begin"), run.log.moment("power_end")
    if begin is None or end is None:
        return
    lasted_s = (end - begin).total_seconds()
    least_s = (run.log.number("effective_min_duration_ms") or 0.0) / 1000
    if lasted_s < 0:
        yield run.fault("ended before it began: the clock was set meanwhile", f"{lasted_s:g} s")
    elif run.mode == "PerformanceOnly" and run.log.text("result_validity") == "VALID" and lasted_s < least_s - _CLOCK_S:
        yield run.fault("lasted less by its own clock than it says it was asked to", f"{lasted_s:g} s of {least_s:g} s")


def queries(run: LoggedRun) -> Iterator[Fault]:
    """How much LoadGen asked at least; Offline's one query has so many samples."""
    scenario = run.log.scenario or ""
    wanted = run.needed.min_query_count.get(scenario)
    offline = scenario == "Offline"
    asked = run.log.integer("effective_min_query_count")
    if offline and run.mode == "PerformanceOnly" and asked is not None and asked < 1:
        yield run.fault("was asked for less than one query", f"{asked}")
    found = run.log.integer("effective_samples_per_query" if offline else "effective_min_query_count")
    if run.mode == "PerformanceOnly" and wanted and (found or 0) < wanted:
        unit = "samples" if offline else "queries"
        yield run.fault(f"was asked for fewer {unit} than the rules' minimum", f"{found}, at least {wanted}")


def sample_count(run: LoggedRun) -> Iterator[Fault]:
    """How many different samples were asked for."""
    wanted, found = run.needed.sample_count, run.log.integer("effective_performance_sample_count")
    if run.mode == "PerformanceOnly" and wanted and found is not None and found < wanted:
        yield run.fault("asks for fewer different samples than the rules' minimum", f"{found}, at least {wanted}")


def early_stopping(run: LoggedRun) -> Iterator[Fault]:
    """Whether the tail is proven."""
    if run.mode != "PerformanceOnly" or run.log.scenario not in ("SingleStream", "MultiStream", "Server"):
        return
    # An INVALID run says so already.
    if run.log.flag("early_stopping_met") is not True and run.log.text("result_validity") == "VALID":
        said = " ".join((run.log.text("early_stopping_result") or "").split())
        yield run.fault(
            "has too few queries for early stopping", said or f"{run.log.entries.get('early_stopping_met')}"
        )


def server_bound(run: LoggedRun) -> Iterator[Fault]:
    """The official checker holds it against Server in the open division as well."""
    bound, found = run.needed.server_bound_ns, run.log.number("effective_target_latency_ns")
    if run.mode == "PerformanceOnly" and run.log.scenario == "Server" and bound and found is not None and found > bound:
        figure = f"{found / 1e6:g} ms, at most {bound / 1e6:g} ms"
        fix = f"run Server with this bound (--set load.server_target_latency_ms={bound / 1e6:g})"
        yield run.fault("lets a query take longer than the benchmark's bound", figure, fix)


def expected_latency(run: LoggedRun) -> Iterator[Fault]:
    """It may be lowered, never raised."""
    cap, found = run.needed.expected_latency_cap_ns, run.log.number("requested_single_stream_expected_latency_ns")
    if run.mode == "PerformanceOnly" and cap and found is not None and found > cap:
        yield run.fault("expects more of a query than the rules allow", f"{found:,.0f} ns, at most {cap:,} ns")


LOG_RULES = (
    Rule("log-keys", "SC parsers/loadgen_parser.py", keys),
    Rule("run-mode", "POL submission_rules.adoc", mode),
    Rule("loadgen-error", "IP inference_rules.adoc; the official checker passes over it in a performance log", errors),
    Rule("seeds", "SC constants.py; the official checker does not look at those of an accuracy log", seeds),
    Rule("validity", "IP inference_rules.adoc; the official checker reads it and does not heed it", validity),
    Rule("percentile", "INF loadgen/mlperf.conf; the official checker does not look", percentile),
    Rule("min-duration", _SC, duration),
    Rule("clock", "IP inference_rules.adoc; the official checker does not compare", clock),
    Rule("min-queries", _SC, queries),
    Rule("performance-sample-count", _SC, sample_count),
    Rule("early-stopping", _SC, early_stopping),
    Rule("server-bound", _SC, server_bound),
    Rule("expected-latency", "MO mobile_inference_rules.adoc; MA backend_setting.proto", expected_latency),
)
