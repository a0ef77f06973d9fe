"""Words of advice: how much quicker something is, and the command that shows it."""

from __future__ import annotations

import shlex

from harness.bench.session import BenchCase
from harness.config.invocation import Invocation
from harness.statistics.intervals import Ratio

WORTH = 1.03
"""Less is not worth another command."""


def times_as_quick(ratio: Ratio) -> str:
    """`1.90 times as quick, 95 % interval 1.80..2.00,`, to stand before what it is held against."""
    interval = f", 95 % interval {ratio.low:.2f}..{ratio.high:.2f}" if ratio.low and ratio.high else ""
    return f"{ratio.median:.2f} times as quick{interval},"


def command_of(case: BenchCase, options: str) -> str:
    """`./run.sh bench` of the same model with these options in place of its own."""
    behind = (
        "" if case.backend_asked == "cpu" or "--backend" in options else f" --backend {shlex.quote(case.backend_asked)}"
    )
    threads = "" if case.subject.threads == 1 or "--threads" in options else f" --threads {case.subject.threads}"
    return f"./run.sh bench {shlex.quote(str(case.subject.model))} {options}{behind}{threads}{_invoked(case)}"


def _invoked(case: BenchCase) -> str:
    """How the model is invoked, where that is not as its file says."""
    asked = Invocation.model_validate(dict(case.subject.invocation))
    words = [] if asked.signature is None else ["--signature", asked.signature]
    if asked.state != "reset":
        words += ["--state", asked.state]
    for name, shape in asked.input_shapes.items():
        words += ["--input-shape", f"{name}={','.join(map(str, shape))}"]
    if asked.input_size is not None:
        words += ["--set", f"model.input_size={list(asked.input_size)}"]
    return "".join(f" {shlex.quote(word)}" for word in words)
