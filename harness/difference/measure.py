"""Runs both sides on the same inputs and holds their outputs against each other."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from backends.base import NO_ENGINE, Array, BackendUnavailable, ModelRejected
from harness.difference.aside import ComparedBeside, DrawnAhead
from harness.difference.bisect import bisect
from harness.difference.draws import DocumentedInputs
from harness.difference.errors import GatheredErrors
from harness.difference.pairs import converter, pair
from harness.difference.record import AskedDifference, Bisected, DiffResult
from harness.difference.side import AnsweringSide, same_sides
from harness.errors import ConfigError
from harness.messages.conversation import Hear, Progressed
from harness.model.drawn_inputs import inputs_explained
from harness.model.repetition import refuse_unseeded

_TELL_EVERY_S = 0.5
_BISECTED_SAMPLES, _MOST_BISECTED = 3, 8
"""Runs whose inputs the cut graphs are given, too: at least, and where many outputs were furthest off in runs of their own."""


def measure(asked: AskedDifference, hear: Hear) -> DiffResult:
    """What a difference is, in this process.

    Args:
        asked: What is held against what.
        hear: Is told how far it is.

    Raises:
        ModelRejected: A side cannot run its model; the message says which.
        BackendUnavailable: A side's backend is not here, or takes nothing of the model.
        ConfigError: Inputs that cannot be drawn, or models that cannot be held against each other.
    """
    with ExitStack() as stack:
        test = _opened(stack, lambda: AnsweringSide(asked.test), "")
        ranges = {name: (values[0], values[1]) for name, values in asked.ranges.items()}
        # The first are drawn while the reference is opened.
        drawn = DrawnAhead(
            DocumentedInputs(test.backend.inputs, ranges),
            sum(tensor.nbytes for tensor in test.backend.inputs),
            asked.num_runs,
        )
        stack.callback(drawn.close)
        kernels = f"the reference ({asked.reference.name} on one CPU thread, {_kernels_text(asked)}) cannot run: "
        reference = _opened(stack, lambda: AnsweringSide(asked.reference), kernels)
        feed = _fed(test, reference)
        places = pair("output", test.backend.outputs, reference.backend.outputs)
        gathered = [
            GatheredErrors(spec, reference.backend.outputs[place])
            for spec, place in zip(test.backend.outputs, places, strict=True)
        ]
        beside = ComparedBeside(gathered)
        stack.callback(beside.close)
        began = told = time.perf_counter()
        for number in range(asked.num_runs):
            if time.perf_counter() - told > _TELL_EVERY_S:
                told = time.perf_counter()
                hear(Progressed("runs", number, asked.num_runs))
            fed = drawn.next()
            with inputs_explained(asked.test.model):
                answer = test.answer(fed)
            with inputs_explained(asked.reference.model, "the reference: "):
                expected = reference.answer(feed(fed))
            beside.take([(found, expected[place]) for found, place in zip(answer, places, strict=True)])
        beside.wait()
        if all(errors.compared_nothing for errors in gathered):
            raise ConfigError(f"{asked.test.model} answers no values at any output, so there is nothing to compare")
        seconds = time.perf_counter() - began
        bisected: Bisected | None = None
        if asked.bisect:
            inputs = _inputs_of(_bisected_runs(gathered, asked.num_runs), DocumentedInputs(test.backend.inputs, ranges))
            spoilt = any(errors.is_spoilt for errors in gathered)
            bisected = bisect(test, reference, inputs, asked.tolerance, hear, spoilt=spoilt)
        return DiffResult(
            test.facts(),
            reference.facts(),
            asked.num_runs,
            same_sides(asked.test, asked.reference),
            tuple(errors.found() for errors in gathered),
            inputs_from=_inputs_text(test, ranges),
            seconds=seconds,
            invoke_seconds=test.invoke_seconds + reference.invoke_seconds,
            bisected=bisected,
        )


def _bisected_runs(gathered: Sequence[GatheredErrors], runs: int) -> list[int]:
    """Those in which an output was furthest off, the spoilt ones before others, and the first, so that there are a few."""
    worst = [errors.worst_run for errors in sorted(gathered, key=lambda errors: not errors.is_spoilt)]
    chosen = list(dict.fromkeys(worst))[:_MOST_BISECTED]
    others = (run for run in range(runs) if run not in chosen)
    return sorted([*chosen, *itertools.islice(others, max(0, _BISECTED_SAMPLES - len(chosen)))])


def _inputs_of(runs: Sequence[int], drawn: DocumentedInputs) -> list[list[Array]]:
    """What these runs were given, drawn once more."""
    every = (drawn.next() for _ in range(max(runs) + 1))
    return [inputs for run, inputs in enumerate(every) if run in runs]


def _opened(stack: ExitStack, make: Callable[[], AnsweringSide], whose: str) -> AnsweringSide:
    try:
        side = make()
    except (ModelRejected, BackendUnavailable) as error:
        if not whose:
            raise
        raise type(error)(f"{whose}{error}") from None
    stack.callback(side.close)
    unseeded = side.opener.file.keeps.unseeded
    refuse_unseeded(f"{whose}{side.subject.model}", unseeded, "Export it with a seed: a difference would be theirs.")
    if side.backend.info().engine == NO_ENGINE:
        raise ConfigError(
            f"{whose}the backend {side.backend.info().name} runs no model: its answers are zeros, of which a difference says "
            "nothing"
        )
    return side


def _fed(test: AnsweringSide, reference: AnsweringSide) -> Callable[[Sequence[Array]], Sequence[Array]]:
    """From the test's inputs to the reference's."""
    places = pair("input", test.backend.inputs, reference.backend.inputs)
    converters = [
        converter(spec, reference.backend.inputs[place])
        for spec, place in zip(test.backend.inputs, places, strict=True)
    ]
    if not any(tensor.nbytes for tensor in test.backend.inputs):
        which = "values at any input" if places else "inputs"
        raise ConfigError(f"{test.subject.model} has no {which}, so there is nothing to feed it")

    def feed(drawn: Sequence[Array]) -> Sequence[Array]:
        fed: list[Array] = list(drawn)
        for array, place, convert in zip(drawn, places, converters, strict=True):
            fed[place] = convert(array)
        return fed

    return feed


def _kernels_text(asked: AskedDifference) -> str:
    options = asked.reference.section.options
    if options.get("reference_kernels"):
        return "reference kernels"
    return "built-in kernels without XNNPACK" if options.get("xnnpack") is False else "default kernels"


def _inputs_text(test: AnsweringSide, ranges: dict[str, tuple[float, float]]) -> str:
    kinds = ", ".join(dict.fromkeys(spec.dtype.name for spec in test.backend.inputs))
    named = "".join(f"; {name} in {low:g} to {high:g}" for name, (low, high) in ranges.items())
    return f"the random {kinds} that TFLite's inference_diff draws with libstdc++{named}"
