"""The result of a search for Server's peak as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.report.requirements import missed_names, requirement_rows
from harness.report.run import reason_lines, render_run
from harness.report.table import Column, table_lines
from harness.results.figures import Peak
from harness.results.record import Reason, Result, SeriesResult, SeriesRun
from harness.units import duration, rate_text, seconds


def render_peak(top: SeriesResult, peak: Peak) -> str:
    """The run that counts, every run in a line, and how near the peak is known.

    Args:
        top: The result on top, with its `runs`.
        peak: What the search found.
    """
    chosen = run_at_peak(top.runs, peak)
    parts = [render_run(chosen)] if chosen else []
    verdict = [f"{name}  {text}" for name, text in requirement_rows(top.requirements)]
    lost = missed_names(top.requirements)
    verdict += [f"MISSED: {', '.join(lost)}"] if lost and top.status == "valid" else []
    verdict += [] if top.status == "valid" else [top.status.upper()]
    verdict += [f"  because: {reason.what}" for reason in top.reasons]
    verdict += [f"  fix: {reason.fix}" for reason in top.reasons if reason.fix]
    if not chosen:
        verdict += [f"  {line}" for why in _of_all(top.unstable) for line in reason_lines("unstable", why)]
    return "\n\n".join([*parts, "\n".join(_runs(top.runs)), "\n".join([*found_lines(peak), *verdict])])


def _of_all(reasons: Sequence[Reason]) -> list[Reason]:
    """Each of the runs' reasons once, with the figures of all."""
    alike: dict[str, list[Reason]] = {}
    for reason in reasons:
        alike.setdefault(reason.what, []).append(reason)
    return [replace(same[0], figure="; ".join(one.figure for one in same if one.figure)) for same in alike.values()]


def run_at_peak(runs: Sequence[SeriesRun], peak: Peak) -> Result | None:
    """The valid run whose load is the peak, if there was one."""

    def asked_it(run: Result) -> bool:
        asked = run.loadgen.server_target_qps if run.loadgen else None
        return run.status == "valid" and asked is not None and asked == peak.target_qps

    return next((run.result for run in runs if asked_it(run.result)), None)


def found_lines(peak: Peak) -> list[str]:
    """The peak and how near it is known."""
    lines = []
    percentile, bound = f"p{100 * peak.percentile:g}", duration(peak.bound_ns or 0)
    origin = "the config" if peak.bound_from == "config" else "the first calibration, then held fixed"
    if peak.target_qps:
        lines.append(
            f"peak      {rate_text(peak.target_qps)} queries/s, VALID: {percentile} within {bound} (from {origin})"
        )
        if peak.gap is not None:
            lines.append(
                f"bracket   {rate_text(peak.lowest_broken_qps or 0)} queries/s, {peak.gap:.1%} more, broke the bound"
            )
        else:
            lines.append(
                "bracket   no load broke the bound: the budget ended before one did, so the peak may be higher"
            )
    if allowed := peak.queueing.peak_qps:
        servers, service = peak.queueing.servers, duration(peak.queueing.service_time_ns)
        share = f": {peak.target_qps / allowed:.1%} of it" if peak.target_qps else ""
        lines.append(f"queueing  M/D/{servers} of {service} a query allows {rate_text(allowed)} queries/s{share}")
    return [*lines, f"time      {seconds(peak.time_s)} of {peak.budget_s:g} s"]


def _runs(runs: Sequence[SeriesRun]) -> list[str]:
    figures = ("asked/s", "completed/s", "p99", "queries", "duration")
    columns = [Column("run"), *(Column(name, "right") for name in figures), Column("status")]
    return table_lines([_cells(run) for run in runs], columns)


def _cells(run: SeriesRun) -> list[str]:
    result = run.result
    status = result.status.upper() + (", unstable" if result.unstable else "")
    figures, loadgen = result.performance, result.loadgen
    if figures is None or loadgen is None:
        return [run.directory, "-", "-", "-", "-", "-", status]
    return [
        run.directory,
        rate_text(loadgen.server_target_qps),
        rate_text(figures.samples_per_second),
        duration(figures.latency_ns.p99),
        f"{figures.query_count:,}",
        seconds(figures.duration_s),
        status,
    ]
