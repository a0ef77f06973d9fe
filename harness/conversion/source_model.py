"""What a .tflite file is, before anything is made of it: float, quantised a tensor in uint8, or what cannot be converted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from backends.litert.file.custom_ops import explain_foreign_ops
from backends.litert.file.model_file import FileTensor, ModelFile
from backends.litert.file.model_reader import read_model
from harness.conversion.record import SourceKind
from harness.errors import ConfigError

_WHOLE = frozenset({"int8", "uint8", "int16", "int4", "int2"})
_HALF = "float16"


def kind_of(path: Path, called: Path | None = None) -> SourceKind:
    """What may be made of a model file.

    Args:
        path: Of the file.
        called: What the user knows it by, where it was made of that; None for the file itself.

    Raises:
        ModelRejected: The file is no model, cut or corrupt.
        ConfigError: It has ops that no kernel runs, or is quantised already, and not in uint8.
    """
    model = read_model(path)
    if why := explain_foreign_ops(path):
        raise ConfigError(f"{called or path} cannot be converted: {why}")
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    whole = [tensor for tensor in tensors if tensor.dtype in _WHOLE and is_quantised(tensor)]
    if not whole and not (halves := [tensor for tensor in tensors if tensor.constant and tensor.dtype == _HALF]):
        return "float"
    if whole and all(tensor.dtype == "uint8" for tensor in whole) and _is_uint8(model):
        return "uint8"
    found = whole[0] if whole else halves[0]
    kinds = ", ".join(sorted({tensor.dtype for tensor in whole or halves}))
    which = f"{len(whole or halves)} tensors of {kinds}, the first is {found.name!r}"
    raise ConfigError(
        f"{called or path} is quantised already ({which}): quantise the float model that it was made of. Only models that are "
        "uint8 throughout are taken, with --to int8"
    )


def is_quantised(tensor: FileTensor) -> bool:
    """Whether a tensor's integers stand for real values."""
    quantisation = tensor.quantisation
    return quantisation is not None and bool(quantisation.scales or quantisation.blockwise)


def weights_made_small(tensors: Iterable[FileTensor]) -> list[FileTensor]:
    """Constants that are integers with scales, or half floats; biases of 32 bits are none."""
    return [
        tensor
        for tensor in tensors
        if tensor.constant and (tensor.dtype == _HALF or (tensor.dtype in _WHOLE and is_quantised(tensor)))
    ]


def _is_uint8(model: ModelFile) -> bool:
    return any(tensor.dtype == "uint8" for tensor in model.main.input_tensors)
