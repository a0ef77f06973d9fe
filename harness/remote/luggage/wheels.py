"""The wheels of what the harness needs, chosen on this side for another machine: its architecture, C library and Python.

Versions are those of `constraints.txt` where the harness runs from a checkout, else those installed here. pip gets them, with
the index, the cache and the settings (`PIP_FIND_LINKS`, `PIP_INDEX_URL`, ...) of whoever calls it, and checks them against the
index's hashes; the device checks them once more against those of the files that were sent.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from harness.errors import ConfigError, shortened
from harness.json_records import from_json, to_json
from harness.remote.facts import DeviceFacts
from harness.whole_file import replacing
from harness.zoo.files.official import hash_file, writing_cache

_OWN = "tflite-loadgen"
_OLDEST_GLIBC = {"x86_64": 5}
"""The oldest minor version of glibc 2 for which wheels are made; of other architectures 17."""
_LIST = "wheels.json"
_LOADGEN_ON_ARM = (
    "; LoadGen's makers publish it for Linux on x86_64 alone. Build its wheel once, on any such device with a compiler "
    "(python3 -m pip wheel --no-deps {wanted} -w wheels), and name the folder here: PIP_FIND_LINKS=wheels (docs/targets.md)"
)


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file."""

    file: str
    """Its name."""
    wanted: str
    """`numpy==2.4.6`."""
    sha256: str


@dataclass(frozen=True, slots=True)
class WheelSet:
    """All that a device needs beside the harness itself."""

    wheels: tuple[Wheel, ...]
    pip: Wheel
    """Which installs them there."""


def pins_for(facts: DeviceFacts, extras: Sequence[str] = (), constraints: Path | None = None) -> tuple[str, ...]:
    """What the device needs, each as `name==version`, sorted.

    Args:
        facts: Of the device.
        extras: Of the harness.
        constraints: The file with the versions; None for the checkout's own, or where there is none, for what is installed.

    Raises:
        ConfigError: A version is not known.
    """
    environment = _environment(facts)
    versions = _versions(constraints or Path(__file__).parents[3] / "constraints.txt", environment)
    found: dict[str, str] = {}
    todo = [name for extra in ("", *extras) for name in _needs(_OWN, extra, environment)]
    while todo:
        name, *todo = todo
        if name in found:
            continue
        if (version := versions.get(name) or _installed(name)) is None:
            raise ConfigError(
                f"no version of {name} is known: constraints.txt does not name it, and it is not installed here"
            )
        found[name] = version
        todo += _needs(name, "", environment)
    return tuple(sorted(f"{name}=={version}" for name, version in found.items()))


def _needs(name: str, extra: str, environment: Mapping[str, str]) -> Iterator[str]:
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        # Only other Pythons need it, and nothing here tells what it needs in turn.
        return
    for line in lines:
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({**environment, "extra": extra}):
            yield canonicalize_name(needed.name)


def _versions(constraints: Path, environment: Mapping[str, str]) -> dict[str, str]:
    try:
        lines = constraints.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        if line.strip() and not line.startswith("#"):
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate(dict(environment)):
                found[canonicalize_name(pin.name)] = str(next(iter(pin.specifier)).version)
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _environment(facts: DeviceFacts) -> dict[str, str]:
    """What markers ask for, of the device."""
    return {
        **{name: str(value) for name, value in default_environment().items()},
        "implementation_name": "cpython",
        "implementation_version": facts.python,
        "os_name": "posix",
        "platform_machine": facts.architecture,
        "platform_python_implementation": "CPython",
        "platform_release": facts.release,
        "platform_system": "Linux",
        "python_full_version": facts.python,
        "python_version": facts.python_minor,
        "sys_platform": "linux",
        "extra": "",
    }


def key_of(facts: DeviceFacts, pins: Sequence[str]) -> str:
    """Names what is installed for a device: 32 hexadecimal digits."""
    decides = [facts.python_minor, facts.architecture, *pins]
    return hashlib.sha256("\n".join(decides).encode()).hexdigest()[:32]


