"""The five fields that say how a model came to be, as far as its file and the harness tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backends.base import ModelRejected
from backends.litert.file.model_reader import read_model
from harness.submission.forms.runs import SubmittedRun

NOT_TOLD = "not told"
"""Of what no file tells, and nobody said."""
_SHORT = {"float32": "fp32", "float16": "fp16"}
_STANDIN = "yes: a stand-in of the same architecture, with weights of this harness's own"


@dataclass(frozen=True, slots=True)
class FileTypes:
    """Of a model's file."""

    inputs: str
    weights: str


def five_fields(run: SubmittedRun, told: Mapping[str, str]) -> dict[str, str]:
    """measurements.json.

    Args:
        run: A run of the model.
        told: What the user said of it, by field.
    """
    model, types = run.result.model, _types(Path(run.result.model.path))
    found = {
        "input_data_types": types.inputs,
        "retraining": {"official": "no", "standin": _STANDIN}.get(model.source, NOT_TOLD),
        "starting_weights_filename": Path(model.path).name,
        "weight_data_types": types.weights,
        "weight_transformations": model.modified or ("no" if model.source != "file" else NOT_TOLD),
    }
    return found | dict(told)


def _types(path: Path) -> FileTypes:
    """Inputs of the first graph; the weights' types by their bytes, those of less than a hundredth left out."""
    try:
        model = read_model(path)
    except (ModelRejected, OSError):
        return FileTypes(NOT_TOLD, NOT_TOLD)
    weights: Counter[str] = Counter()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            weights[tensor.dtype] += tensor.stored_bytes
    most = sum(weights.values())
    kept = [name for name, size in weights.most_common() if most and size > most / 100]
    return FileTypes(_named(dict.fromkeys(one.dtype for one in model.main.input_tensors)), _named(kept))


def _named(types: Iterable[str]) -> str:
    return ", ".join(_SHORT.get(name, name) for name in types) or NOT_TOLD
