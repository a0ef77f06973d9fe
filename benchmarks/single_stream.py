"""SingleStream through LoadGen against bare loops on the same file, one thread each, alternating.

Targets: p50 and p90 within 0.5 % of a bare loop over the same interpreter for a model of 1 ms and more; for keyword spotting
what p50 is above a native loop is at most 2.5 times what LoadGen alone takes for a query.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.loadgen_floor import floor
from benchmarks.native import native_loop
from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, bare_loop, harness, median, subjects

_SAME = ("--set", "backend.complete_shapes=false", "--set", "backend.options.engine=Interpreter", "--threads", "1")
"""The bare loops run the file as it is, on this engine."""
_QUICK_NS = 1e6
_LOADGEN_ALONE = 2.5
"""Queries of LoadGen alone: its own callback and completion, which a native loop has not, are one of them."""
_FLOOR_QUERIES = 300_000


def measure(rounds: int = 5, seconds: float = 4) -> list[Row]:
    """A few rows a model."""
    return [row for subject in subjects() for row in _of(subject, rounds, seconds)]


def _of(subject: Subject, rounds: int, seconds: float) -> list[Row]:
    taken = []
    for _ in range(rounds):
        length = ("--preset", "rapid", "--set", f"load.min_duration_ms={round(seconds * 1000)}")
        one = harness(subject, *length, *_SAME)
        model = one["model"]["path"]
        latency = one["performance"]["latency_ns"]
        loops = bare_loop(model, seconds), native_loop(model, seconds), native_loop(model, seconds, inside=True)
        taken.append(((latency, *loops), floor("SingleStream", _FLOOR_QUERIES)["p50_us"] * 1e3))
    quick = median([one[1]["p50"] for one, _ in taken]) < _QUICK_NS
    rows = [
        ratio(
            f"{subject.name}, SingleStream {name} against a bare loop",
            [(ours[name] / 1e3, bare[name] / 1e3) for (ours, bare, *_), _ in taken],
            None if quick else 1.005,
        )
        for name in ("p50", "p90")
    ]
    for number, where in ((2, "a native loop"), (3, "the native loop inside a Python process")):
        found = [(one[0]["p50"], other["p50"], alone) for one, alone in taken if (other := one[number]) is not None]
        if found:
            rows += _above(f"{subject.name}, SingleStream p50 above {where}", found, quick=quick)
    return rows + _against_litert_benchmark(subject, model, [one[0]["p50"] for one, _ in taken])


def _above(what: str, rounds: list[tuple[float, float, float]], *, quick: bool) -> list[Row]:
    """The difference, and for a quick model how many of LoadGen's own queries it is.

    Args:
        what: Names the rows.
        rounds: Of each ours, the loop and LoadGen alone, in ns.
        quick: Whether the model is of microseconds.
    """
    ours_us, other_us, _ = (median(side) / 1e3 for side in zip(*rounds, strict=True))
    more = [((ours - other) / 1e3, alone / 1e3) for ours, other, alone in rounds]
    rows = [Row(what, median([each for each, _ in more]), "us", beside=f"{ours_us:.2f} : {other_us:.2f} us")]
    return [*rows, ratio(f"{what} against LoadGen alone, us", more, _LOADGEN_ALONE)] if quick else rows


def _against_litert_benchmark(subject: Subject, model: str, ours_ns: list[float]) -> list[Row]:
    """LiteRT's own tool, where it is installed and its engine takes the model; it tells hundredths of a millisecond."""
    tool = shutil.which("litert-benchmark", path=str(Path(sys.executable).parent)) or shutil.which("litert-benchmark")
    if tool is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        words = [tool, "--model", model, "--num_threads", "1", "--num_runs", "100", "--result_json", str(answer)]
        if subprocess.run(words, capture_output=True, check=False).returncode or not answer.is_file():
            return []
        theirs_ms = json.loads(answer.read_text())["latency"]["median_ms"]
    ours_ms = median(ours_ns) / 1e6
    beside = f"{ours_ms:.3f} : {theirs_ms:.3f} ms, one after the other"
    return [Row(f"{subject.name}, SingleStream p50 against litert-benchmark", ours_ms / theirs_ms, "x", beside=beside)]


if __name__ == "__main__":
    print(render(measure()))
