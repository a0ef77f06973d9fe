"""Names and what they stand for. Nothing is imported until it is asked for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from harness.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    # With them comes numpy, which a name does not need.
    from backends.base import Backend
    from tasks.base import Task

TASKS = {
    "classification": "tasks.classification:Classification",
    "detection": "tasks.detection:Detection",
    "keyword_spotting": "tasks.keyword_spotting:KeywordSpotting",
    "question_answering": "tasks.question_answering:QuestionAnswering",
    "segmentation": "tasks.segmentation:Segmentation",
    "super_resolution": "tasks.super_resolution:SuperResolution",
}


BACKENDS = {
    "cpu": "backends.cpu:open_cpu",
    "gpu": "backends.gpu:GpuBackend",
    "nnapi": "backends.nnapi:NnapiBackend",
    "edgetpu": "backends.edgetpu:EdgeTpuBackend",
    "npu": "backends.npu:NpuBackend",
    "external": "backends.external:ExternalBackend",
    "null": "backends.null:NullBackend",
}


BACKEND_ENTRY_POINTS = "tflite_loadgen.backends"


_NOT_OPTIONS = frozenset({"model", "threads", "input_shapes", "name"})
"""What the harness passes to a backend by itself."""


def task_class(name: str) -> type[Task]:
    """The task of this kind.

    Raises:
        UnknownName: No such kind.
    """
    if name not in TASKS:
        raise UnknownName("task kind", name, TASKS)
    return cast("type[Task]", _load(TASKS[name]))


def backend_class(name: str) -> type[Backend]:
    """The backend of this name: a built-in one, or a plug-in's.

    Raises:
        UnknownName: No such backend.
        ConfigError: A plug-in that cannot be imported.
    """
    if name in BACKENDS:
        return cast("type[Backend]", _load(BACKENDS[name]))
    from importlib import metadata

    for entry_point in metadata.entry_points(group=BACKEND_ENTRY_POINTS, name=name):
        try:
            return cast("type[Backend]", entry_point.load())
        except Exception as error:
            # Whatever a plug-in does when it is imported.
            raise ConfigError(
                f"backend {name!r} cannot be loaded from {entry_point.value}: {type(error).__name__}: {error}"
            ) from error
    raise UnknownName("backend", name, backend_names())


def check_backend_options(name: str, kind: type[Backend], options: Mapping[str, Any]) -> None:
    """Refuses options that the backend does not have, with a near miss where there is one.

    Raises:
        UnknownName: An option that its constructor does not take.
    """
    parameters = inspect.signature(kind).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for option in options:
        if option not in parameters or option in _NOT_OPTIONS:
            raise UnknownName(f"option of the {name} backend", option, set(parameters) - _NOT_OPTIONS)


def backend_names() -> list[str]:
    """All backends that can be named here, built-in and plug-in."""
    from importlib import metadata

    plug_ins = [entry_point.name for entry_point in metadata.entry_points(group=BACKEND_ENTRY_POINTS)]
    return [*BACKENDS, *plug_ins]


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
