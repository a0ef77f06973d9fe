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
