"""What to say of a model that does not run on inputs that nobody chose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backends.base import ModelRejected
from backends.litert.loading import first_line

TOOLS_OPTION = "--input_layer_value_range NAME,LOW,HIGH"
"""How TFLite's tools have a range."""
RUN_OPTION = "--input-range NAME=LO,HI"
"""How a run has one."""


def fed_nothing(inputs: Iterable[tuple[str, Sequence[int]]]) -> list[str]:
    """What must be known of inputs (name and shape) that take no values at all."""
    return [
        f"input {name} takes no values, {list(shape)}: the model runs on nothing there, which says little of one that is fed. "
        "Was it converted with a size of 0 for one that is open?"
        for name, shape in inputs
        if 0 in shape
    ]


@contextmanager
def inputs_explained(model: Path, whose: str = "", option: str = TOOLS_OPTION) -> Iterator[None]:
    """A failure of the runtime in the body as a refusal, with what to do.

    Args:
        model: The file.
        whose: Which side it is, where there are two.
        option: What states the range of an input.

    Raises:
        ModelRejected: The runtime does not run it; the message holds its reason.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        reason = first_line(error).rstrip(".")
        raise ModelRejected(
            f"{whose}{model} does not run on the random inputs that it is given: {reason}. Where an input holds ids or "
            f"indices, say which there are: {option} (./run.sh inspect names the inputs)"
        ) from None
