"""Models timed on an Android device: a real adb and its server, a device of the tests, a tool that prints as the real one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.bench.session import BenchCase, Settings
from harness.commands.elsewhere.on_device import bench_there
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.devices.adb import FOLDER
from harness.devices.bench import AskedOfDevice, DeviceBench, bench_on_device
from harness.devices.report import render
from harness.devices.target import AdbTarget
from harness.errors import ConfigError, RunFailed
from harness.model.subject import Subject
from harness.zoo.files.official import hash_file
from tests.harness.devices.conftest import Device, program

Bench = Callable[..., DeviceBench]


@pytest.fixture
def case(keyword_model: Path, tmp_path: Path) -> Callable[..., BenchCase]:
    """A model whose path a shell must not see unquoted, behind a backend: case(backend, **section)."""
    model = tmp_path / "a 'model' $(touch x).tflite"
    shutil.copy(keyword_model, model)

    def made(asked: str = "cpu", **section: object) -> BenchCase:
        fields = BackendSection.model_validate(section).model_dump(mode="json")
        shapes = Invocation().model_dump(mode="json")
        return BenchCase(
            Subject(model, hash_file(model).sha256, model.stem, "file", fields, shapes, 2, tmp_path), asked
        )

    return made


def test_the_tools_figures_come_back_named_as_not_loadgens_and_files_are_sent_once(
    device: Device, tool: Path, case: Callable[..., BenchCase], capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = hash_file(tool).sha256
    asked = AskedOfDevice(AdbTarget(device.serial), tool, sha256, "1")
    outcome = bench_there(asked, [case(), case("gpu", name="gpu")], Settings(num_runs=3), form="table", quiet=True)
    assert (outcome.status, outcome.complaint) == (0, "")
    assert outcome.data["measured_by"].startswith("benchmark_model's own clock on the device: not from LoadGen")
    assert (outcome.data["device"]["soc"], outcome.data["device"]["api_level"]) == ("QTI SM8550", 34)
    before = {"thermal_status": 2, "battery_percent": 81, "battery_celsius": 31.2, "plugged_in": True}
    assert outcome.data["before"] == before
    assert outcome.data["tool"] == {"path": str(tool), "size_bytes": tool.stat().st_size, "sha256": sha256}
    cpu, gpu = outcome.data["rows"]
    assert cpu["found"]["latency"]["mean"] == pytest.approx(2_942_270)
    assert cpu["found"]["latency"]["runs"] == 337
    assert cpu["found"]["warm_up"]["runs"] == 153
    assert cpu["command"][:2] == ["taskset", "1"]
    assert gpu["found"]["applied"] == [{"delegate": "GPU", "completely": False, "kernels": 2}]
    for text in (
        "not from LoadGen",
        "Model X's 5",
        "moderate",
        "says that it is throttled",
        "by taskset 1",
        "337 runs",
    ):
        assert text in outcome.text
    there = device.root / Path(FOLDER).name / sha256
    assert {"--num_runs=3", "--num_threads=2", "--use_gpu=true"} <= set((there / "asked").read_text().splitlines())
    assert device.pushed == ["benchmark_model.part", "model.tflite.part"]


def test_a_fall_back_to_the_cpu_is_never_an_accelerators_time(
    device: Device, tool: Path, case: Callable[..., BenchCase]
) -> None:
    asked = AskedOfDevice(AdbTarget(device.serial), tool, None, None)
    result = bench_on_device(asked, [case("nnapi", name="nnapi")], Settings(), lambda _: None)
    (row,) = result.rows
    assert row.found is None
    assert row.refusal is not None
    assert row.refusal.exit_status == 2
    assert "NNAPI delegate took nothing" in row.refusal.why
    assert "not measured" in render(result)


def test_what_each_op_takes_there_is_told_with_its_own_cost_named(
    device: Device, tool: Path, case: Callable[..., BenchCase]
) -> None:
    asked = AskedOfDevice(AdbTarget(device.serial), tool, None, None)
    outcome = bench_there(asked, [case()], Settings(), quiet=True, ops=True)
    assert outcome.status == 0
    (row,) = outcome.data["rows"]
    assert [(op["type"], op["avg_ns"], op["share"]) for op in row["ops"]] == [
        ("CONV_2D", 3e6, 0.75),
        ("SOFTMAX", 1e6, 0.25),
    ]
    for text in ("by node type", "the 10 slowest", "75.0%", "with the profiler's own cost in it"):
        assert text in outcome.text
    program(tool, tool.read_text().replace("Operator-wise", "No"))
    refused = bench_there(asked, [case()], Settings(), quiet=True, ops=True)
    assert refused.status == 2
    assert "built without profiling" in refused.complaint


def test_a_tool_that_fails_or_is_none_is_a_row_with_its_last_words(
    device: Device, tool: Path, case: Callable[..., BenchCase]
) -> None:
    program(tool, "#!/bin/sh\necho 'ERROR: Op type not registered' >&2\nexit 1\n")
    asked = AskedOfDevice(AdbTarget(device.serial), tool, None, None)
    (row,) = bench_on_device(asked, [case()], Settings(), lambda _: None).rows
    assert row.refusal is not None
    assert "status 1" in row.refusal.why
    assert "Op type not registered" in row.refusal.why
    program(tool, "#!/bin/sh\necho hello\n")
    (row,) = bench_on_device(asked, [case()], Settings(), lambda _: None).rows
    assert row.refusal is not None
    assert "is not benchmark_model's" in row.refusal.why
    # As a shell ends for a file of another processor.
    program(tool, "#!/bin/sh\nexit 126\n")
    (row,) = bench_on_device(asked, [case()], Settings(), lambda _: None).rows
    assert row.refusal is not None
    assert "Is it built for the device's processor, arm64-v8a?" in row.refusal.why


def test_a_file_that_does_not_arrive_whole_is_never_run(
    device: Device, tool: Path, case: Callable[..., BenchCase]
) -> None:
    program(device.programs / "sha256sum", "#!/bin/sh\necho 0000  x\n")
    asked = AskedOfDevice(AdbTarget(device.serial), tool, None, None)
    with pytest.raises(RunFailed, match="did not arrive as it is here"):
        bench_on_device(asked, [case()], Settings(), lambda _: None)
    assert not list(device.root.rglob("asked"))


def test_a_device_that_does_not_know_this_computer_or_is_none_says_what_to_do(
    device: Device, tool: Path, case: Callable[..., BenchCase]
) -> None:
    stranger = Device(device.root, device.programs, knows_us=False)
    subprocess.run(["adb", "connect", stranger.serial], check=False, capture_output=True)
    for serial, text in ((stranger.serial, "unlock its screen"), ("no-such-device", f"knows .*{device.serial} device")):
        with pytest.raises(ConfigError, match=text):
            bench_on_device(AskedOfDevice(AdbTarget(serial), tool, None, None), [case()], Settings(), lambda _: None)
    subprocess.run(["adb", "disconnect", stranger.serial], check=False, capture_output=True)
    stranger.listener.close()


def test_another_tool_than_meant_is_refused_before_the_device_is_asked(
    tool: Path, case: Callable[..., BenchCase]
) -> None:
    for path, sha256, text in (
        (tool, "0" * 64, "another file than meant"),
        (tool.with_name("none"), None, "no such file"),
    ):
        with pytest.raises(ConfigError, match=text):
            bench_on_device(AskedOfDevice(AdbTarget("x"), path, sha256, None), [case()], Settings(), lambda _: None)


def test_a_device_that_is_lost_in_the_middle_keeps_what_was_measured(
    device: Device, tool: Path, case: Callable[..., BenchCase]
) -> None:
    # After the first model it says no more: its tool cuts the cable.
    cut = tool.read_text().replace("STARTING!", f"STARTING!\n$(touch '{device.root}/cut')", 1).replace("'END'", "END")
    program(tool, cut)
    asked = AskedOfDevice(AdbTarget(device.serial), tool, None, None)
    first, second = bench_on_device(asked, [case(), case()], Settings(), lambda _: None).rows
    assert first.found is not None
    assert second.found is None
    assert second.refusal is not None
    assert second.refusal.exit_status == 3
    assert "was lost" in second.refusal.why
