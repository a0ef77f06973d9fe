"""All measurements by one command: a table of figures and targets.

    .venv/bin/python -m benchmarks                          all of them; about two hours, half of it grid
    .venv/bin/python -m benchmarks overhead single_stream   some of them; soak (20 minutes), planted (2 hours) only where named
    .venv/bin/python -m benchmarks --json figures.json      and the figures as JSON

Ratios are of two things measured in turns in one run; everything is a median. The machine should have nothing else to do:
`./run.sh doctor` says what would be felt.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.rows import Row, render
from harness.machine import facts as system

MEASUREMENTS = {
    "overhead": "the harness alone",
    "backend_overhead": "a backend behind our interface",
    "any_model": "bench against litert-benchmark and a bare invoke",
    "single_stream": "SingleStream against bare loops, in Python and native",
    "answers": "answers made of a model's output, against the model",
    "microseconds": "what each microsecond of a query is",
    "grid": "the default settings and tune's against the best of all settings",
    "offline_scaling": "Offline against as many bare loops at once",
    "placement": "instances pinned to cores against the system's placing",
    "state": "a recurrent model put back before each query, against one left alone",
    "server_peak": "the load that Server holds against what queueing allows",
    "standins": "stand-ins made, and against what converters made",
    "start_up": "from the command to the first query, and memory above a bare interpreter",
    "preprocessing": "pictures prepared, against OpenCV",
    "scoring": "from an accuracy log to the figure",
    "coco_ap": "COCO AP against pycocotools",
}
ON_REQUEST = {
    "soak": "ten minutes at full rate, or 24 hours: memory, descriptors and speed that stay flat",
    "cluster": "Ray actors against the local pool, and what the head takes for a sample (./run.sh install ray)",
    "cluster_scoring": "large logs judged by a Ray cluster against this machine alone (./run.sh install ray)",
    "planted": "what compare --live decides of a planted 5 % and of two that are the same: up to two hours",
}
"""Only where they are named."""


def main() -> int:
    """Returns 1 where a target is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = MEASUREMENTS | ON_REQUEST
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"no measurement {unknown[0]!r}: there are {', '.join(known)}")
    found: dict[str, list[Row]] = {}
    machine = system.describe()
    for name in arguments.names or MEASUREMENTS:
        measure: Callable[[], list[Row]] = importlib.import_module(f"benchmarks.{name}").measure
        began = time.monotonic()
        found[name] = measure()
        print(f"## {known[name]}\n\n{render(found[name])}\n", flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if arguments.json:
        figures = {name: [row.plain() for row in rows] for name, rows in found.items()}
        arguments.json.write_text(
            json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n", encoding="utf-8"
        )
    return int(any(row.met is False for rows in found.values() for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
