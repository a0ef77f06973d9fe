"""Names of tasks and backends, and what stands behind each."""

from __future__ import annotations

import inspect
import re
import sys
from importlib import metadata
from typing import Any

import pytest

from backends.base import Backend
from backends.cpu import open_cpu
from backends.null import NullBackend
from harness.config.registry import (
    BACKEND_ENTRY_POINTS,
    BACKENDS,
    TASK_ENTRY_POINTS,
    TASKS,
    BackendKind,
    backend_kind,
    backend_names,
    is_task,
    task_class,
    task_names,
)
from harness.errors import ConfigError, UnknownName
from tasks.base import MetricKind
from tasks.tensors.task import Tensors


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_that_is_named_is_a_class_with_options(name: str) -> None:
    kind = task_class(name)
    assert inspect.isclass(kind)
    assert kind.__name__.casefold() == name.replace("_", "")
    assert kind.Options.__dataclass_fields__


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_every_backend_that_is_named_takes_what_the_harness_passes(name: str) -> None:
    parameters = inspect.signature(backend_kind(name).open).parameters
    assert next(iter(parameters)) == "model"
    assert "threads" in parameters
    assert "input_shapes" in parameters


def test_a_task_and_a_backend_that_nobody_knows_are_refused_with_a_near_name() -> None:
    with pytest.raises(UnknownName, match=r"unknown task kind 'detektion'; did you mean 'detection'\?"):
        task_class("detektion")
    with pytest.raises(UnknownName, match=r"unknown backend 'gpuu'; did you mean 'gpu'\?"):
        backend_kind("gpuu")


@pytest.mark.parametrize(
    ("backend", "option", "value", "said"),
    [
        ("cpu", "xnnpack", "maybe", "option xnnpack of the cpu backend is 'maybe', but must be true or false"),
        ("cpu", "reference_kernels", 1, "must be true or false"),
        ("cpu", "xnnpack_flags", "all", "must be a whole number"),
        ("cpu", "engine", "Compiled", "must be one of auto, Interpreter, CompiledModel"),
        ("gpu", "precision", "fp8", "must be one of fp32, fp16"),
        ("gpu", "cpu_fallback", "nein", "must be true or false"),
        ("external", "xnnpack", "off course", "must be true or false"),
        ("nnapi", "allow_fp16", 2, "must be true or false"),
    ],
)
def test_a_value_that_an_option_of_a_backend_cannot_have_is_refused(
    backend: str, option: str, value: object, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        backend_kind(backend).check_options({option: value})
    backend_kind("cpu").check_options({"xnnpack": False, "xnnpack_flags": None, "weight_cache": True})


def _installed(monkeypatch: pytest.MonkeyPatch, target: str, group: str = BACKEND_ENTRY_POINTS) -> None:
    """A plug-in of the name `ours`, as an installed package would bring it."""
    entry = metadata.EntryPoint("ours", target, group)

    def entry_points(**wanted: str) -> list[metadata.EntryPoint]:
        return [entry] if wanted["group"] == entry.group and wanted.get("name", entry.name) == entry.name else []

    monkeypatch.setattr(metadata, "entry_points", entry_points)


def test_a_plug_in_is_found_beside_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, "backends.null:NullBackend")
    assert backend_kind("ours").open is NullBackend
    assert backend_names() == [*BACKENDS, "ours"]


def test_a_plug_in_cannot_take_the_place_of_a_built_in_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = metadata.EntryPoint("cpu", "backends.null:NullBackend", BACKEND_ENTRY_POINTS)
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [entry])
    assert backend_kind("cpu").open is open_cpu


@pytest.mark.parametrize(
    ("target", "why"),
    [("no_such_module_here:Backend", "ModuleNotFoundError"), ("backends.null:NoSuchClass", "AttributeError")],
)
def test_a_plug_in_that_cannot_be_imported_is_the_users_to_fix(
    target: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(monkeypatch, target)
    with pytest.raises(ConfigError, match=rf"backend 'ours' cannot be loaded from {target}: {why}"):
        backend_kind("ours")


class _Takes:
    def __init__(self, model: Any, *, threads: int, input_shapes: Any = None, speed: int = 1) -> None:
        """As a plug-in would have it."""


class _TakesAll(_Takes):
    def __init__(self, model: Any, **_: Any) -> None:
        """As a plug-in would have it that hands its options on."""


def _ours(opens: Any) -> BackendKind:
    return BackendKind("ours", opens, Backend.spread, Backend.info_without_model)


def test_a_plug_in_that_opens_nothing_is_the_users_to_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, "backends.gpu:PRECISIONS")
    with pytest.raises(ConfigError, match=r"backend 'ours' is \('fp32', 'fp16'\) in backends\.gpu:PRECISIONS: a class"):
        backend_kind("ours")


