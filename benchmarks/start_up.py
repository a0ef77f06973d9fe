"""From the command to the first timed query, calibration and warm-up apart, and the worker's peak memory.

Target: 1.5 s and 200 MB for a classification run with cached samples; `--help` in 0.2 s.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.side_by_side import harness, median, subjects

_ROUNDS = 5


def main() -> None:
    """Prints medians of five rounds."""
    subject = next((one for one in subjects() if one.task == "mobilenet_edgetpu"), subjects()[0])
    help_s, first_s, measuring_s, memory = [], [], [], []
    harness(subject, "--preset", "rapid")
    for _ in range(_ROUNDS):
        begin = time.monotonic()
        subprocess.run(["./run.sh", "--help"], check=True, capture_output=True)
        help_s.append(time.monotonic() - begin)
        with tempfile.TemporaryDirectory() as folder:
            begin_wall = time.time()
            words = [
                "./run.sh",
                "--task",
                subject.task,
                "--model",
                subject.model,
                *subject.options,
                "--preset",
                "rapid",
            ]
            subprocess.run(
                [*words, "--set", "load.min_duration_ms=100", "--out", f"{folder}/run"], check=True, capture_output=True
            )
            apart, first_wall = _first_query(Path(folder) / "run")
            first_s.append(first_wall - begin_wall - sum(apart.values()))
            measuring_s.append(apart)
        memory.append(harness(subject, "--preset", "rapid")["memory"]["peak_rss_bytes"] / 1e6)
    print(f"{subject.name}, medians of {_ROUNDS} rounds")
    print(f"  --help               {median(help_s):6.3f} s   target 0.2, ratio {median(help_s) / 0.2:.2f}")
    print(f"  first timed query    {median(first_s):6.3f} s   target 1.5, ratio {median(first_s) / 1.5:.2f}")
    for name in measuring_s[0]:
        print(f"    apart: {name:11s}  {median([apart[name] for apart in measuring_s]):6.3f} s")
    print(f"  worker's peak memory {median(memory):6.0f} MB  target 200, ratio {median(memory) / 200:.2f}")


def _first_query(folder: Path) -> tuple[dict[str, float], float]:
    """How long the harness measured before, and when LoadGen began to issue queries, as seconds since the epoch."""
    found = json.loads((folder / "result.json").read_text())["calibration"]
    apart = {
        "calibration": found["calibration_s"],
        "warm-up": found["warm_up"]["time_s"],
        "parity": found["parity_s"],
    }
    return apart, found["first_query_at"]


if __name__ == "__main__":
    main()
