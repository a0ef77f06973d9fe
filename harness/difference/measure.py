"""Runs both sides on the same inputs and holds their outputs against each other."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from backends.base import Array, BackendUnavailable, ModelRejected, TensorSpec
from harness.difference.bisect import bisect
from harness.difference.draws import DocumentedInputs
from harness.difference.errors import GatheredErrors
from harness.difference.pairs import converter, pair
from harness.difference.record import AskedDifference, Bisected, Difference
from harness.difference.side import Side, same_sides
from harness.errors import ConfigError
from harness.messages.conversation import Hear, Progressed
from harness.model.drawn_inputs import inputs_explained

_TELL_EVERY_S = 0.5
_MOST_AHEAD, _AHEAD_BYTES = 16, 32_000_000
_BISECTED_SAMPLES = 3
"""Runs whose inputs the cut graphs are given, too."""


def measure(asked: AskedDifference, hear: Hear) -> Difference:
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
        test = _opened(stack, lambda: Side(asked.test), "")
        kernels = f"the reference ({asked.reference.name} on one CPU thread, {_kernels_text(asked)}) cannot run: "
        reference = _opened(stack, lambda: Side(asked.reference), kernels)
        ranges = {name: (values[0], values[1]) for name, values in asked.ranges.items()}
        inputs = DocumentedInputs(test.backend.inputs, ranges)
        feed = _fed(test, reference)
        places = pair("output", test.backend.outputs, reference.backend.outputs)
        gathered = [
            GatheredErrors(spec, reference.backend.outputs[place])
            for spec, place in zip(test.backend.outputs, places, strict=True)
        ]
        first: list[list[Array]] = []
        began = told = time.perf_counter()
        # The inputs of further runs are drawn while the models run on these.
        with ThreadPoolExecutor(max_workers=1) as drawing:
            coming = deque(drawing.submit(inputs.next) for _ in range(_ahead(test.backend.inputs, asked.num_runs)))
            left = asked.num_runs - len(coming)
            for number in range(asked.num_runs):
                if time.perf_counter() - told > _TELL_EVERY_S:
                    told = time.perf_counter()
                    hear(Progressed("runs", number, asked.num_runs))
                drawn = coming.popleft().result()
                if left:
                    coming.append(drawing.submit(inputs.next))
                    left -= 1
                if asked.bisect and len(first) < _BISECTED_SAMPLES:
                    first.append(drawn)
                with inputs_explained(asked.test.model):
                    answer = test.answer(drawn)
                with inputs_explained(asked.reference.model, "the reference: "):
                    expected = reference.answer(feed(drawn))
                for errors, found, place in zip(gathered, answer, places, strict=True):
                    errors.add(found, expected[place])
        seconds = time.perf_counter() - began
        bisected: Bisected | None = None
        if asked.bisect:
            bisected = bisect(test, reference, first, asked.tolerance, hear)
        return Difference(
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


def _ahead(inputs: Sequence[TensorSpec], runs: int) -> int:
    """For how many runs inputs are drawn ahead: on a busy machine the thread that draws them has to wait for its turn."""
    size = max(1, sum(tensor.nbytes for tensor in inputs))
    return max(1, min(runs, _MOST_AHEAD, _AHEAD_BYTES // size))


def _opened(stack: ExitStack, make: Callable[[], Side], whose: str) -> Side:
    try:
        side = make()
    except (ModelRejected, BackendUnavailable) as error:
        if not whose:
            raise
        raise type(error)(f"{whose}{error}") from None
    stack.callback(side.close)
    return side


def _fed(test: Side, reference: Side) -> Callable[[Sequence[Array]], Sequence[Array]]:
    """From the test's inputs to the reference's."""
    places = pair("input", test.backend.inputs, reference.backend.inputs)
    converters = [
        converter(spec, reference.backend.inputs[place])
        for spec, place in zip(test.backend.inputs, places, strict=True)
    ]
    if not places:
        raise ConfigError(f"{test.subject.model} has no inputs, so there is nothing to feed it")

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


def _inputs_text(test: Side, ranges: dict[str, tuple[float, float]]) -> str:
    kinds = ", ".join(dict.fromkeys(spec.dtype.name for spec in test.backend.inputs))
    named = "".join(f"; {name} in {low:g} to {high:g}" for name, (low, high) in ranges.items())
    return f"the random {kinds} that TFLite's inference_diff draws with libstdc++{named}"
