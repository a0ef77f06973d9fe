"""What to say of a model that does not run on inputs that nobody chose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.base import ModelRejected
from backends.litert.loading import first_line


@contextmanager
def inputs_explained(model: Path, whose: str = "") -> Iterator[None]:
    """A failure of the runtime in the body as a refusal, with what to do.

    Args:
        model: The file.
        whose: Which side it is, where there are two.

    Raises:
        ModelRejected: The runtime does not run it; the message holds its reason.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        reason = first_line(error).rstrip(".")
        raise ModelRejected(
            f"{whose}{model} does not run on the random inputs that it is given: {reason}. Where an input holds ids or "
            "indices, say which there are: --input_layer_value_range NAME,LOW,HIGH (./run.sh inspect names the inputs)"
        ) from None
