"""What `bench` is asked, as the tool's flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench.session import BenchCase, Settings
from harness.config.backend import BackendSection, parse_backend
from harness.config.invocation import Invocation
from harness.devices.tool_flags import flags_of
from harness.errors import ConfigError
from harness.model.subject import Subject


def _flags(
    backend: str, settings: Settings | None = None, *, full: float | None = None, **invocation: object
) -> set[str]:
    fields: dict[str, object] = {"options": {}, "require_full": full}
    for name, value in parse_backend(backend):
        place, _, option = name.removeprefix("backend.").partition(".")
        if option:
            fields["options"] = {**fields["options"], option: value}  # type: ignore[dict-item]
        else:
            fields[place] = value
    section = BackendSection.model_validate(fields).model_dump(mode="json")
    subject = Subject(
        Path("m"), "0", "m", "file", section, Invocation.model_validate(invocation).model_dump(), 4, Path()
    )
    return set(flags_of(BenchCase(subject, backend), settings or Settings()))


@pytest.mark.parametrize(
    ("backend", "flags"),
    [
        ("cpu", {"--num_threads=4", "--num_runs=50", "--min_secs=1.0"}),
        ("cpu:xnnpack=false", {"--use_xnnpack=false"}),
        ("gpu:precision=fp16", {"--use_gpu=true", "--gpu_precision_loss_allowed=true"}),
        ("gpu", {"--gpu_precision_loss_allowed=false"}),
        ("nnapi:accelerator_name=a b,allow_fp16=true", {"--nnapi_accelerator_name=a b", "--nnapi_allow_fp16=true"}),
        (
            "external:/vendor/lib.so,a=1,b=2",
            {"--external_delegate_path=/vendor/lib.so", "--external_delegate_options=a:1;b:2"},
        ),
    ],
)
def test_a_backend_is_what_the_tool_calls_so(backend: str, flags: set[str]) -> None:
    assert flags <= _flags(backend)


def test_shapes_ranges_and_full_delegation_are_told_as_the_tool_wants_them() -> None:
    found = _flags(
        "gpu", Settings(ranges={"b": (0, 9)}), full=1.0, input_shapes={"a": (1, 2), "b": (1, 3)}, signature="it's"
    )
    assert {
        "--input_layer=a,b",
        "--input_layer_shape=1,2:1,3",
        "--input_layer_value_range=b,0,9",
        "--require_full_delegation=true",
        "--signature_to_run_for=it's",
    } <= found


@pytest.mark.parametrize(
    ("backend", "settings", "says"),
    [
        ("edgetpu", Settings(), "has cpu, gpu, nnapi, external, not edgetpu"),
        ("cpu:engine=CompiledModel", Settings(), "no option engine of cpu"),
        ("external:./lib.so", Settings(), "whole path on the device"),
        ("cpu", Settings(files={"a": Path("a")}), "not there on a device"),
        ("cpu", Settings(ranges={"a": (0, 1)}), "by --input-shape"),
    ],
)
def test_what_the_tool_does_not_have_is_refused(backend: str, settings: Settings, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        _flags(backend, settings)
