"""The plan of a suite as a person reads it."""

from __future__ import annotations

from harness.report.submission import objection_lines
from harness.results.verdict.submission import objections_to_plan
from harness.series.plan import PlannedRun
from harness.suite.plan import SuitePlan
from harness.units import span_text


def plan_lines(plan: SuitePlan) -> list[str]:
    """Every run in order, what is left out and why, how long it may take, and what those who receive it would object to."""
    runs = plan.series.runs
    width = max(len(run.name) for run in runs)
    rules = max(len(run.spec.load.rules) for run in runs)
    lines = [f"{len(runs)} runs, about {span_text(plan.expected_s)}{_budget(plan)}:"]
    lines += [f"  {run.name:{width}}  {run.spec.load.rules:{rules}}  {_length(run)}" for run in runs]
    lines += [f"  left out: {one.name}: {_in_a_line(one.why)}" for one in plan.left_out]
    if plan.series.mode == "submission":
        lines += objection_lines([reason for run in runs for reason in objections_to_plan(run.spec)])
    return lines


def _in_a_line(why: str) -> str:
    """Several mistakes are a list, whose head says how many."""
    return "; ".join(line.strip() for line in why.splitlines() if not line.endswith("mistakes:"))


def _length(run: PlannedRun) -> str:
    took = f"about {span_text(run.expected_s or 0.0)}"
    if run.rest:
        took += f", {span_text(run.rest.most_s)} of it at rest"
    if run.spec.load.mode == "accuracy":
        return f"{took}, model {run.spec.model.name}"
    length = (
        "official length" if run.spec.load.preset == "rules" else f"{run.spec.load.preset}, too short to be official"
    )
    return f"{took}, {length}, model {run.spec.model.name}"


def _budget(plan: SuitePlan) -> str:
    if plan.budget_s is None:
        return ""
    short = sum(
        1 for run in plan.series.runs if run.spec.load.mode == "performance" and run.spec.load.preset != "rules"
    )
    return (
        f" of {span_text(plan.budget_s)}, {short} too short to be official"
        if short
        else f" of {span_text(plan.budget_s)}"
    )
