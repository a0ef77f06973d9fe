"""Which of the CPU's engines is quicker for the model at hand: measured on the run's own samples, before anything else is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from backends.base import Array, Backend, BackendUnavailable, ModelRejected
from backends.litert.compiled import why_not_compiled
from harness.messages.calibration import EngineChoice
from harness.messages.worker import Proven
from harness.serving.instances import Instances
from harness.serving.proof import prove_rival
from harness.worker import timing

_LONGEST_ANSWER_NS = 100_000_000
"""The engines run the same kernels and differ by microseconds a call: in more than a tenth of a second that is nothing."""
_MAY_DIFFER = (
    "; a performance run may answer with CompiledModel where that is quicker, once it is proven to answer the same (a "
    "submission's accuracy run then does so too, and --backend cpu:engine=CompiledModel or Interpreter settles it)"
)
_LARGEST_FILE_BYTES = 50_000_000
"""Each engine packs the weights for itself: trying a larger model costs more memory and time than it can give."""


def choose_engine(instances: Instances, indices: Sequence[int], tell: Callable[[Proven], None]) -> EngineChoice | None:
    """Measures the interpreter against a compiled model where the run leaves the choice, and takes the quicker one.

    A compiled model has to be clearly quicker and to answer as one thread of the interpreter does; else the interpreter
    stays, which also says what XNNPACK took.

    Args:
        instances: Has the interpreter open, with one thread.
        indices: Samples that are loaded.
        tell: Hears the proof of a compiled model that is taken.

    Returns:
        None where there is no choice.
    """
    # Only one of the engines tells its coverage.
    if not instances.spec.backend.is_plain_cpu or instances.spec.backend.require_full is not None:
        return None
    if instances.spec.load.mode == "accuracy":
        may_differ = "" if _unfit(instances, instances.first) else _MAY_DIFFER
        return EngineChoice("Interpreter", timing.NOT_TIMED + may_differ, 0.0)
    began = time.monotonic()
    choice = _choose(instances, indices, tell)
    return replace(choice, time_s=time.monotonic() - began)


def _choose(instances: Instances, indices: Sequence[int], tell: Callable[[Proven], None]) -> EngineChoice:
    """Its `time_s` is left to the caller."""
    plain = instances.first
    why = _why_not(instances, plain, indices)
    if why is not None:
        return EngineChoice("Interpreter", why, 0.0)
    try:
        other = instances.opener.open_with({"engine": "CompiledModel"})
        rows = [instances.samples.rows[index] for index in indices]
        # As queries are timed.
        duel = timing.duel(plain.runner(), other.runner(), rows, tick=instances.control.tick)
    except (BackendUnavailable, ModelRejected, RuntimeError, ValueError) as error:
        return EngineChoice("Interpreter", f"CompiledModel cannot run it: {str(error).splitlines()[0]}", 0.0)
    medians = {"Interpreter": duel.first_ns, "CompiledModel": duel.second_ns}
    if not duel.second_wins:
        other.close()
        return EngineChoice("Interpreter", "CompiledModel is not clearly quicker", 0.0, medians, duel.pairs)
    if not prove_rival(instances, other, indices, tell):
        other.close()
        why = "CompiledModel is quicker, but answers otherwise"
        return EngineChoice("Interpreter", why, 0.0, medians, duel.pairs)
    instances.take({"engine": "CompiledModel"}, other)
    return EngineChoice("CompiledModel", "clearly quicker", 0.0, medians, duel.pairs)


def _why_not(instances: Instances, plain: Backend, indices: Sequence[int]) -> str | None:
    """Why a compiled model is not even tried."""
    if (unfit := _unfit(instances, plain)) is not None:
        return unfit
    took = min(_time_ns(plain, instances.samples.rows[indices[0]]) for _ in range(2))
    if took > _LONGEST_ANSWER_NS:
        return f"not measured: an answer takes {took / 1e9:.1f} s, beside which the engines' microseconds are nothing"
    return None


def _unfit(instances: Instances, plain: Backend) -> str | None:
    """Why the model's file speaks against a compiled model."""
    if instances.opener.resets:
        return f"CompiledModel cannot put back what the model keeps: {instances.opener.file.keeps}"
    size = instances.opener.model.stat().st_size
    if size > _LARGEST_FILE_BYTES:
        return f"not measured: the model has {size / 1e6:.0f} MB, which the other engine would unpack once more"
    if (reason := why_not_compiled(instances.opener.model, plain)) is not None:
        return f"CompiledModel cannot run it: {reason}"
    return None


def _time_ns(backend: Backend, inputs: Sequence[Array]) -> int:
    began = time.perf_counter_ns()
    backend.invoke(inputs)
    return time.perf_counter_ns() - began
