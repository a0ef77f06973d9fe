"""A model's inputs and outputs, from what the runtime's Python tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import ModelRejected, TensorSpec
from backends.litert.file.model_file import ModelFile
from backends.litert.file.schema import HANDED_OVER_AS

_NOT_GIVEN = frozenset({"int2"})
"""Types of inputs that the runtime's Python has no way to write."""


def spec_of(detail: Mapping[str, Any], name: str | None, file: ModelFile) -> TensorSpec:
    """One tensor.

    Args:
        detail: As the runtime has it.
        name: In the signature that runs; None for the tensor's own.
        file: The model's.
    """
    told = detail["quantization_parameters"]  # "quantization" tells nothing of several scales, be they alike
    dtype, stored_as = np.dtype(detail["dtype"]), file.main.tensors[int(detail["index"])].dtype
    return TensorSpec(
        name=str(detail["name"]) if name is None else name,
        shape=tuple(int(size) for size in detail["shape"]),
        # Texts have any length, and numpy's `S` that of the longest.
        dtype=np.dtype(object) if dtype.kind == "S" else dtype,
        scale=float(next(iter(told["scales"]), 0.0)),
        zero_point=int(next(iter(told["zero_points"]), 0)),
        # Its type in the file, where numpy has none of it.
        stored_as=stored_as if stored_as in HANDED_OVER_AS else "",
    )


def refuse_unreadable(
    model: Path, details: Sequence[Mapping[str, Any]], inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> None:
    """Refuses inputs that cannot be given, and numbers of one tensor that stand for different values.

    Of the latter, the best of a model's scores is not the highest of its bytes.

    Args:
        model: The file, for the message.
        details: As the runtime has them: of the inputs, then of the outputs.
        inputs: Read from them.
        outputs: Likewise.

    Raises:
        ModelRejected: There is one.
    """
    if odd := [tensor for tensor in inputs if tensor.stored_as in _NOT_GIVEN]:
        raise ModelRejected(f"{model}: input {odd[0].name} is {odd[0].stored_as}, which the runtime cannot be given")
    for detail, tensor in zip(details, (*inputs, *outputs), strict=True):
        told = detail["quantization_parameters"]
        if len(set(told["scales"].tolist())) > 1 or len(set(told["zero_points"].tolist())) > 1:
            raise ModelRejected(
                f"{model}: {tensor.name}, which goes in or comes out, has {len(told['scales'])} scales, one for each place on "
                f"axis {told['quantized_dimension']}. TFLite knows that of weights alone, and its numbers cannot be read with "
                "one scale: export the model with one scale for it, or with floats"
            )
