"""Whether a run's model answers on the CPU: tried in a process of its own, since XNNPACK aborts on what it cannot prepare.

`python -P -m harness.spec.trial ANSWER_FD PARENT_PID SPEC XNNPACK LETTER` is that process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from backends.litert.file.opened_file import FileChanged, OpenedFile, hold
from harness.config.backend import BackendSection
from harness.errors import ConfigError, HarnessError, RunFailed, message_of
from harness.machine.child_process import LONGEST_START_S, answer_of, live_and_die_with
from harness.machine.json_line import decode, encode
from harness.messages.failure import Failed, failed
from harness.messages.worker import ToOpen
from harness.spec.opener import opener_of
from harness.spec.schema import Spec
from harness.spec.task import open_task


@dataclass(frozen=True, slots=True)
class CpuTrial:
    """What came of it."""

    why_not: str | None
    """Why the model does not run so; None where it answers."""


def has_xnnpack(backend: BackendSection) -> bool:
    """Whether it is the CPU with XNNPACK, without which the model may run too."""
    options = backend.options
    return backend.name == "cpu" and options.get("xnnpack", True) is True and not options.get("reference_kernels")


def try_on_cpu(spec: Spec, hashed: Sequence[OpenedFile], *, xnnpack: bool) -> CpuTrial:
    """Starts the process.

    Args:
        spec: The run, whose model is opened as its file has it.
        hashed: The files that it may open under their paths.
        xnnpack: Whether XNNPACK takes its part, or the runtime's own kernels run everything.

    Raises:
        RunFailed: The model is another file now.
    """
    words = (spec.model_dump_json(), "xnnpack" if xnnpack else "", encode(ToOpen(tuple(hashed))))
    timeout_s = LONGEST_START_S + spec.backend.timeout_s
    answer = answer_of("harness.spec.trial", *words, timeout_s=timeout_s)
    if answer.line is not None:
        kinds: tuple[type[CpuTrial] | type[Failed], ...] = (CpuTrial, Failed)
        told = decode(answer.line, *kinds)
        if isinstance(told, Failed):
            raise RunFailed(told.message)
        return told
    if answer.hangs:
        return CpuTrial(f"no answer in {timeout_s:g} s")
    return CpuTrial(f"its process {answer.how}")


def without_xnnpack(end: HarnessError, spec: Spec, hashed: Sequence[OpenedFile]) -> HarnessError:
    """A crash that XNNPACK may have caused, with what the model does without it.

    Args:
        end: What is said of the crash.
        spec: Of the run, or of the candidate, whose backend `has_xnnpack`.
        hashed: The files that it has opened.

    Returns:
        A `ConfigError` where the user can have the model run.

    Raises:
        RunFailed: The model is another file now.
    """
    trial = try_on_cpu(spec, hashed, xnnpack=False)
    if trial.why_not is None:
        return ConfigError(
            f"{end}\nThe model runs without XNNPACK: use --backend cpu:xnnpack=false", log_says_more=True
        )
    return RunFailed(f"{end}\nNor does the model run without XNNPACK: {trial.why_not}")


def _try(spec: Spec, options: dict[str, bool]) -> CpuTrial:
    try:
        opener = opener_of(
            spec.model,
            BackendSection(options=options, complete_shapes=False),
            spec.cache_dir,
            open_task(spec.task, spec.options, spec.dataset).input_shapes,
        )
        backend = opener.open(1)
        backend.invoke([tensor.zeros() for tensor in backend.inputs])
    except FileChanged:
        raise
    except Exception as error:
        # Whatever is said against it is the answer.
        return CpuTrial(message_of(error) or type(error).__name__)
    return CpuTrial(None)


def main() -> None:
    """The process."""
    answer, parent, spec, xnnpack, letter = sys.argv[1:]
    live_and_die_with(int(parent))
    hold(decode(letter, ToOpen).files)
    told: CpuTrial | Failed
    try:
        told = _try(Spec.model_validate_json(spec), {} if xnnpack else {"xnnpack": False})
    except FileChanged as error:
        told = failed(error)
    with os.fdopen(int(answer), "w", encoding="ascii") as pipe:
        pipe.write(f"{encode(told)}\n")


if __name__ == "__main__":
    main()
