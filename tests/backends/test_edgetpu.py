"""Several Edge TPUs, with the test delegate in the place of the Edge TPU's library: it notes the device it was given."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import BackendUnavailable
from backends.edgetpu import EdgeTpuBackend, named_devices

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


@pytest.fixture
def words(edgetpu_model: Path, picture_data: Path) -> list[str]:
    settings = ("load.min_duration_ms=0", "load.min_query_count=64")
    overrides = [word for setting in settings for word in ("--set", setting)]
    return ["--task", "mobilenet_edgetpu", "--model", str(edgetpu_model), "--dataset", str(picture_data), *overrides]


def test_devices_are_handed_out_in_turn_one_instance_each(
    cli: Cli, words: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    noted = tmp_path / "devices"
    backend = f"edgetpu:library={delegate_library},device=usb:0;usb:1;pci:0"
    run = [*words, "--scenario", "Offline", "--backend", backend, "--out", tmp_path / "run"]
    done = cli(*run, env={"TEST_DELEGATE_DEVICES": str(noted)})
    assert done.returncode == 0, done.stderr
    assert noted.read_text().split() == ["usb:0", "usb:1", "pci:0"]
    found = read_result(tmp_path / "run")["backend"]
    assert (found["instances"], found["devices"]) == (3, ["usb:0", "usb:1", "pci:0"])
    assert (found["delegated_nodes"], found["nodes"]) == (2, 5)


def test_more_instances_than_devices_begin_again_with_the_first(
    cli: Cli, words: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    noted = tmp_path / "devices"
    options = ["--set", "backend.name=edgetpu", "--set", f"backend.options.library={delegate_library}"]
    options += ["--set", "backend.options.devices=[':0', ':1']", "--set", "backend.instances=3"]
    run = [*words, "--scenario", "Offline", *options, "--out", tmp_path / "run"]
    done = cli(*run, env={"TEST_DELEGATE_DEVICES": str(noted)})
    assert done.returncode == 0, done.stderr
    assert noted.read_text().split() == [":0", ":1", ":0"]
    assert read_result(tmp_path / "run")["backend"]["devices"] == [":0", ":1"]


def test_a_stream_has_one_query_in_flight_so_one_device(
    cli: Cli, words: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    backend = f"edgetpu:library={delegate_library},device=usb:0;usb:1"
    run = [*words, "--backend", backend, "--out", tmp_path / "run"]
    done = cli(*run)
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert result["backend"]["devices"] == ["usb:0"]
    # The CPU cannot run such a model, so it is no reference.
    assert result["parity"]["passed"] is None


def test_one_instance_alone_takes_the_first_device(
    edgetpu_model: Path, delegate_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DELEGATE_DEVICES", str(tmp_path / "devices"))
    backend = EdgeTpuBackend(edgetpu_model, threads=1, library=str(delegate_library), devices=["usb:1", "usb:0"])
    assert (tmp_path / "devices").read_text() == "usb:1\n"
    assert backend.info().device == {"library": str(delegate_library), "device": "usb:1"}
    picture = np.ones((1, 32, 32, 3), np.float32)
    assert backend.invoke([picture])[0].shape == (1, 1001)


def test_devices_are_spread_and_nothing_else_of_the_options_changes() -> None:
    options = {"device": "usb:0; usb:1", "library": "x.so"}
    assert EdgeTpuBackend.spread(options) == [
        {"library": "x.so", "device": "usb:0"},
        {"library": "x.so", "device": "usb:1"},
    ]
    assert EdgeTpuBackend.spread({"library": "x.so"}) == [{"library": "x.so"}]


@pytest.mark.parametrize(
    ("device", "devices", "says"),
    [
        ("usb:0", ["usb:1"], "two ways to say the same"),
        ("usb:0;", [], r"\['usb:0', ''\]: they can be a list of names"),
        ("", [0, 1], r"\[0, 1\]: they can be a list of names"),
        ("", "usb:0", "'usb:0': they can be a list of names"),
        ("usb:0;usb:1;usb:0", [], "usb:0 is named twice"),
    ],
)
def test_devices_that_make_no_sense_are_refused(device: str, devices: Any, says: str) -> None:
    with pytest.raises(BackendUnavailable, match=says):
        named_devices(device, devices)


def test_without_a_model_the_library_and_its_device_are_looked_at(
    delegate_library: Path, compile_library: Callable[[str], Path]
) -> None:
    found = EdgeTpuBackend.info_without_model(str(delegate_library))
    assert (found.delegate, found.device) == (delegate_library.name, {"library": str(delegate_library)})
    with pytest.raises(
        BackendUnavailable, match=r"^no Edge TPU runtime: .*no such\.so[^.]*\. Install the Edge TPU runtime"
    ):
        EdgeTpuBackend.info_without_model("no such.so")
    no_device = compile_library(
        "void *tflite_plugin_create_delegate(char **k, char **v, unsigned long n, void (*report)(const char *))"
        '{report("no device"); return 0;} void tflite_plugin_destroy_delegate(void *d) {}'
    )
    with pytest.raises(BackendUnavailable, match="refuses to start with no options: no device"):
        EdgeTpuBackend.info_without_model(str(no_device))
