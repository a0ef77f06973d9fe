"""devices.yaml: which devices there are, and what is particular to each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from accuracy.outside.border import reads
from accuracy.outside.text_files import NotText, read_text
from harness.config.mistakes import explanations, report
from harness.config.plain_yaml import load_yaml
from harness.devices.target import adb_target, core_mask
from harness.errors import ConfigError
from harness.remote.target import ssh_target
from harness.units import parse_duration

LOCAL = "local"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_TAKEN = ("fleet",)
_ENDINGS = (".json", ".jsonl", ".result")


class FleetDevice(BaseModel):
    """One device. A text in its place is its `target`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str
    """`local`, `ssh://USER@HOST`, or `adb:SERIAL`."""
    backend: str | None = None
    """As `--backend` has it, in the place of the command's."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Fields of the config for this device."""
    tool: Path | None = None
    """Of adb: TFLite's benchmark_model, built for the device; from this file's folder."""
    tool_sha256: str | None = None
    taskset: str | None = None
    cooldown: str | None = None

    @property
    def is_android(self) -> bool:
        """Whether it is measured by TFLite's own tool."""
        return self.target.startswith("adb:")


class Fleet(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    devices: dict[str, FleetDevice] = Field(min_length=1)


@reads(ConfigError)
def read_fleet(path: Path) -> Fleet:
    """Reads and checks the file.

    Raises:
        ConfigError: It cannot be read; every mistake in it.
    """
    try:
        raw = load_yaml(read_text(path))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, NotText) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    named = raw.get("devices") if isinstance(raw, dict) else None
    if not isinstance(named, dict):
        raise ConfigError(
            f"{path} names no devices: write devices:, and below it NAME: local, ssh://USER@HOST or adb:SERIAL"
        )
    full = {name: {"target": each} if isinstance(each, str) else each for name, each in named.items()}
    try:
        fleet = Fleet.model_validate({**raw, "devices": full})
    except ValidationError as error:
        raise ConfigError(report(str(path), explanations(error.errors(), Fleet))) from None
    for name, device in fleet.devices.items():
        _check(path, name, device)
    _refuse_alike(path, list(fleet.devices))
    return fleet


def _refuse_alike(path: Path, names: Sequence[str]) -> None:
    """Each has a folder and files of its own in the fleet's directory, also where that tells no A from a."""
    seen: dict[str, str] = {}
    for name in names:
        folded = name.casefold()
        if folded in _TAKEN or folded.endswith(_ENDINGS):
            raise ConfigError(f"device {name} of {path}: the fleet's own files have such names; call it otherwise")
        if folded in seen:
            raise ConfigError(f"devices {seen[folded]} and {name} of {path} are one name to some file systems")
        seen[folded] = name


def _check(path: Path, name: str, device: FleetDevice) -> None:
    where = f"device {name} of {path}"
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: a name becomes a folder's: letters, digits, dots, dashes and underscores")
    try:
        if device.is_android:
            adb_target(device.target)
            if device.taskset is not None:
                core_mask(device.taskset)
            if device.cooldown is not None:
                parse_duration(device.cooldown)
        elif device.target != LOCAL:
            ssh_target(device.target)
    except (ConfigError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from None
    if device.is_android and device.tool is None:
        raise ConfigError(
            f"{where} is measured by TFLite's benchmark_model: name the file, built for it, with tool: FILE"
        )
    of_android = [each for each in ("tool", "tool_sha256", "taskset", "cooldown") if getattr(device, each) is not None]
    if of_android and not device.is_android:
        raise ConfigError(f"{where}: {of_android[0]} is of adb: devices alone")
