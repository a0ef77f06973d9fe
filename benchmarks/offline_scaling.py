"""Offline with two workers against two processes that run bare loops at the same time, in turns.

    .venv/bin/python -m benchmarks offline_scaling

The bound is what the cores give with nothing between a loop and the kernels: two loops in Python over the same interpreter, and
two native ones, started together, each in a process of its own; their rates are added. Targets: at least 0.95 of the Python
loops for keyword spotting, 0.98 for a model of 1 ms and more. The native loop runs the other engine, so its rows are only told.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.native import native_loop
from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, bare_loop, harness, subjects

_WORKERS = 2
_TARGETS = {"kws": 0.95, "mobilenet_edgetpu": 0.98}
_SAME = ("--set", "backend.complete_shapes=false", "--set", "backend.options.engine=Interpreter", "--threads", "1")
"""The bare loops run the file as it is, on this engine."""


def measure(rounds: int = 5, seconds: float = 4) -> list[Row]:
    """Two rows a model."""
    return [row for one in subjects() if one.task in _TARGETS for row in _of(one, rounds, seconds)]


def _of(subject: Subject, rounds: int, seconds: float) -> list[Row]:
    python, native = [], []
    length = ("--preset", "rapid", "--set", f"load.min_duration_ms={round(seconds * 1000)}")
    for _ in range(rounds):
        one = harness(subject, "--scenario", "Offline", *length, *_SAME, "--instances", str(_WORKERS))
        model, rate = one["model"]["path"], float(one["performance"]["samples_per_second"])
        python.append((rate, _together(lambda: bare_loop(model, seconds)) or 0.0))  # noqa: B023 - called at once
        bound = _together(lambda: native_loop(model, seconds))  # noqa: B023
        if bound is not None:
            native.append((rate, bound))
    workers = f"{_WORKERS} {one['backend']['workers']}"
    what = f"{subject.name}, Offline, {workers} against {_WORKERS}"
    rows = [ratio(f"{what} bare loops", python, _TARGETS[subject.task], at_least=True)]
    return [*rows, ratio(f"{what} native loops", native, None, at_least=True)] if native else rows


def _together(loop: Callable[[], dict[str, float] | None]) -> float | None:
    """Samples per second of as many loops as there are workers, each a process; None where one cannot run."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        found = list(pool.map(lambda _: loop(), range(_WORKERS)))
    return sum(one["per_second"] for one in found if one) if all(found) else None


if __name__ == "__main__":
    print(render(measure()))