def get_wheels(facts: DeviceFacts, pins: Sequence[str], cache: Path) -> tuple[WheelSet, Path]:
    """The wheels, and the folder in which they lie: from the cache, or by pip.

    Args:
        facts: Of the device.
        pins: See `pins_for`.
        cache: The harness's own.

    Raises:
        ConfigError: One is not to be had for such a device, there is no pip, or no network.
    """
    folder = cache / "wheels" / key_of(facts, pins)
    if (kept := _kept(folder)) is not None:
        return kept, folder
    with writing_cache(cache):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _download([*pins, "pip"], facts, folder)
        found = [_wheel(file) for file in sorted(folder.glob("*.whl"))]
        pip = next(wheel for wheel in found if wheel.file.startswith("pip-"))
        made = WheelSet(tuple(wheel for wheel in found if wheel is not pip), pip)
        with replacing(folder / _LIST) as file:
            file.write(json.dumps(to_json(made)).encode())
    return made, folder


def _kept(folder: Path) -> WheelSet | None:
    try:
        found = from_json(WheelSet, json.loads((folder / _LIST).read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None
    whole = all((folder / wheel.file).is_file() for wheel in (*found.wheels, found.pip))
    return found if whole else None


def _wheel(file: Path) -> Wheel:
    name, version, _, _ = parse_wheel_filename(file.name)
    return Wheel(file.name, f"{name}=={version}", hash_file(file).sha256)


def _download(wanted: Sequence[str], facts: DeviceFacts, folder: Path) -> None:
    done = subprocess.run(
        [
            *_pip(),
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={facts.python_minor}",
            *(f"--abi={abi}" for abi in (facts.abi, "abi3", "none")),
            *(f"--platform={platform}" for platform in platforms(facts)),
            f"--dest={folder}",
            *wanted,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ConfigError(_why_none(done.stdout, facts))


def _why_none(said: str, facts: DeviceFacts) -> str:
    device = f"Python {facts.python_minor} on Linux, {facts.architecture}, glibc {facts.glibc}"
    none = re.search(r"No matching distribution found for (\S+)", said)
    broken = re.search(r"(?:connection|Connection|SSL|resolve|timed out)[^\n]*", said)
    if none and not broken:
        hint = _LOADGEN_ON_ARM.format(wanted=none[1]) if none[1].startswith("mlcommons-loadgen") else ""
        hint = "; its Python is a 32-bit one: take a 64-bit system" if facts.bits == 32 else hint
        return f"no wheel of {none[1]} fits the device ({device}), and nothing is compiled there{hint}"
    why = broken[0] if broken else said.strip().rpartition("\n")[2]
    return (
        f"the wheels for the device ({device}) could not be got: {shortened(why, 300)}. Without a network, name a folder that "
        "has them: PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR"
    )


def _pip() -> list[str]:
    """An environment that uv has made has none of its own."""
    # Not by all finders: setuptools has one that takes its distutils away from this process when it is asked for pip.
    if PathFinder.find_spec("pip") is not None:
        return [sys.executable, "-I", "-m", "pip"]
    if (uv := shutil.which("uv")) is not None:
        return [uv, "tool", "run", "--quiet", "pip"]
    raise ConfigError(
        "pip chooses the wheels for a device, and there is none here: install it beside the harness "
        f"({sys.executable} -m ensurepip), or install uv"
    )


def platforms(facts: DeviceFacts) -> list[str]:
    """The platform tags that the device takes, the newest first (PEP 600)."""
    machine = facts.architecture
    oldest = _OLDEST_GLIBC.get(machine, 17)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(facts.glibc_minor, oldest - 1, -1)]
    older = {12: "manylinux2010", 5: "manylinux1"} if machine == "x86_64" else {}
    named = {17: "manylinux2014", **older}
    tags += [f"{name}_{machine}" for minor, name in named.items() if minor <= facts.glibc_minor]
    return [*tags, f"linux_{machine}"]
