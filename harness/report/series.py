"""The result of a series as a person reads it: every run, what they have in common, the table of a sweep."""

from __future__ import annotations

from harness.report.peak import found_lines, render_peak
from harness.report.requirements import missed_names
from harness.report.run import render_run
from harness.report.submission import submission_lines, submission_text
from harness.report.sweep import render_sweep
from harness.results.figures import Spread
from harness.results.record import Result, SeriesResult, SeriesRun
from harness.units import duration, rate_text


def render_series(top: SeriesResult) -> str:
    """What a series says when it ends, and `show` again.

    Args:
        top: The result on top, with its `runs`.
    """
    if top.search and top.search.peak:
        return render_peak(top, top.search.peak)
    texts = [f"{run.directory}{_instead(run)}\n{_text(run.result)}" for run in top.runs]
    table = [render_sweep(top.sweep)] if top.sweep else []
    worth = ["\n".join(submission_lines(top.submission))] if top.submission else []
    return "\n\n".join([*texts, *_spread(top.spread), *table, *worth])


def series_verdict_text(top: SeriesResult) -> str:
    """VALID, INVALID, what is missed and what the runs are worth together, in a line."""
    runs = [] if top.search else [run.result for run in top.runs if run.again is None]
    lost = [name for run in runs for name, found in (run.accuracy or {}).items() if found.passed is False]
    lost += [
        name for verdicts in (top.requirements, *(run.requirements for run in runs)) for name in missed_names(verdicts)
    ]
    found = top.status.upper() + (f", but MISSED: {', '.join(dict.fromkeys(lost))}" if lost else "")
    return found if top.submission is None else f"{found}; {submission_text(top.submission)}"


def series_lines(top: SeriesResult) -> list[str]:
    """What its runs have in common: the peak that they found, or their median and range."""
    return found_lines(top.search.peak) if top.search and top.search.peak else _spread(top.spread)


def _instead(run: SeriesRun) -> str:
    return f", in whose place {run.again} counts" if run.again else ""


def _text(run: Result) -> str:
    return f"FAILED: {run.reasons[0].what}" if run.status == "failed" and run.reasons else render_run(run)


def _spread(spread: Spread | None) -> list[str]:
    if spread is None:
        return []
    rate, texts = spread.samples_per_second, []
    if p90 := spread.p90_ns:
        sure = f"; 98 % interval {duration(p90.low)} to {duration(p90.high)}" if p90.low and p90.high else ""
        texts = [f"median p90 {duration(p90.median)} ({duration(p90.min)} to {duration(p90.max)}{sure})"]
    texts.append(
        f"{'' if texts else 'median '}{rate_text(rate.median)} samples/s ({rate_text(rate.min)} to {rate_text(rate.max)})"
    )
    return [", ".join(texts)]
