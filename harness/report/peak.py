"""The result of a search for Server's peak as a person reads it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.report.run import reason_lines, render
from harness.units import duration, seconds


def render_peak(top: Mapping[str, Any]) -> str:
    """The run that counts, every run in a line, and how near the peak is known.

    Args:
        top: The result on top, with `peak` and its `runs`.
    """
    peak = top["peak"]
    chosen = next((run for run in top["runs"] if _is_chosen(run, peak)), None)
    parts = [render(chosen)] if chosen else []
    verdict = [] if top["status"] == "valid" else [top["status"].upper()]
    verdict += [f"  because: {reason['what']}" for reason in top["reasons"]]
    verdict += [f"  fix: {reason['fix']}" for reason in top["reasons"] if reason["fix"]]
    if not chosen:
        verdict += [f"  {line}" for why in _of_all(top["unstable"]) for line in reason_lines("unstable", why)]
    return "\n\n".join([*parts, _runs(top), "\n".join([*_found(peak), *verdict])])


def _of_all(reasons: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Each of the runs' reasons once, with the figures of all."""
    alike: dict[str, list[Mapping[str, str]]] = {}
    for reason in reasons:
        alike.setdefault(reason["what"], []).append(reason)
    return [{**same[0], "figure": "; ".join(one["figure"] for one in same if one["figure"])} for same in alike.values()]


def _is_chosen(run: Mapping[str, Any], peak: Mapping[str, Any]) -> bool:
    return bool(run["status"] == "valid" and run["loadgen"]["server_target_qps"] == peak["target_qps"])


def _found(peak: Mapping[str, Any]) -> list[str]:
    lines = []
    percentile, bound = f"p{100 * peak['percentile']:g}", duration(peak["bound_ns"] or 0)
    origin = "the config" if peak["bound_from"] == "config" else "the first calibration, then held fixed"
    if peak["target_qps"]:
        lines.append(
            f"peak      {peak['target_qps']:,.2f} queries/s, VALID: {percentile} within {bound} (from {origin})"
        )
        if peak["gap"] is not None:
            lines.append(
                f"bracket   {peak['lowest_broken_qps']:,.2f} queries/s, {peak['gap']:.1%} more, broke the bound"
            )
        else:
            lines.append(
                "bracket   no load broke the bound: the budget ended before one did, so the peak may be higher"
            )
    if allowed := peak["queueing"]["peak_qps"]:
        servers, service = peak["queueing"]["servers"], duration(peak["queueing"]["service_time_ns"])
        share = f": {peak['target_qps'] / allowed:.1%} of it" if peak["target_qps"] else ""
        lines.append(f"queueing  M/D/{servers} of {service} a query allows {allowed:,.2f} queries/s{share}")
    return [*lines, f"time      {seconds(peak['time_s'])} of {peak['budget_s']:g} s"]


def _runs(top: Mapping[str, Any]) -> str:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, name in enumerate(["run", "asked/s", "completed/s", "p99", "queries", "duration", "status"]):
        table.add_column(name, justify="right" if 0 < number < 6 else "left")
    for run in top["runs"]:
        figures = run["performance"]
        table.add_row(
            run["directory"],
            f"{run['loadgen']['server_target_qps']:,.2f}",
            f"{figures['samples_per_second']:,.2f}",
            duration(figures["latency_ns"]["p99"]),
            f"{figures['query_count']:,}",
            seconds(figures["duration_s"]),
            str(run["status"]).upper() + (", unstable" if run["unstable"] else ""),
        )
    screen = io.StringIO()
    Console(file=screen, width=118, highlight=False, force_terminal=False, markup=False).print(table)
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines())
