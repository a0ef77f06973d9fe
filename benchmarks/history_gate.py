"""How often the history's gate is wrong: simulated runs of known noise, steps, drift and disturbed runs.

    .venv/bin/python -m benchmarks.history_gate

docs/history.md has what it said.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from harness.history.changes import changes_in
from harness.history.noise import judge, learn

_DRAWS = 2000
_PAST = (10, 20, 50)
_NEW = (1, 5)
_SIGMAS = (0.005, 0.01, 0.03)
_STEPS = (0.0, 0.01, 0.03, 0.05)
Series = Callable[[random.Random, int, float], list[float]]


def quiet(draw: random.Random, count: int, sigma: float) -> list[float]:
    """Normal noise."""
    return [draw.lognormvariate(0, sigma) for _ in range(count)]


def disturbed(draw: random.Random, count: int, sigma: float) -> list[float]:
    """One run in ten is up to half as slow again."""
    return [value * (1 + draw.uniform(0, 0.5) * (draw.random() < 0.1)) for value in quiet(draw, count, sigma)]


def drifting(draw: random.Random, count: int, sigma: float) -> list[float]:
    """The machine becomes 1 % slower over the whole series, by and by."""
    return [value * (1 + 0.01 * at / count) for at, value in enumerate(quiet(draw, count, sigma))]


def gate_rate(series: Series, past: int, new: int, sigma: float, step: float, limit: float) -> float:
    """How often the gate says `regressed`."""
    draw = random.Random(f"{series.__name__} {past} {new} {sigma} {step}")
    said = 0
    for _ in range(_DRAWS):
        values = series(draw, past + new, sigma)
        noise = learn(values[:past])
        assert noise is not None
        found = judge(noise, [value * (1 + step) for value in values[past:]], limit, lower_is_better=True)
        said += found.found == "regressed"
    return said / _DRAWS


def change_rate(series: Series, count: int, sigma: float, step: float) -> tuple[float, float]:
    """How often any change is found, and how often one within two runs of the step."""
    draw = random.Random(f"{series.__name__} {count} {sigma} {step}")
    some = near = 0
    rounds = _DRAWS // 4
    for _ in range(rounds):
        values = series(draw, count, sigma)
        values = [value * (1 + step * (at >= count // 2)) for at, value in enumerate(values)]
        places = [change.place for change in changes_in(values)]
        some += bool(places)
        near += any(abs(place - count // 2) <= 2 for place in places)
    return some / rounds, near / rounds


def report() -> str:
    """Both tables."""
    lines = ["gate with --max-regression 0 %: how often it says regressed", ""]
    lines.append(
        f"{'series':10} {'past':>5} {'new':>4} {'noise':>6} " + " ".join(f"{f'+{step:.0%}':>7}" for step in _STEPS)
    )
    for series in (quiet, disturbed, drifting):
        for past in _PAST:
            for new in _NEW:
                for sigma in _SIGMAS:
                    said = (gate_rate(series, past, new, sigma, step, 0.0) for step in _STEPS)
                    cells = " ".join(f"{rate:7.1%}" for rate in said)
                    lines.append(f"{series.__name__:10} {past:5} {new:4} {sigma:6.1%} {cells}")
    lines += [
        "",
        "change points: how often any is found, and how often one within two runs of a step in the middle",
        "",
    ]
    for series in (quiet, disturbed, drifting):
        for count in (20, 40, 100):
            for sigma in (0.01, 0.03):
                rates = {step: change_rate(series, count, sigma, step) for step in _STEPS}
                cells = "  ".join(f"+{step:.0%} {some:.1%}/{near:.1%}" for step, (some, near) in rates.items())
                lines.append(f"{series.__name__:10} {count:4} runs, noise {sigma:.0%}: {cells}")
    return "\n".join(lines)


def main() -> None:
    """Prints them."""
    print(report())


if __name__ == "__main__":
    main()
