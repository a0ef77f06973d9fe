"""Names and what they stand for. Nothing is imported until it is asked for."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin, get_type_hints

from harness.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    # With them comes numpy, which a name does not need.
    from backends.base import BackendInfo, OpensBackend
    from harness.config.schema import Benchmark
    from tasks.base import MetricKind, Task

TASKS = {
    "anomaly_detection": "tasks.anomaly_detection:AnomalyDetection",
    "classification": "tasks.classification:Classification",
    "detection": "tasks.detection:Detection",
    "keyword_spotting": "tasks.keyword_spotting:KeywordSpotting",
    "landmarks": "tasks.landmarks:Landmarks",
    "question_answering": "tasks.question_answering:QuestionAnswering",
    "segmentation": "tasks.segmentation:Segmentation",
    "wake_word": "tasks.wake_word:WakeWord",
    "yolo_detection": "tasks.yolo_detection:YoloDetection",
    "super_resolution": "tasks.super_resolution:SuperResolution",
    "tensors": "tasks.tensors.task:Tensors",
}
ANY_MODEL = "tensors"
"""The task of every model, whatever its tensors are."""
TASK_ENTRY_POINTS = "tflite_loadgen.tasks"


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
        ConfigError: A plug-in that cannot be imported, or brings no task.
    """
    if name in TASKS:
        return cast("type[Task]", _load(TASKS[name]))
    from importlib import metadata

    for entry_point in metadata.entry_points(group=TASK_ENTRY_POINTS, name=name):
        return _checked_task(name, entry_point.value, _of_plug_in("task", entry_point))
    raise UnknownName("task kind", name, task_names())


def metric_kinds_of(benchmark: Benchmark) -> tuple[MetricKind, ...]:
    """All metrics that a benchmark's task may give by the options that its config names, the user's own among them.

    Raises:
        UnknownName: No such kind of task.
        ConfigError: A plug-in that cannot be imported, or brings no task.
        MetricUnusable: A metric of the user's own that is not here.
    """
    options = {**(benchmark.model.model_extra or {}), **(benchmark.dataset.model_extra or {})}
    return task_class(benchmark.task).metric_kinds(options)


def is_task(name: str) -> bool:
    """Whether this is a kind of task. Packages are asked only for what is none of ours, since that takes 20 ms."""
    return name in TASKS or name in plug_in_tasks()


def task_names() -> list[str]:
    """All kinds of task that can be named here, built-in and plug-in."""
    return [*TASKS, *plug_in_tasks()]


def plug_in_tasks() -> list[str]:
    """Those that installed packages bring. A built-in kind keeps its name."""
    from importlib import metadata

    found = {entry_point.name for entry_point in metadata.entry_points(group=TASK_ENTRY_POINTS)}
    return sorted(found - TASKS.keys())


def _checked_task(name: str, where: str, found: Any) -> type[Task]:
    """What a plug-in calls a task, if it is one."""
    from tasks.base import Task

    if not isinstance(found, type) or not issubclass(found, Task):
        raise ConfigError(f"task {name!r} is {found!r} in {where}: a class of tasks.base.Task is wanted")
    lacking = sorted(getattr(found, "__abstractmethods__", ()))
    lacking += [attribute for attribute in ("Options", "headline") if not hasattr(found, attribute)]
    if lacking:
        raise ConfigError(f"task {name!r} of {where} does not say {', '.join(lacking)}: see tasks.base.Task")
    if not dataclasses.is_dataclass(found.Options):
        raise ConfigError(f"task {name!r} of {where}: its Options must be a frozen dataclass")
    if wrong := _wrong_metrics(found):
        raise ConfigError(f"task {name!r} of {where}: its metric_kinds {wrong}")
    return found


def _wrong_metrics(found: type[Task]) -> str:
    """What is wrong with what a task says of its metrics; targets and requirements are read by it before anything runs."""
    from tasks.base import UNITS, MetricKind

    try:
        kinds = tuple(found.metric_kinds({}))
    except (Exception, SystemExit) as error:
        return f"break: {type(error).__name__}: {error}"
    for kind in kinds:
        if not isinstance(kind, MetricKind):
            return f"hold {kind!r}: tasks.base.MetricKind is wanted"
        if kind.unit not in UNITS:
            return f"say that {kind.name} counts in {kind.unit!r}: choose one of {', '.join(UNITS)}"
    return ""


