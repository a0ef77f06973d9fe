"""What a model's file says of itself beside its graph, laid under what a config says: nobody else is asked for it then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from accuracy.truth.class_names import names_in_model
from backends.base import ModelRejected
from backends.litert.copies.signatures import choose_signature
from backends.litert.file.metadata import InputNormalisation, input_normalisations
from backends.litert.file.model_reader import read_model
from harness.spec.schema import Spec

_FLOATS = ("float32", "float16")


def with_told(options: Any, path: Path, signature: str | None) -> Any:
    """The options of a task with what the file tells: how pixels become its input, and the names of its classes.

    Args:
        options: The task's; what they name stays.
        path: The model.
        signature: The one that runs, as the user named it.
    """
    if getattr(options, "file_mean", 0) is None and (told := _normalisation(path, signature)):
        options = replace(options, file_mean=_per_channel(told.mean), file_std=_per_channel(told.std))
    unnamed = getattr(options, "packed_names", path) is None and options.class_names is None
    if unnamed and names_in_model(path) is not None:
        options = replace(options, packed_names=path)
    return options


def untold_pixels(spec: Spec) -> list[str]:
    """That a float model of the user's own was scored on pixels in a range that neither its file nor the config names."""
    names = ("mean", "std", "float_range", "file_mean")
    untold = all(name in spec.options and spec.options[name] is None for name in names)
    if not untold or spec.model.source != "file" or spec.load.mode != "accuracy":
        return []
    try:
        model = read_model(spec.model.path)
        chosen = choose_signature(model, spec.model.invocation.signature)
    except ModelRejected:
        return []  # whoever opens it says why
    takes = model.subgraphs[chosen.subgraph if chosen else 0].input_tensors
    if [tensor.dtype in _FLOATS for tensor in takes] != [True]:
        return []
    taken = "0..255" if spec.task == "super_resolution" else "-1..1"
    return [
        f"neither the config nor the model's file says in which range its float input takes pixels, and {taken} was taken: a "
        "model made for another scores wrongly. Say it with model.float_range=-1..1, 0..1 or 0..255, or model.mean and "
        "model.std"
    ]


def _normalisation(path: Path, signature: str | None) -> InputNormalisation | None:
    """Of the one input; None where there are more, or nothing that pictures of one or three channels can have is said."""
    try:
        chosen = choose_signature(read_model(path), signature)
        found = input_normalisations(path, chosen.subgraph if chosen else 0)
    except ModelRejected:
        return None  # whoever opens it says why
    told = found[0] if len(found) == 1 else None
    return told if told is not None and len(told.mean) in (1, 3) else None


def _per_channel(values: tuple[float, ...]) -> float | tuple[float, ...]:
    return values[0] if len(set(values)) == 1 else values
