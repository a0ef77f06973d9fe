"""Whether a model answers on the CPU: tried in a process of its own, since XNNPACK aborts on what it cannot prepare.

`python -P -m harness.spec.trial ANSWER_FD PARENT_PID ASKED` is that process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backends.litert.file.opened_file import FileChanged, OpenedFile, hold
from backends.litert.loading import XNNPACK
from backends.litert.without_xnnpack import OPTION, nor_without_xnnpack, runs_without_xnnpack
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.errors import ConfigError, HarnessError, RunFailed, message_of
from harness.machine.child_process import LONGEST_START_S, answer_of, live_and_die_with
from harness.machine.json_line import decode, encode, tell_once
from harness.messages.failure import Failed, failed
from harness.model.opening import InputShapes, Opener, as_the_file_has_them
from harness.model.subject import Subject
from harness.spec.opener import subject_of_ref
from harness.spec.schema import Spec
from harness.spec.task import open_task

if TYPE_CHECKING:
    from harness.model.contents.describe import ModelDescription


@dataclass(frozen=True, slots=True)
class AskedTrial:
    """What the process opens."""

    subject: Subject
    """Its backend is not what is tried."""
    xnnpack: bool
    spec: str
    """Of a run, as JSON: its task tells the sizes that the file leaves open. "" where there is no run."""


@dataclass(frozen=True, slots=True)
class CpuTrial:
    """What came of it."""

    why_not: str | None
    """Why the model does not run so; None where it answers."""
    crashed: bool = False
    """Whether the process went."""


@dataclass(frozen=True, slots=True)
class WithoutXnnpack:
    """What a model does without XNNPACK."""

    runs: bool
    said: str
    """It, as a sentence, with what has it run."""

    def told_of(self, end: HarnessError) -> HarnessError:
        """A crash with this beside it: the user's to mend where the model runs."""
        told = f"{end}\n{self.said}"
        return ConfigError(told, log_says_more=True) if self.runs else RunFailed(told)


def has_xnnpack(backend: BackendSection) -> bool:
    """Whether it is the CPU with XNNPACK, without which the model may run too."""
    options = backend.options
    return backend.name == "cpu" and options.get("xnnpack", True) is True and not options.get("reference_kernels")


def try_on_cpu(tried: Spec | Subject, hashed: Sequence[OpenedFile], *, xnnpack: bool) -> CpuTrial:
    """Starts the process.

    Args:
        tried: The run, or the model alone; it is opened as its file has it.
        hashed: The files that it may open under their paths.
        xnnpack: Whether XNNPACK takes its part, or the runtime's own kernels run everything.

    Raises:
        RunFailed: The model is another file now.
    """
    asked = _asked(tried, tuple(hashed), xnnpack=xnnpack)
    timeout_s = LONGEST_START_S + asked.subject.section.timeout_s
    answer = answer_of("harness.spec.trial", encode(asked), timeout_s=timeout_s)
    if answer.line is not None:
        kinds: tuple[type[CpuTrial] | type[Failed], ...] = (CpuTrial, Failed)
        told = decode(answer.line, *kinds)
        if isinstance(told, Failed):
            raise RunFailed(told.message)
        return told
    if answer.hangs:
        return CpuTrial(f"no answer in {timeout_s:g} s")
    return CpuTrial(f"its process {answer.how}{f': {answer.said}' if answer.said else ''}", crashed=True)


def without_xnnpack(
    tried: Spec | Subject, hashed: Sequence[OpenedFile], how: str = OPTION, whose: str = "the model"
) -> WithoutXnnpack:
    """What a model does without XNNPACK, which may have taken it down.

    Args:
        tried: The run, the candidate or the model alone, whose backend `has_xnnpack`.
        hashed: The files that it has opened.
        how: What the user does to have it so.
        whose: See `runs_without_xnnpack`.

    Raises:
        RunFailed: The model is another file now.
    """
    why_not = try_on_cpu(tried, hashed, xnnpack=False).why_not
    if why_not is None:
        return WithoutXnnpack(True, runs_without_xnnpack(how, whose))
    return WithoutXnnpack(False, nor_without_xnnpack(why_not, whose))


def loaded_with_xnnpack(found: ModelDescription, subject: Subject) -> ModelDescription:
    """What a file says of itself, with what becomes of it where XNNPACK takes its part, as in every run that asks nothing else.

    Args:
        found: The runtime's own kernels were asked alone, which neither abort nor refuse what XNNPACK does.
        subject: The model.
    """
    run = found.runs
    if run is None or run.open_inputs:
        return found
    trial = try_on_cpu(subject, subject.held, xnnpack=True)
    if trial.why_not is None:
        return found if run.loads else replace(found, runs=replace(run, loads=True))
    if not run.loads or not (trial.crashed or XNNPACK in trial.why_not):
        return found
    # What is refused says it already.
    said = f"{trial.why_not}. {without_xnnpack(subject, subject.held).said}" if trial.crashed else trial.why_not
    return replace(found, runs=replace(run, loads=False, why_not=said))


def _asked(tried: Spec | Subject, hashed: tuple[OpenedFile, ...], *, xnnpack: bool) -> AskedTrial:
    if isinstance(tried, Subject):
        return AskedTrial(replace(tried, held=hashed), xnnpack, "")
    subject = subject_of_ref(tried.model, tried.backend, tried.cache_dir, hashed)
    return AskedTrial(subject, xnnpack, tried.model_dump_json())


def _try(asked: AskedTrial) -> CpuTrial:
    subject = asked.subject
    try:
        opener = Opener(
            subject.model,
            subject.sha256,
            BackendSection(options={} if asked.xnnpack else {"xnnpack": False}, complete_shapes=False),
            subject.cache_dir,
            invocation=Invocation.model_validate(dict(subject.invocation)),
            input_shapes=_shapes(asked),
        )
        backend = opener.open(1)
        backend.invoke([tensor.zeros() for tensor in backend.inputs])
    except FileChanged:
        raise
    except Exception as error:
        # Whatever is said against it is the answer.
        return CpuTrial(message_of(error) or type(error).__name__)
    return CpuTrial(None)


def _shapes(asked: AskedTrial) -> InputShapes:
    if not asked.spec:
        return as_the_file_has_them
    spec = Spec.model_validate_json(asked.spec)
    return open_task(spec.task, spec.options, spec.dataset).input_shapes


def main() -> None:
    """The process."""
    answer, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    asked = decode(words, AskedTrial)
    hold(asked.subject.held)
    told: CpuTrial | Failed
    try:
        told = _try(asked)
    except FileChanged as error:
        told = failed(error)
    tell_once(int(answer), told)


if __name__ == "__main__":
    main()
