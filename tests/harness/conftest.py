"""A run's instances, opened in the test's own process; the page it shares, and what LoadGen is told, without LoadGen."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.config.files import find_benchmark, read_config
from harness.machine.control import Control, control_file
from harness.serving.instances import Instances
from harness.spec.resolve import resolve
from harness.spec.task import open_task

Make = Callable[..., Instances]
_ABORTS = """
import os, sys
from backends.base import ModelRejected
from backends.cpu import CpuBackend
opened = CpuBackend.__init__
def open(self, model, *, xnnpack=True, **more):
    if not xnnpack and {without!r} == "refuses":
        raise ModelRejected("the kernels refuse it")
    if xnnpack or {without!r} == "aborts":
        print("XNNPACK: assertion failed: a stride of 0", file=sys.stderr, flush=True)
        os.abort()
    opened(self, model, xnnpack=xnnpack, **more)
CpuBackend.__init__ = open
"""


@pytest.fixture
def control() -> Iterator[Control]:
    with control_file() as page:
        yield Control(page.fileno())


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """Query ids and answers in the order in which LoadGen would get them; without an answer, b""."""
    found: list[tuple[int, bytes]] = []

    def complete(responses: Sequence[Any]) -> None:
        found.extend((each.id, ctypes.string_at(each.data, each.size) if each.size else b"") for each in responses)

    monkeypatch.setattr("mlperf_loadgen.QuerySamplesComplete", complete)
    return found


@pytest.fixture
def instances(keyword_model: Path, keyword_data: Path, tmp_path: Path, control: Control) -> Make:
    """Opens a keyword model for a run with these fields of the config: `instances(("backend.name", "null"))`."""

    def make(*fields: tuple[str, Any], model: Path = keyword_model) -> Instances:
        given = [("model.use", str(model)), ("dataset.use", str(keyword_data)), *fields]
        spec = resolve(read_config(find_benchmark("kws")), given, tmp_path)
        return Instances(spec, open_task(spec.task, spec.options, spec.dataset), control)

    return make


@pytest.fixture
def aborting(
    tmp_path: Path, environment: dict[str, str]
) -> Callable[[Literal["runs", "aborts", "refuses"]], dict[str, str]]:
    """Environment in which the CPU's interpreter aborts while it loads a model with XNNPACK, and what it does without."""

    def install(without: Literal["runs", "aborts", "refuses"]) -> dict[str, str]:
        site = tmp_path / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(_ABORTS.format(without=without), encoding="utf-8")
        return {"PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(site)])}

    return install
