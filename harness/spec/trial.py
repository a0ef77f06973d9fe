"""Whether a run's model answers on the CPU: tried in a process of its own, since XNNPACK aborts on what it cannot prepare.

`python -P -m harness.spec.trial ANSWER_FD PARENT_PID SPEC XNNPACK` is that process.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from harness.config.backend import BackendSection
from harness.errors import ConfigError, HarnessError, RunFailed, message_of
from harness.machine.child_process import answer_of, live_and_die_with
from harness.machine.json_line import decode, encode
from harness.model.opening import Opener
from harness.spec.schema import Spec
from harness.spec.task import open_task

_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class CpuTrial:
    """What came of it."""

    why_not: str | None
    """Why the model does not run so; None where it answers."""


def has_xnnpack(backend: BackendSection) -> bool:
    """Whether it is the CPU with XNNPACK, without which the model may run too."""
    options = backend.options
    return backend.name == "cpu" and options.get("xnnpack", True) is True and not options.get("reference_kernels")


def try_on_cpu(spec: Spec, *, xnnpack: bool) -> CpuTrial:
    """Starts the process.

    Args:
        spec: The run, whose model is opened as its file has it.
        xnnpack: Whether XNNPACK takes its part, or the runtime's own kernels run everything.
    """
    words = (spec.model_dump_json(), "xnnpack" if xnnpack else "")
    answer = answer_of("harness.spec.trial", *words, timeout_s=_TIMEOUT_S)
    if answer.line is not None:
        return decode(answer.line, CpuTrial)
    if answer.hangs:
        return CpuTrial(f"no answer in {_TIMEOUT_S:g} s")
    return CpuTrial(f"its process {answer.how}")


def without_xnnpack(end: HarnessError, spec: Spec) -> HarnessError:
    """A crash that XNNPACK may have caused, with what the model does without it.

    Args:
        end: What is said of the crash.
        spec: Of the run, or of the candidate, whose backend `has_xnnpack`.

    Returns:
        A `ConfigError` where the user can have the model run.
    """
    trial = try_on_cpu(spec, xnnpack=False)
    if trial.why_not is None:
        return ConfigError(
            f"{end}\nThe model runs without XNNPACK: use --backend cpu:xnnpack=false", log_says_more=True
        )
    return RunFailed(f"{end}\nNor does the model run without XNNPACK: {trial.why_not}")


def _try(spec: Spec, options: dict[str, bool]) -> CpuTrial:
    model = spec.model
    try:
        opener = Opener(
            model.path,
            model.sha256,
            BackendSection(options=options, complete_shapes=False),
            spec.cache_dir,
            invocation=model.invocation,
            input_shapes=open_task(spec.task, spec.options, spec.dataset).input_shapes,
        )
        backend = opener.open(1)
        backend.invoke([tensor.zeros() for tensor in backend.inputs])
    except Exception as error:
        # Whatever is said against it is the answer.
        return CpuTrial(message_of(error) or type(error).__name__)
    return CpuTrial(None)


def main() -> None:
    """The process."""
    answer, parent, spec, xnnpack = sys.argv[1:]
    live_and_die_with(int(parent))
    trial = _try(Spec.model_validate_json(spec), {} if xnnpack else {"xnnpack": False})
    with os.fdopen(int(answer), "w", encoding="ascii") as pipe:
        pipe.write(f"{encode(trial)}\n")


if __name__ == "__main__":
    main()
