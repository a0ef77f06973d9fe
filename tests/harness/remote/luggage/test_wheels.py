"""Wheels for another machine, and our own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.tags import platform_tags

from harness.errors import ConfigError
from harness.remote.facts import DeviceFacts, usable_facts
from harness.remote.luggage import wheels
from harness.remote.luggage.own_wheel import PACKAGES, own_wheel
from harness.remote.luggage.wheels import get_wheels, key_of, pins_for, platforms
from harness.remote.target import SshTarget
from tests.harness.test_packaging import PACKAGES as IN_THE_WHEEL

PI = DeviceFacts(
    folder="/home/pi/.tflite-loadgen",
    python="3.13.5",
    implementation="cpython",
    abi_flags="",
    system="linux",
    android=False,
    host="raspberrypi",
    machine="aarch64",
    release="6.12.47+rpt-rpi-2712",
    bits=64,
    glibc="2.41",
    free_bytes=10**10,
)
BOARD = SshTarget("board")


def test_versions_are_those_of_the_constraints_for_the_devices_own_python() -> None:
    new, old = (dict(pin.split("==") for pin in pins_for(replace(PI, python=each))) for each in ("3.13.5", "3.11.2"))
    assert (old["numpy"], new["numpy"]) == ("2.4.6", "2.5.5")
    assert {"ai-edge-litert", "mlcommons-loadgen", "pydantic-core", "pillow"} <= new.keys()
    assert not {"pytest", "ruff", "tflite-loadgen", "opencv-python-headless"} & new.keys()
    assert "opencv-python-headless" in dict(pin.split("==") for pin in pins_for(PI, ["opencv"]))
    assert key_of(PI, ("a==1",)) != key_of(replace(PI, machine="x86_64"), ("a==1",))


def test_what_is_installed_here_is_taken_where_no_constraints_are(tmp_path: Path) -> None:
    from importlib import metadata

    pins = dict(pin.split("==") for pin in pins_for(PI, constraints=tmp_path / "none"))
    assert pins["numpy"] == metadata.version("numpy")


@pytest.mark.skipif(sys.platform != "linux", reason="tags of Linux")
def test_platforms_are_those_that_packaging_knows_of_this_machine() -> None:
    libc = os.confstr("CS_GNU_LIBC_VERSION")
    assert libc is not None
    here = replace(PI, machine=os.uname().machine, glibc=libc.split()[1])
    assert set(platforms(here)) == set(platform_tags())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "ERROR: Could not find a version that satisfies the requirement mlcommons-loadgen==6.0.17 (from versions: none)\n"
            "ERROR: No matching distribution found for mlcommons-loadgen==6.0.17",
            r"no wheel of mlcommons-loadgen==6.0.17 fits the device \(Python 3.13 on Linux, aarch64, glibc 2.41\), and nothing "
            r"is compiled there; LoadGen's makers .* pip wheel --no-deps mlcommons-loadgen==6.0.17",
        ),
        ("ERROR: No matching distribution found for numpy==2.5.5", r"no wheel of numpy==2.5.5 fits .* compiled there$"),
        (
            "WARNING: Retrying after connection broken by 'NameResolutionError': /simple/numpy/\n"
            "ERROR: No matching distribution found for numpy==2.5.5",
            "could not be got: connection broken by .* PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR",
        ),
    ],
)
def test_a_wheel_that_is_not_to_be_had_is_named_and_nothing_half_stays(
    said: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", f"import sys; print({said!r}); sys.exit(1)"]
    monkeypatch.setattr(wheels, "_pip", lambda: words)
    with pytest.raises(ConfigError, match=message):
        get_wheels(PI, ["numpy==2.5.5"], tmp_path)
    assert wheels._kept(tmp_path / "wheels" / key_of(PI, ["numpy==2.5.5"])) is None


def test_wheels_are_got_once_from_whatever_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "made here"
    here.mkdir()
    for name in ("mlcommons_loadgen-6.0.17-cp313-cp313-manylinux_2_27_aarch64", "pip-26.3-py3-none-any"):
        _wheel(here / f"{name}.whl")
    monkeypatch.setenv("PIP_FIND_LINKS", here.as_uri())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    found, folder = get_wheels(PI, ["mlcommons-loadgen==6.0.17"], tmp_path)
    assert [wheel.wanted for wheel in found.wheels] == ["mlcommons-loadgen==6.0.17"]
    assert found.pip.file == "pip-26.3-py3-none-any.whl"
    assert (folder / found.wheels[0].file).is_file()
    monkeypatch.setattr(wheels, "_pip", lambda: pytest.fail("asked once more"))
    assert get_wheels(PI, ["mlcommons-loadgen==6.0.17"], tmp_path) == (found, folder)


def _wheel(path: Path) -> None:
    name, version, *tags = path.stem.split("-")
    with zipfile.ZipFile(path, "w") as wheel:
        info = f"{name}-{version}.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {'-'.join(tags)}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"glibc": None}, "another C library than glibc"),
        ({"glibc": None, "android": True}, "Termux"),
        ({"system": "darwin"}, "runs darwin"),
        ({"implementation": "pypy"}, "pypy"),
        ({"abi_flags": "t"}, "CPython's"),
    ],
)
def test_a_device_for_which_no_wheels_are_made_is_refused_with_the_reason(
    changes: dict[str, object], message: str
) -> None:
    from harness.json_records import to_json

    with pytest.raises(ConfigError, match=message):
        usable_facts(BOARD, to_json(PI) | changes)


def test_a_32_bit_python_under_a_64_bit_kernel_is_a_32_bit_machine() -> None:
    assert replace(PI, bits=32).architecture == "armv7l"
    assert platforms(replace(PI, bits=32))[0] == "manylinux_2_41_armv7l"


def test_our_own_wheel_holds_our_packages_and_runs(tmp_path: Path) -> None:
    assert list(PACKAGES) == IN_THE_WHEEL
    data = own_wheel()
    assert own_wheel() == data
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        assert not [name for name in wheel.namelist() if name.endswith((".so", ".pyc", ".npz"))]
        wheel.extractall(tmp_path)
    code = "import harness.cli, sys; sys.exit(harness.cli.main(['--version']))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tflite-loadgen 0.")


def test_looking_for_pip_leaves_the_distutils_of_setuptools_in_place() -> None:
    code = "from harness.remote.luggage import wheels; wheels._pip(); import setuptools, distutils; print(distutils.__file__)"
    words = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "_distutils" in done.stdout
