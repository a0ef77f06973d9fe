"""The load that Server holds against the load that queueing allows, at a p99 bound of 6 service times.

    .venv/bin/python -m benchmarks.server_peak [--preset quick] [--rounds 3]

Each round is a search of its own (mode find-peak) for the highest VALID load, with the bound set to 6 times the service
time that a short run before it measured on the same cores with all workers at work. The formula is M/D/c
(`harness.queueing`) with that service time and as many servers as there are workers. Target: at least 95 %.

LoadGen's verdict wants the bound proven (early stopping), so a run of few queries is VALID only some way below the peak: the
longer the preset, the nearer. The line says what share LoadGen's rule alone would leave.
"""

from __future__ import annotations

import argparse
import math

from benchmarks.side_by_side import Subject, harness, median, subjects
from harness.queueing import peak_rate

_SERVICE_TIMES = 6
_SHARE = 0.99
_PROOF = 2.33
"""Standard deviations of a proof at 99 %: what early stopping demands below the bound's own share."""


def main() -> None:
    """Prints a line a round, then the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick", help="rules, quick or rapid: how long a run is (default quick)")
    parser.add_argument("--rounds", type=int, default=3, help="searches (default 3)")
    arguments = parser.parse_args()
    subject = next((one for one in subjects() if one.task == "mobilenet_edgetpu"), _STANDIN)
    print(f"{subject.name}, p99 within {_SERVICE_TIMES} service times\n{_HEAD}")
    ratios = [_round(subject, arguments.preset) for _ in range(arguments.rounds)]
    print(f"median {median(ratios):.1%} (target 95 %)")


_STANDIN = Subject("MobileNetEdgeTPU stand-in int8", "mobilenet_edgetpu", "mobilenet_edgetpu_int8")
_HEAD = f"{'service':>10}{'workers':>9}{'M/D/c':>12}{'held':>12}{'ratio':>8}{'with proof':>12}{'runs':>6}   lowest that broke"


def _round(subject: Subject, preset: str) -> float:
    server = ("--scenario", "Server", "--preset", preset)
    look = harness(subject, "--scenario", "Server", "--preset", "rapid")
    service_ns, workers = look["calibration"]["service_time_ns"], look["backend"]["instances"]
    bound_ns = _SERVICE_TIMES * service_ns
    allowed = peak_rate(workers, service_ns, bound_ns, _SHARE) * 1e9
    held_fixed = ("--threads", str(look["backend"]["threads"]), "--instances", str(workers))
    fields = ("--set", f"load.server_target_latency_ms={bound_ns / 1e6!r}", "--set", f"load.target_qps={allowed!r}")
    found = harness(subject, *server, "--mode", "find-peak", *held_fixed, *fields)
    peak = found["peak"]
    if peak["target_qps"] is None:
        raise SystemExit(f"no VALID run: {found['reasons'][0]['what']}")
    count = found["performance"]["query_count"]
    provable = 1 - (1 - _SHARE) + _PROOF * math.sqrt(_SHARE * (1 - _SHARE) / count)
    with_proof = peak_rate(workers, service_ns, bound_ns, min(provable, 1 - 1e-6)) * 1e9
    ratio = float(peak["target_qps"] / allowed)
    broke = f"{peak['lowest_broken_qps']:,.1f}" if peak["lowest_broken_qps"] else "none"
    print(
        f"{service_ns / 1e6:7.3f} ms{workers:9}{allowed:10,.1f}/s{peak['target_qps']:10,.1f}/s{ratio:8.1%}"
        f"{peak['target_qps'] / with_proof:12.1%}{len(found['runs']):6}   {broke}",
        flush=True,
    )
    return ratio


if __name__ == "__main__":
    main()
