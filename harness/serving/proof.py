"""Proof against the CPU: a run's backend answers a few of its samples, and is held against one thread of the interpreter."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from backends.base import Array, Backend, ModelRejected
from backends.litert.file.opened_file import held
from harness.errors import RunFailed
from harness.machine.control import Phase
from harness.messages.worker import Opened, Proven
from harness.model.comparison import Comparison
from harness.model.drawn_inputs import RUN_OPTION, inputs_explained
from harness.model.output_checks import checked, odd_values
from harness.model.repetition import otherwise, refuse_unseeded, why_refused
from harness.serving.instances import Instances
from harness.spec.trial import has_xnnpack, try_on_cpu

_LONGEST_TO_ASK_AGAIN_S = 2.0
"""A model that takes longer for a sample, and draws no numbers, is not asked twice more."""


def prove(instances: Instances, indices: Sequence[int], tell: Callable[[Opened | Proven], None]) -> None:
    """Holds the backend against one CPU thread on a few samples, which must be loaded. The plain CPU is its own proof.

    A model whose shapes were completed unasked, and that then answers otherwise, goes on as the file has it.

    Args:
        instances: Of the run.
        indices: Samples that may be asked.
        tell: Hears the comparison, whatever comes of it, or that the file as it is was opened instead.

    Raises:
        RunFailed: They differ by more than the task tolerates, and the config does not allow it.
        ModelRejected: It answers the same sample otherwise when it is asked again, and no state is to live on.
    """
    section, was_completed = instances.spec.backend, bool(instances.opener.file.completed)
    if instances.info.engine == "none":
        return
    instances.control.enter(Phase.PROVING)
    _prove_same_again(instances, indices, tell)
    if section.is_plain_cpu and not was_completed:
        return
    began = time.monotonic()
    found = agreement(instances, instances.first, indices[: section.parity.samples])
    unasked = was_completed and section.complete_shapes == "auto"
    if found.passed is False and unasked and section.is_plain_cpu:
        # A completed model is another rounding of the same one; where it is more than that, nobody asked for it.
        instances.warnings.append(
            f"the model runs as it is: with its missing shapes completed it answers otherwise ({'; '.join(found.why)})"
        )
        instances.take_file_as_it_is()
        tell(instances.opened())
        return
    tell(Proven(found, time.monotonic() - began, section.allow_mismatch))
    if found.passed is False and not section.allow_mismatch:
        raise RunFailed(
            f"backend {instances.info.name} disagrees with one CPU thread on {found.samples} samples, so nothing was "
            f"timed: {'; '.join(found.why)}.{instances.opener.suspicion(instances.first)} --allow-mismatch times it "
            "all the same and says so in the result."
        )


def prove_again(instances: Instances, backend: Backend, indices: Sequence[int]) -> None:
    """Holds what answered LoadGen against one CPU thread once more: a driver may break while a run lasts.

    Args:
        instances: Of the run.
        backend: One that has answered.
        indices: Samples to ask, which must be loaded.

    Raises:
        RunFailed: It answers otherwise than before.
    """
    try:
        found = agreement(instances, backend, indices)
        why = "" if found.passed is not False else "; ".join(found.why)
    except RunFailed as error:
        why = str(error)
    if why:
        raise RunFailed(
            f"backend {instances.info.name} answered as the CPU does before LoadGen and no longer did after it: {why}. "
            "Something in the backend or its driver broke while it was timed, so none of the figures counts"
        )


def can_be_proven_again(instances: Instances) -> bool:
    """Whether something was held against the CPU before that LoadGen's queries did not change by right."""
    section, opener = instances.spec.backend, instances.opener
    if instances.info.engine == "none" or section.allow_mismatch or opener.lives_on:
        return False
    return not section.is_plain_cpu or bool(opener.file.completed)