def _of_plug_in(kind: str, entry_point: EntryPoint) -> Any:
    try:
        return entry_point.load()
    except (Exception, SystemExit) as error:
        # Whatever a plug-in does when it is imported; to end the program is not its affair.
        name, where = entry_point.name, entry_point.value
        raise ConfigError(f"{kind} {name!r} cannot be loaded from {where}: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class BackendKind:
    """A backend that can be named: built-in, or a plug-in's."""

    name: str
    open: OpensBackend
    spread: Callable[[Mapping[str, Any]], list[dict[str, Any]]]
    """See `Backend.spread`."""
    info_without_model: Callable[[], BackendInfo | None]
    """See `Backend.info_without_model`."""

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Refuses options that the backend does not have, with a near miss where there is one, and values of another type.

        Raises:
            UnknownName: An option that it does not take.
            ConfigError: A value that its annotation rules out: any word would be true for a bool.
        """
        parameters = inspect.signature(self.open).parameters
        hints = _hints(self.open)
        for option, value in options.items():
            if (wanted := _wanted(hints.get(option), value)) is not None:
                raise ConfigError(f"option {option} of the {self.name} backend is {value!r}, but must be {wanted}")
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return
        for option in options:
            if option not in parameters or option in _NOT_OPTIONS:
                raise UnknownName(f"option of the {self.name} backend", option, set(parameters) - _NOT_OPTIONS)


def _hints(found: Any) -> Mapping[str, Any]:
    """The types of what opens a backend, by parameter; nothing where they cannot be told, as a plug-in's may be."""
    try:
        return get_type_hints(getattr(found, "__init__") if isinstance(found, type) else found)  # noqa: B009
    except Exception:
        # Names that are imported for the type checker alone, and whatever a plug-in annotates with.
        return {}


def _wanted(hint: Any, value: Any) -> str | None:
    """What a value of this type must be, where it is not; types other than these are the backend's own affair."""
    choices = get_args(hint)
    if get_origin(hint) is Literal:
        return None if value in choices else f"one of {', '.join(map(str, choices))}"
    if type(None) in choices:
        if value is None:
            return None
        choices = tuple(choice for choice in choices if choice is not type(None))
        hint = choices[0] if len(choices) == 1 else None
    if hint is bool:
        return None if isinstance(value, bool) else "true or false"
    if hint is int:
        return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
    if hint is float:
        return None if isinstance(value, int | float) and not isinstance(value, bool) else "a number"
    return None


def backend_kind(name: str) -> BackendKind:
    """The backend of this name.

    Raises:
        UnknownName: No such backend.
        ConfigError: A plug-in that cannot be imported, or opens nothing.
    """
    if name in BACKENDS:
        return _kind(name, BACKENDS[name], _load(BACKENDS[name]))
    from importlib import metadata

    for entry_point in metadata.entry_points(group=BACKEND_ENTRY_POINTS, name=name):
        return _kind(name, entry_point.value, _of_plug_in("backend", entry_point))
    raise UnknownName("backend", name, backend_names())


def _kind(name: str, where: str, found: Any) -> BackendKind:
    from backends.base import Backend

    if not callable(found):
        raise ConfigError(f"backend {name!r} is {found!r} in {where}: a class of backends.base.Backend is wanted")
    # A function chooses between classes: its instances have one device between them.
    of = found if isinstance(found, type) and issubclass(found, Backend) else Backend
    return BackendKind(name, found, of.spread, of.info_without_model)


def backend_names() -> list[str]:
    """All backends that can be named here, built-in and plug-in."""
    from importlib import metadata

    plug_ins = [entry_point.name for entry_point in metadata.entry_points(group=BACKEND_ENTRY_POINTS)]
    return [*BACKENDS, *plug_ins]


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
