"""Instances pinned to cores of their own against instances that the system places, in turns of a fifth of a second.

    .venv/bin/python -m benchmarks placement

SingleStream by its median latency, Offline by samples per second, Server by queries per second through its queue. Over 1 is a
gain of pinning. What `backend.placement: auto` does on cores that are alike rests on these figures.
"""

from __future__ import annotations

from benchmarks.contest import Contest
from benchmarks.rows import Row, ratio
from benchmarks.side_by_side import Subject, subjects

_TURNS = 40
_WORKERS = {"kws": "processes", "mobilenet_edgetpu": "threads"}
"""What the calibration mostly takes, fixed: else the two might differ in more than their places."""
_SCENARIOS = ("SingleStream", "Offline", "Server")


def measure() -> list[Row]:
    """Rows without targets: they are there to decide by."""
    chosen = [one for one in subjects() if one.task in _WORKERS]
    return [_row(subject, scenario) for subject in chosen for scenario in _SCENARIOS]


def _row(subject: Subject, scenario: str) -> Row:
    fields = {
        "backend.threads": 1,
        "backend.workers": _WORKERS[subject.task],
        "backend.options": {"engine": "Interpreter"},
    }
    with Contest(subject, scenario) as contest:
        for placement in ("cores", "none"):
            if not contest.open(placement, {**fields, "backend.placement": placement}):
                raise SystemExit(f"{subject.name} cannot run")
        rates = contest.rounds(["cores", "none"], _TURNS)
        workers = contest.calibrated["cores"].workers
        name = f"{subject.name}, {scenario} ({workers}), speed pinned : not"
        return ratio(name, zip(rates["cores"], rates["none"], strict=True), None, at_least=True)
