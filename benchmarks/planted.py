"""What `compare --live` decides: a planted 5 % in a model of MobileNet's size, and two builds that are the same.

    .venv/bin/python -m benchmarks planted                       20 decisions of each: up to two hours
    TFLITE_LOADGEN_DECISIONS=3 .venv/bin/python -m benchmarks planted

The regression is a busy loop in a backend of this file's: after each run of the model it works on for a twentieth of what that
took. All is by `harness.comparison.live`, as the command calls it: a limit of 2 % on p90, three minutes at most. It needs no
quiet machine; what else the machine does only makes a decision take longer.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.rows import Row
from harness.bench.session import BenchCase
from harness.comparison.live import LiveResult, compare_live, match_of
from harness.config.backend import parse_backend
from harness.spec.any_model import find_any_model, subject_of
from harness.zoo.files.official import cache_dir

_MODEL = "mobilenet_edgetpu"
_FIGURE, _LIMIT, _BUDGET_S = "p90", 0.02, 180.0
_PLANTED = 0.05
_DECISIONS = int(os.environ.get("TFLITE_LOADGEN_DECISIONS", "20"))
_BACKEND = """
import time
from dataclasses import replace

from backends.litert.interpreter import InterpreterBackend


class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, input_shapes=None, slower="0"):
        super().__init__(model, name="planted", threads=threads, input_shapes=input_shapes)
        self._slower = float(slower)

    def stages(self):
        found, slower, now = super().stages(), self._slower, time.perf_counter_ns
        run = found.run

        def run_and_work_on():
            began = now()
            run()
            ended = now()
            end = ended + slower * (ended - began)
            while now() < end:
                pass

        return replace(found, run=run_and_work_on)
"""


def measure() -> list[Row]:
    """So many decisions of each kind, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        _install(Path(folder))
        planted, same = list[LiveResult](), list[LiveResult]()
        for number in range(_DECISIONS):
            planted.append(_decided(_PLANTED, f"planted {number + 1} of {_DECISIONS}"))
            same.append(_decided(0.0, f"the same {number + 1} of {_DECISIONS}"))
    found = sum(each.decision == "regressed" for each in planted)
    wrong = sum(each.decision == "regressed" for each in same)
    longest = max(each.took_s for each in (*planted, *same))
    return [
        Row("a planted 5 % is found", found / len(planted), "of all", 0.95, at_least=True, beside=_said(planted)),
        Row("two that are the same are called regressed", wrong, "times", 0, beside=_said(same)),
        Row("the longest decision", longest, "s", _BUDGET_S + 30, beside="a pair that was begun is ended"),
    ]


def _decided(slower: float, what: str) -> LiveResult:
    backends = "planted:slower=0", f"planted:slower={slower}"
    cache = cache_dir()
    model = find_any_model(_MODEL, cache)
    base, new = (BenchCase(subject_of(model, parse_backend(each), cache, threads=1), each) for each in backends)
    match = match_of(base, new, _FIGURE)  # type: ignore[arg-type]
    found = compare_live(*backends, match, _FIGURE, _LIMIT, _BUDGET_S, lambda _: None)  # type: ignore[arg-type]
    # Every decision as it comes: two hours are long.
    ends = "" if found.low is None or found.high is None else f" ({found.low:+.1%}..{found.high:+.1%})"
    print(
        f"{time.strftime('%H:%M:%S')} {what}: {found.decision}, {found.change:+.1%}{ends}, {len(found.ratios)} pairs in "
        f"{found.took_s:.0f} s",
        file=sys.stderr,
    )
    return found


def _said(found: list[LiveResult]) -> str:
    counts = Counter(each.decision for each in found)
    changes = sorted(each.change for each in found)
    took = sorted(each.took_s for each in found)
    return (
        f"{', '.join(f'{count} {name}' for name, count in counts.items())}; {changes[0]:+.1%} to {changes[-1]:+.1%}; "
        f"{took[len(took) // 2]:.0f} s in the median"
    )


def _install(site: Path) -> None:
    """As a package of the user's own would be."""
    info = site / "planted_backend-1.0.dist-info"
    info.mkdir()
    (site / "planted_backend.py").write_text(_BACKEND, encoding="ascii")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted_backend\nVersion: 1.0\n", encoding="ascii")
    (info / "entry_points.txt").write_text(
        "[tflite_loadgen.backends]\nplanted = planted_backend:Backend\n", encoding="ascii"
    )
    sys.path.insert(0, str(site))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
