"""The load that Server holds against the load that queueing allows, at a p99 bound of 6 service times.

    .venv/bin/python -m benchmarks server_peak
    .venv/bin/python -m benchmarks.server_peak --preset rules --rounds 1     longer runs

Each round is a search of its own (mode find-peak) for the highest VALID load, with the bound set to 6 times the service
time that a short run before it measured on the same cores with all workers at work. The formula is M/D/c
(`harness.statistics.queueing`) with that service time and as many servers as there are workers. Target: at least 95 %.

LoadGen's verdict wants the bound proven (early stopping), so a run of few queries is VALID only some way below the peak: the
longer the preset, the nearer. The second row says what share of the load that LoadGen's rule alone would leave is held.
"""

from __future__ import annotations

import argparse
import math

from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, harness, subjects
from harness.statistics.queueing import peak_rate

_SERVICE_TIMES = 6
_SHARE = 0.99
_PROOF = 2.33
"""Standard deviations of a proof at 99 %: what early stopping demands below the bound's own share."""
_STANDIN = Subject("MobileNetEdgeTPU stand-in int8", "mobilenet_edgetpu", "mobilenet_edgetpu_224_1.0_int8")


def measure(preset: str = "quick", rounds: int = 3) -> list[Row]:
    """Two rows: the load held against what queueing allows, and against what can be proven in as many queries.

    Args:
        preset: How long a run is.
        rounds: Searches.
    """
    subject = next((one for one in subjects() if one.task == "mobilenet_edgetpu"), _STANDIN)
    found = [_round(subject, preset) for _ in range(rounds)]
    what = f"{subject.name}, Server, p99 within {_SERVICE_TIMES} service times ({preset}): queries/s held : M/D/c"
    return [
        ratio(what, [(held, allowed) for held, allowed, _ in found], 0.95, at_least=True),
        ratio(
            f"{what} that LoadGen's proof leaves", [(held, proven) for held, _, proven in found], None, at_least=True
        ),
    ]


def _round(subject: Subject, preset: str) -> tuple[float, float, float]:
    """The queries per second that were held, that M/D/c allows, and that can be proven in so many queries."""
    server = ("--scenario", "Server", "--preset", preset)
    look = harness(subject, "--scenario", "Server", "--preset", "rapid")
    service_ns, workers = look["calibration"]["service_time_ns"], look["backend"]["instances"]
    bound_ns = _SERVICE_TIMES * service_ns
    allowed = peak_rate(workers, service_ns, bound_ns, _SHARE) * 1e9
    shape = ("--threads", str(look["backend"]["threads"]), "--instances", str(workers))
    fields = ("--set", f"load.server_target_latency_ms={bound_ns / 1e6!r}", "--set", f"load.target_qps={allowed!r}")
    found = harness(subject, *server, "--mode", "find-peak", *shape, *fields)
    held = found["peak"]["target_qps"]
    if held is None:
        raise SystemExit(f"no VALID run: {found['reasons'][0]['what']}")
    count = found["performance"]["query_count"]
    provable = 1 - (1 - _SHARE) + _PROOF * math.sqrt(_SHARE * (1 - _SHARE) / count)
    return held, allowed, peak_rate(workers, service_ns, bound_ns, min(provable, 1 - 1e-6)) * 1e9


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick", help="rules, quick or rapid: how long a run is (default quick)")
    parser.add_argument("--rounds", type=int, default=3, help="searches (default 3)")
    arguments = parser.parse_args()
    print(render(measure(arguments.preset, arguments.rounds)))


if __name__ == "__main__":
    main()