class _Broken(Tensors):
    @classmethod
    def metric_kinds(cls, options: Any) -> Any:
        raise ZeroDivisionError("no kinds")


class _Named(Tensors):
    @classmethod
    def metric_kinds(cls, options: Any) -> Any:
        return ["near"]


class _Percent(Tensors):
    @classmethod
    def metric_kinds(cls, options: Any) -> Any:
        return [MetricKind("near", "percent")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (_Broken, "its metric_kinds break: ZeroDivisionError: no kinds"),
        (_Named, "its metric_kinds hold 'near': tasks.base.MetricKind is wanted"),
        (_Percent, "its metric_kinds say that near counts in 'percent': choose one of share, dB, count"),
    ],
)
def test_what_a_package_s_task_says_of_its_metrics_is_checked_before_anything_runs(
    kind: type[Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(monkeypatch, f"{__name__}:{kind.__name__}", TASK_ENTRY_POINTS)
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda _: kind)
    with pytest.raises(ConfigError, match=re.escape(why)):
        task_class("ours")


def test_a_package_that_ends_the_program_when_it_is_imported_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(_: object) -> None:
        sys.exit(0)

    _installed(monkeypatch, "somewhere:Task", TASK_ENTRY_POINTS)
    monkeypatch.setattr(metadata.EntryPoint, "load", leave)
    with pytest.raises(ConfigError, match=r"task 'ours' cannot be loaded from somewhere:Task: SystemExit: 0"):
        task_class("ours")


def test_instances_have_a_device_each_where_the_backend_s_class_says_so_and_a_function_has_one() -> None:
    options = {"devices": ["usb:0", "usb:1"]}
    assert backend_kind("edgetpu").spread(options) == [{"device": "usb:0"}, {"device": "usb:1"}]
    assert backend_kind("cpu").spread(options) == [options]
    assert backend_kind("cpu").info_without_model() is None


def test_an_option_that_a_backend_takes_is_let_through_and_any_other_refused() -> None:
    _ours(_Takes).check_options({"speed": 2})
    with pytest.raises(UnknownName, match=r"unknown option of the ours backend 'sped'; did you mean 'speed'\?"):
        _ours(_Takes).check_options({"sped": 2})
    for own in ("model", "threads", "input_shapes"):
        with pytest.raises(UnknownName, match=f"unknown option of the ours backend '{own}'"):
            _ours(_Takes).check_options({own: 2})


def test_a_backend_that_takes_any_option_is_asked_for_none() -> None:
    _ours(_TakesAll).check_options({"anything": 1})
    with pytest.raises(UnknownName):
        _ours(_Takes).check_options({"anything": 1})


def test_a_package_brings_a_kind_of_task_beside_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, "tasks.tensors.task:Tensors", TASK_ENTRY_POINTS)
    assert task_class("ours") is task_class("tensors")
    assert task_names() == [*TASKS, "ours"]
    assert is_task("ours")
    assert not is_task("theirs")
    with pytest.raises(UnknownName, match=r"unknown task kind 'oursn'; did you mean 'ours'\?"):
        task_class("oursn")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no_such_module_here:Task", "cannot be loaded from no_such_module_here:Task: ModuleNotFoundError"),
        ("backends.null:NullBackend", "a class of tasks.base.Task is wanted"),
        ("tasks.base:UNITS", "a class of tasks.base.Task is wanted"),
        (
            "tasks.base:Task",
            "does not say __init__, __len__, check_truth, codec, describe_data, score, Options, headline",
        ),
    ],
)
def test_a_package_that_brings_no_task_is_named_with_what_is_wrong(
    target: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(monkeypatch, target, TASK_ENTRY_POINTS)
    with pytest.raises(ConfigError, match="task 'ours'") as refused:
        task_class("ours")
    assert why in str(refused.value)
