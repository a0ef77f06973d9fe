"""Whether a model answers what it was asked before as it did then.

What a model keeps from one run to the next is told from its file (`backends.litert.file.hidden_state`), but custom ops,
delegates and plug-ins keep what they like, and a random op without a seed is another one each time it is opened. So it is
tried, before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backends.base import Array, BackendInfo, ModelRejected, TensorSpec
from harness.model.comparison import Comparison

Compare = Callable[[Sequence[TensorSpec], list[Sequence[Array]], list[Sequence[Array]]], Comparison]
"""By the task's tolerance: `harness.model.parity.ParityRule.compare`."""


def otherwise(
    info: BackendInfo, outputs: Sequence[TensorSpec], first: Sequence[Array], again: Sequence[Array], compare: Compare
) -> str:
    """How a second answer to the same differs from the first.

    Args:
        info: Who answered: the CPU's interpreter to the last bit, anything else by the tolerance.
        outputs: The model's.
        first: An answer of a model that had not been asked before.
        again: An answer to the same, after another.
        compare: Of what is not the CPU's.

    Returns:
        What differs; "" for nothing.
    """
    if info.name != "cpu":
        return "; ".join(compare(outputs, [first], [again]).why)
    for spec, one, other in zip(outputs, first, again, strict=True):
        if not _same(one, other):
            shown = ", then ".join(
                np.array2string(array.ravel()[:3], threshold=3, precision=6) for array in (one, other)
            )
            return f"output {spec.name} begins with {shown}"
    return ""


def _same(one: Array, other: Array) -> bool:
    """To the last bit of a float, which an order of additions may turn."""
    if one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(one - other) <= np.spacing(np.maximum(np.abs(one), np.abs(other)))
    return bool(np.all(near | (one == other) | (np.isnan(one) & np.isnan(other))))


def refuse_unseeded(model: object, ops: Sequence[str], advice: str) -> None:
    """Refuses a model whose ops draw without a seed: its samples need not reach them, and two answers differ by chance alone.

    Args:
        model: Its file.
        ops: See `HiddenState.unseeded`.
        advice: What that means here, and what to do.

    Raises:
        ModelRejected: There are such ops.
    """
    if ops:
        raise ModelRejected(
            f"{model} draws random numbers ({', '.join(ops)}), which differ each time that it is opened: the op has no seed. "
            f"{advice}"
        )


def why_refused(model: object, kept: str, differs: str, *, resets: bool, draws: bool) -> str:
    """What to say of a model whose second answer to the same is another.

    Args:
        model: Its file.
        kept: What it is known to keep.
        differs: See `otherwise`.
        resets: Whether that was put back in between.
        draws: Whether it draws random numbers.
    """
    because = (
        "it keeps something from one run to the next that its file does not tell of, and that nothing here can put back"
    )
    if draws:
        because = f"it keeps {kept}, which differ each time that it is opened: the op has no seed"
    elif resets:
        because = f"it keeps {kept}, which was put back, and something more that its file does not tell of"
    return (
        f"{model} answers the same sample otherwise when it is asked again, so nothing was timed: {differs}. As it seems, "
        f"{because}. --state keep lets it live on, in one instance, and says so in the result."
    )
