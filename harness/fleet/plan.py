"""What a fleet will do: for each device a command of ours, and what makes it the same one the next time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.fleet.file import LOCAL, Fleet, FleetDevice
from harness.remote.target import ssh_target
from harness.series.identity import identity_of
from harness.series.plan import Series
from harness.zoo.files.official import hash_given

_SSH = 22


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """One device's part."""

    name: str
    """Of its folder, too."""
    target: str
    is_android: bool
    words: tuple[str, ...]
    """The command, from the verb on."""
    identity: str
    """Of what decides its figures: see `harness.series.identity`."""

    @property
    def machine(self) -> str:
        """The same for targets that name one machine: what runs on it takes turns."""
        if not self.target.startswith("ssh://"):
            return self.target
        target = ssh_target(self.target)
        # The port of one without is most likely ssh's own: rather one too many in turn than two at once.
        return f"{target.host.casefold()}:{target.port or _SSH}"


def plan_fleet(
    fleet: Fleet, file: Path, words: Sequence[str], backends: Sequence[str], series: Series, out: Path
) -> list[PlannedDevice]:
    """Every device's command.

    Args:
        fleet: The devices.
        file: From where they were read: tools are named from its folder.
        words: Options of run that hold for all, but for the backend.
        backends: As `--backend` names them.
        series: What they come to here: for the models that Android devices measure.
        out: The fleet's directory.

    Raises:
        ConfigError: Something cannot be measured on a device of that kind.
    """
    specs = [identity_of(run.spec) for run in series.runs]
    found = []
    for name, device in fleet.devices.items():
        asked = [device.backend] if device.backend else list(backends)
        command = (
            _on_android(device, file, asked, series) if device.is_android else _run(name, device, words, asked, out)
        )
        tool = hash_given(file.parent / device.tool).sha256 if device.tool else None
        decides = json.dumps([device.model_dump(mode="json"), [*command], specs, tool], sort_keys=True)
        identity = hashlib.sha256(decides.replace(str(out.absolute()), "").encode()).hexdigest()
        found.append(PlannedDevice(name, device.target, device.is_android, command, identity))
    return found


def _run(name: str, device: FleetDevice, words: Sequence[str], backends: Sequence[str], out: Path) -> tuple[str, ...]:
    target = () if device.target == LOCAL else ("--target", device.target)
    own = [f"{field}={json.dumps(value)}" for field, value in device.set.items()]
    return (
        "run",
        *words,
        *(word for backend in backends for word in ("--backend", backend)),
        *(word for text in own for word in ("--set", text)),
        *target,
        "--out",
        str(out.absolute() / name),
    )


def _on_android(device: FleetDevice, file: Path, backends: Sequence[str], series: Series) -> tuple[str, ...]:
    """What TFLite's own tool can measure of it: the models, behind the backends."""
    if device.set:
        raise ConfigError(
            f"{device.target}: TFLite's benchmark_model knows no config; set: is of local and ssh:// devices"
        )
    models = dict.fromkeys(str(run.spec.model.path) for run in series.runs)
    threads = series.runs[0].spec.backend.threads
    options = {
        "--target": device.target,
        "--tool": str((file.parent / str(device.tool)).absolute()),
        "--tool-sha256": device.tool_sha256,
        "--taskset": device.taskset,
        "--cooldown": device.cooldown,
        "--threads": None if threads == "auto" else str(threads),
    }
    return (
        "bench",
        *models,
        *(word for backend in backends for word in ("--backend", backend)),
        *(word for option, value in options.items() if value is not None for word in (option, value)),
        "--json",
    )
