"""systems/<system>.json: what the runs and this machine tell, and what the user says of it, which is kept for the next time."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.machine.facts import read_line
from harness.machine.topology import this_machine
from harness.submission.check.inference.systems import MEANINGFUL, PRESENT
from harness.submission.check.tiny.walk import FIELDS as TINY_FIELDS
from harness.submission.forms.model_fields import NOT_TOLD
from harness.submission.forms.runs import SubmittedRun
from harness.submission.tree.documents import Broken, read_json_object
from harness.whole_file import write_json

ASKED = {
    "cooling": "how the system is cooled: air, passive, liquid",
    "host_memory_configuration": "kind and number of memory modules, as 2x 8 GB DDR4",
    "host_storage_type": "as SSD, NVMe, eMMC",
    "status": "available, preview or rdi",
}
"""Fields of inference that no machine tells of itself, and what they ask for."""
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class SystemForm:
    """A system's description, and what nobody has told of it."""

    name: str
    """Of its file and of its folder in results/."""
    fields: Mapping[str, object]
    not_told: tuple[str, ...]


def plain_name(text: str) -> str:
    """A name for files and folders: without spaces and what scripts trip over, never hidden."""
    return _NAME.sub("-", text).strip("-.") or "unnamed"


def system_name(run: SubmittedRun, asked: str | None) -> str:
    """As asked for, else by processor and backend.

    Raises:
        ConfigError: The name asked for is none for a folder.
    """
    if asked is None:
        return plain_name(f"{run.result.system.cpu or run.result.system.machine}-{run.result.backend.name}")
    if plain_name(asked) != asked:
        raise ConfigError(f"--system {asked!r} is no name for a folder: write {plain_name(asked)}")
    return asked


def told_fields(kept: Path, given: Mapping[str, str]) -> dict[str, str]:
    """What the user says of a system now or said before; kept where something new was said.

    Args:
        kept: The file that keeps it.
        given: Fields told now.

    Raises:
        ConfigError: The kept file is damaged, or cannot be written.
    """
    before = read_json_object(kept) if kept.exists() else {}
    if isinstance(before, Broken):
        raise ConfigError(f"{kept} {before.what}: correct it or take it away")
    told = {name: str(value) for name, value in before.items()} | dict(given)
    if told != before:
        try:
            write_json(kept, told)
        except OSError as error:
            raise ConfigError(f"cannot keep what was told of the system in {kept}: {error.strerror}") from None
    return told


def inference_system(run: SubmittedRun, division: str, submitter: str, told: Mapping[str, str]) -> dict[str, object]:
    """All 35 fields, each a text.

    Args:
        run: One of the system's runs.
        division: Of the tree.
        submitter: Of the tree.
        told: Fields that the user told.
    """
    machine, versions = run.result.system, run.result.system.versions
    cores = sum(len(kind) for kind in this_machine().kinds)
    none = dict.fromkeys((name for name in MEANINGFUL if name.startswith("accelerator_")), "N/A")
    fields: dict[str, object] = {**dict.fromkeys((*MEANINGFUL, *PRESENT), ""), **none}
    fields |= {
        "division": division,
        "submitter": submitter,
        "status": "available",
        "system_type": "edge",
        "system_type_detail": "edge-server",
        "system_name": machine.cpu or machine.machine,
        "number_of_nodes": "1",
        "host_processor_model_name": machine.cpu or machine.machine,
        "host_processors_per_node": "1",
        "host_processor_core_count": str(cores or machine.cpus or machine.usable_cpus),
        "host_memory_capacity": f"{(machine.memory_bytes or 0) / 2**30:.1f} GiB" if machine.memory_bytes else NOT_TOLD,
        "host_memory_configuration": NOT_TOLD,
        "host_storage_capacity": f"{shutil.disk_usage(run.folder).total / 1e9:.0f} GB",
        "host_storage_type": _storage() or NOT_TOLD,
        "host_networking": "N/A",
        "host_networking_topology": "N/A",
        "host_network_card_count": "N/A",
        "accelerators_per_node": "0",
        "cooling": NOT_TOLD,
        "framework": f"LiteRT {versions.get('ai-edge-litert', '')}, {_engine(run)}".strip(", "),
        "operating_system": machine.platform,
        "other_software_stack": ", ".join(f"{name} {version}" for name, version in _stack(run).items()),
        "hw_notes": f"{machine.usable_cpus} CPUs usable by the process",
    }
    return fields | dict(told)


def mobile_system(run: SubmittedRun, told: Mapping[str, str]) -> dict[str, object]:
    """The three objects of v4.0 on."""
    machine = run.result.system
    return {
        "system": {
            "Processor Name": machine.cpu or machine.machine,
            "CPU_Type_1": machine.machine,
            "DRAM": f"{(machine.memory_bytes or 0) / 2**30:.1f} GiB",
            "Accelerator type": _engine(run),
        },
        "notes": {"Phone summary": "not a phone: a Linux machine", "SoC Product information": NOT_TOLD, **told},
        "software": {
            "OS_version": machine.platform,
            "TFlite Version": machine.versions.get("ai-edge-litert", NOT_TOLD),
            "TFLite delegate types": _engine(run),
            "Vendor SDK": "none",
        },
    }


def tiny_system(run: SubmittedRun, division: str, submitter: str, told: Mapping[str, str]) -> dict[str, object]:
    """The 33 fields of the tiny template."""
    machine = run.result.system
    fields: dict[str, object] = dict.fromkeys(TINY_FIELDS, "N/A")
    fields |= {
        "Submitter": submitter,
        "Division": division,
        "Status": "available",
        "Board Name": machine.cpu or machine.machine,
        "Processor(s) Name": machine.cpu or machine.machine,
        "Inference Framework": f"LiteRT {machine.versions.get('ai-edge-litert', '')}",
        "Software Libraries": ", ".join(f"{name} {version}" for name, version in _stack(run).items()),
        "Operating System": machine.platform,
        "Hardware Notes": "a Linux machine, not a board",
    }
    return fields | dict(told)


def not_told(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Names of the fields that nobody has told, those inside of objects among them."""
    inner = [
        (f"{name}.{key}", one)
        for name, value in fields.items()
        if isinstance(value, dict)
        for key, one in value.items()
    ]
    return tuple(name for name, value in (*fields.items(), *inner) if value == NOT_TOLD)


def as_json(fields: Mapping[str, object]) -> str:
    """A JSON file's text."""
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def _stack(run: SubmittedRun) -> dict[str, str]:
    versions = {name: version for name, version in run.result.system.versions.items() if version != "absent"}
    return {"Python": run.result.system.python} | versions


def _engine(run: SubmittedRun) -> str:
    opened = run.result.backend.opened
    return (
        " with ".join(part for part in (opened.engine, opened.delegate) if part) if opened else run.result.backend.name
    )


def _storage() -> str:
    """Of the first disk that tells whether it turns; empty where none does."""
    for disk in sorted(Path("/sys/block").glob("*/queue/rotational")):
        name = disk.parts[3]
        if not name.startswith(("loop", "ram", "zram", "dm-")) and (turns := read_line(disk)) in ("0", "1"):
            return "NVMe SSD" if name.startswith("nvme") else "HDD" if turns == "1" else "SSD"
    return ""
