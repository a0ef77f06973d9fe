"""The inputs and outputs of a model as its file has them, without opening it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends.base import ModelRejected, TensorSpec
from backends.litert.copies.signatures import choose_signature
from backends.litert.file.model_file import ModelFile, answers
from backends.litert.file.model_reader import read_model
from backends.litert.file.schema import HANDED_OVER_AS
from tasks.tensors.array_files import told_apart

_DTYPES = {"string": "object", **HANDED_OVER_AS}
"""Types that numpy has by another name, or that are unpacked for it."""


def described_inputs(model: ModelFile) -> list[TensorSpec]:
    """The inputs as the runtime would have them, with 1 for every open size, without opening the model."""
    names = model.main_input_names
    return [_described(model, index, names.get(index)) for index in model.main.inputs]


def described_outputs(model: ModelFile) -> list[TensorSpec]:
    """As `described_inputs`, of the outputs; what a shape turns out to be, only a run tells."""
    return [_described(model, answer.tensor, answer.name) for answer in model.main_answers]


def _described(model: ModelFile, index: int, name: str | None) -> TensorSpec:
    tensor = model.main.tensors[index]
    quantisation = tensor.quantisation
    one = quantisation is not None and len(quantisation.scales) == 1
    return TensorSpec(
        tensor.name if name is None else name,
        tuple(1 if size < 0 else size for size in tensor.declared_shape),
        np.dtype(_DTYPES.get(tensor.dtype, tensor.dtype)),
        scale=quantisation.scales[0] if quantisation and one else 0.0,
        zero_point=quantisation.zero_points[0] if quantisation and one and quantisation.zero_points else 0,
        stored_as=tensor.dtype if tensor.dtype in HANDED_OVER_AS else "",
    )


def output_names(path: Path, signature: str | None) -> tuple[str, ...] | None:
    """The names of a model's outputs, in order; of several of one name each with its place behind it, `y[1]`.

    Args:
        path: The file.
        signature: The one that runs, as the user named it; None leaves it to the file.

    Returns:
        None where the file is no model, or has no such signature: whoever opens it says why.
    """
    try:
        model = read_model(path)
        chosen = choose_signature(model, signature)
    except ModelRejected:
        return None
    graph = model.subgraphs[chosen.subgraph if chosen else 0]
    return tuple(told_apart([answer.name for answer in answers(graph, chosen)]))
