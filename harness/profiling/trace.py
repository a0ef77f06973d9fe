"""A profile as a trace that ui.perfetto.dev and chrome://tracing show: the run whose ops took the median time.

The format is that of "Trace Event Format" (Google), complete events. Of XNNPACK's operators the runtime tells the length alone:
they are laid end to end from where their piece begins, and marked.
"""

from __future__ import annotations

import json

from harness.profiling.record import Profile
from harness.profiling.report import named

_PROCESS, _THREAD = 1, 1


def as_trace(found: Profile) -> str:
    """JSON."""
    names = [
        {"ph": "M", "name": what, "pid": _PROCESS, "tid": _THREAD, "args": {"name": name}}
        for what, name in (
            ("process_name", f"{found.model} on {found.backend}, {found.threads} threads"),
            ("thread_name", "one run, of median time"),
        )
    ]
    events = []
    for piece in found.trace:
        op = found.ops[piece.order]
        told = {
            "kernel": op.kernel,
            "shape": op.shape,
            "tensor": op.tensor,
            "node": op.node,
            "graph": op.graph,
            "avg_us": round(op.avg_us, 3),
            "multiply_adds_per_s": op.multiply_adds_per_s,
            "start": "laid behind the op before it" if piece.laid else "told by the runtime",
        }
        events.append(
            {
                "ph": "X",
                "name": named(op),
                "cat": "op",
                "ts": round(piece.start_us, 3),
                "dur": round(piece.duration_us, 3),
                "pid": _PROCESS,
                "tid": _THREAD,
                "args": {name: value for name, value in told.items() if value not in (None, "")},
            }
        )
    return json.dumps({"traceEvents": [*names, *events], "displayTimeUnit": "ms"})