def prove_rival(instances: Instances, rival: Backend, indices: Sequence[int], tell: Callable[[Proven], None]) -> bool:
    """Holds a backend that nobody asked for by name against one CPU thread; only one that agrees is told of."""
    began = time.monotonic()
    found = agreement(instances, rival, indices[: instances.spec.backend.parity.samples])
    if found.passed:
        tell(Proven(found, time.monotonic() - began, allowed=False))
    return bool(found.passed)


def agreement(instances: Instances, backend: Backend, indices: Sequence[int]) -> Comparison:
    """Holds a backend against one CPU thread on these samples, which must be loaded: see `parity.compare`.

    Raises:
        RunFailed: It answers what the model does not promise.
    """
    opener, file = instances.opener, instances.opener.as_it_is
    # An accelerator is held against the same file; changes to the file itself against the file as it was.
    path = opener.model if instances.info.accelerator else file
    said = f"cpu, Interpreter, 1 thread, {'the file as it is' if path == file else 'the same file'}"
    section = instances.spec.backend
    # Who keeps XNNPACK out may do so since it takes its process down, which would be this one.
    without = section.name == "cpu" and not has_xnnpack(section)
    if without and (why := try_on_cpu(instances.spec, held(), xnnpack=True).why_not) is not None:
        return Comparison(None, (f"the CPU with XNNPACK cannot run the model: {why}",), 0)
    try:
        reference = opener.open_reference(path)
    except ModelRejected as error:
        return Comparison(None, (f"the CPU cannot run the model: {error}",), 0)
    expected = _answers(instances, reference, indices)
    reference.close()
    found = _answers(instances, backend, indices)
    return replace(instances.parity.compare(backend.outputs, expected, found), reference=said)


def _prove_same_again(instances: Instances, indices: Sequence[int], tell: Callable[[Opened | Proven], None]) -> None:
    """Asks a sample, another and the first once more: what a model keeps must not show, unless it is to live on."""
    opener, backend = instances.opener, instances.first
    if opener.lives_on:
        return
    refuse_unseeded(
        instances.spec.model.path,
        opener.file.keeps.unseeded,
        "Nothing was timed: export it with a seed, or --state keep lets it live on, in one instance, and says so.",
    )
    began = time.monotonic()
    (first,) = _answers(instances, backend, indices[:1])
    if instances.codec.judges_outputs:
        instances.warnings += [f"of the first sample, {odd}" for odd in odd_values(backend.outputs, first)]
    # Whether random numbers have a seed nothing else may tell.
    if time.monotonic() - began > _LONGEST_TO_ASK_AGAIN_S and not opener.file.keeps.draws:
        return
    _, again = _answers(instances, backend, [indices[-1], indices[0]])
    if opener.resets:
        backend.reset()
    differs = otherwise(instances.info, backend.outputs, first, again, instances.parity.compare)
    if not differs:
        return
    if opener.may_live_on:
        opener.take_untold_state()
        tell(instances.opened())
        return
    keeps = opener.file.keeps
    why = why_refused(instances.spec.model.path, str(keeps), differs, resets=opener.resets, draws=bool(keeps.draws))
    raise ModelRejected(why)


def _answers(instances: Instances, backend: Backend, indices: Sequence[int]) -> list[list[Array]]:
    ask = checked(backend, backend.runner(), judged=instances.codec.judges_outputs)
    answers = []
    for index in indices:
        if instances.opener.resets:
            backend.reset()
        # A backend may reuse its buffers.
        try:
            with _failures_explained(instances):
                answers.append([output.copy() for output in ask(instances.samples.rows[index])])
        except RunFailed as error:
            why = instances.opener.suspicion(backend)
            raise RunFailed(f"{error}.{why}" if why else str(error)) from None
        instances.control.tick()
    return answers


def _failures_explained(instances: Instances) -> AbstractContextManager[None]:
    """A model that breaks on inputs which nobody chose is the user's to feed otherwise."""
    drawn = instances.task.own_data
    if not drawn or instances.spec.dataset.name != drawn:
        return nullcontext()
    return inputs_explained(instances.spec.model.path, option=RUN_OPTION)
