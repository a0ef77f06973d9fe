"""The result of a series as a person reads it: every run, what they have in common, the table of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.peak import render_peak
from harness.report.run import render
from harness.report.sweep import render_sweep
from harness.units import duration


def render_series(top: Mapping[str, Any]) -> str:
    """What a series says when it ends, and `show` again.

    Args:
        top: The result on top, with its `runs`.
    """
    if top.get("peak"):
        return render_peak(top)
    texts = [f"{run['directory']}\n{_text(run)}" for run in top["runs"]]
    table = [render_sweep(top["sweep"])] if top["sweep"] else []
    return "\n\n".join([*texts, *_spread(top["spread"]), *table])


def _text(run: Mapping[str, Any]) -> str:
    return f"FAILED: {run['reasons'][0]['what']}" if run["status"] == "failed" else render(run)


def _spread(spread: Mapping[str, Any] | None) -> list[str]:
    if spread is None:
        return []
    rate, texts = spread["samples_per_second"], []
    if p90 := spread.get("p90_ns"):
        texts = [f"median p90 {duration(p90['median'])} ({duration(p90['min'])} to {duration(p90['max'])})"]
    texts.append(
        f"{'' if texts else 'median '}{rate['median']:,.2f} samples/s ({rate['min']:,.2f} to {rate['max']:,.2f})"
    )
    return [", ".join(texts)]
