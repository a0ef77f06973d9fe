"""Rules on systems/<system>.json of inference (SC constants.py SYSTEM_DESC_REQUIRED_FIELDS, checks/system_check.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.submission.check.saying_nothing import says_nothing
from harness.submission.finding import Fault, Rule
from harness.submission.tree.places import Form

MEANINGFUL = (
    "division",
    "submitter",
    "status",
    "system_type",
    "system_name",
    "number_of_nodes",
    "host_processor_model_name",
    "host_processors_per_node",
    "host_processor_core_count",
    "host_memory_capacity",
    "host_memory_configuration",
    "host_storage_capacity",
    "host_storage_type",
    "host_networking",
    "host_networking_topology",
    "host_network_card_count",
    "accelerators_per_node",
    "accelerator_model_name",
    "accelerator_memory_capacity",
    "accelerator_memory_configuration",
    "accelerator_host_interconnect",
    "accelerator_interconnect",
    "cooling",
    "framework",
    "operating_system",
    "other_software_stack",
)
"""Fields that must say something."""
PRESENT = (
    "system_type_detail",
    "host_processor_frequency",
    "host_processor_caches",
    "host_processor_interconnect",
    "accelerator_interconnect_topology",
    "accelerator_frequency",
    "accelerator_on-chip_memories",
    "hw_notes",
    "sw_notes",
)
"""Fields that must be there, empty or not."""
STATUSES = ("available", "preview", "rdi")
TYPES = ("edge", "datacenter", "datacenter,edge", "edge,datacenter")
_WHOLE = ("number_of_nodes", "accelerators_per_node")
"""The official checker ends with a traceback where these are no numbers."""
_OF_NETWORK = (
    "network_type",
    "network_media",
    "network_rate",
    "nic_loadgen",
    "number_nic_loadgen",
    "net_software_stack_loadgen",
    "network_protocol",
    "number_connections",
    "nic_sut",
    "number_nic_sut",
    "net_software_stack_sut",
    "network_topology",
)
"""SC constants.py SYSTEM_DESC_REQUIRED_FIELDS_NETWORK_MODE."""
_COUNTS = (*_WHOLE, "host_processors_per_node", "host_processor_core_count", "host_network_card_count")
"""Fields in which the official checkers take a number as well, and submitters write one; 0 is empty to them."""
_NETWORK = ("host_networking", "host_networking_topology", "host_network_card_count")


@dataclass(frozen=True, slots=True)
class SystemDescription:
    """A system's file, and where it lies."""

    file: str
    fields: Mapping[str, object]
    division: str
    submitter: str
    form: Form = "v6"

    def fault(self, what: str, fix: str, figure: str = "") -> Fault:
        """Of its file."""
        return Fault(self.file, what, fix, figure)


def present(system: SystemDescription) -> Iterator[Fault]:
    """All 35 fields."""
    lacking = [name for name in (*MEANINGFUL, *PRESENT) if name not in system.fields]
    if lacking:
        yield system.fault("lacks fields", "add them, each a text", ", ".join(lacking))


def meaningful(system: SystemDescription) -> Iterator[Fault]:
    """N/A is a true answer where there is no accelerator or network, and nowhere else."""
    no_accelerator = str(system.fields.get("accelerators_per_node", "")).strip() == "0"
    for name in MEANINGFUL:
        if name not in system.fields or name in _WHOLE:
            continue
        allowed = name in _NETWORK or (no_accelerator and name.startswith("accelerator_"))
        if says_nothing(value := system.fields[name], allow_na=allowed):
            yield system.fault(f"says nothing in {name}", "write down what it is", f"{value!r}")


def texts(system: SystemDescription) -> Iterator[Fault]:
    """The official checkers join texts, count in a few fields, and end with a traceback on the rest; 0 is empty to them."""
    for name in (*MEANINGFUL, *PRESENT, "is_network"):
        value = system.fields.get(name, "")
        counted = name in _COUNTS and isinstance(value, int) and not isinstance(value, bool) and value > 0
        # null is as good as no field at all where none is asked for.
        if not isinstance(value, str) and not counted and not (name == "is_network" and value is None):
            yield system.fault(f"has no text in {name}", f'write it in quotes: "{value}"', f"{value!r}")


def numbers(system: SystemDescription) -> Iterator[Fault]:
    """What the official checker counts with."""
    for name in _WHOLE:
        value = system.fields.get(name)
        if isinstance(value, str) and not (value.strip().isascii() and value.strip().isdigit()):
            yield system.fault(f"has no whole number in {name}", 'write a number in quotes, "0" for none', f"{value!r}")


def status(system: SystemDescription) -> Iterator[Fault]:
    """Whether it can be bought."""
    if (value := system.fields.get("status")) is not None and str(value).casefold() not in STATUSES:
        yield system.fault("has an unknown status", f"write one of {', '.join(STATUSES)}", f"{value!r}")


def system_type(system: SystemDescription) -> Iterator[Fault]:
    """Which suite its results count in."""
    if (value := system.fields.get("system_type")) is not None and value not in TYPES:
        yield system.fault("has an unknown system_type", f"write one of {'; '.join(TYPES)}", f"{value!r}")


def place(system: SystemDescription) -> Iterator[Fault]:
    """Division and submitter as the folders have them."""
    for name, folder in (("division", system.division), ("submitter", system.submitter)):
        value = system.fields.get(name)
        # The checker of v5 wants the division letter by letter.
        exact = name == "division" and system.form == "v5"
        if isinstance(value, str) and (value != folder if exact else value.casefold() != folder.casefold()):
            yield system.fault(
                f"names another {name} than its folder", f'write "{folder}", or move the tree', f"{value!r}"
            )


def network(system: SystemDescription) -> Iterator[Fault]:
    """Only the network division has systems that are asked over one."""
    value = system.fields.get("is_network")
    said = isinstance(value, str) and value.casefold() == "true"
    if (
        not isinstance(value, bool)
        and system.division in ("closed", "network")
        and said != (system.division == "network")
    ):
        yield system.fault(
            "is_network does not fit the division", 'leave it out, or write "true" or "false"', f"{value!r}"
        )
    # The checker of v6 asks for them with any text, "false" as well; that of v5 with "true" alone.
    asked = said or (isinstance(value, str) and value and system.form == "v6")
    lacking = [name for name in _OF_NETWORK if name not in system.fields] if asked else []
    if lacking:
        fix = "add them" if said else "leave is_network out: any text in it asks for them"
        what = "has is_network, and lacks the fields that the official checker asks for with it"
        yield system.fault(what, fix, ", ".join(lacking))


SYSTEM_RULES = (
    Rule("system-fields", "SC constants.py SYSTEM_DESC_REQUIRED_FIELDS", present),
    Rule("system-meaningful", "SC constants.py; the official checker takes N/A and undefined", meaningful),
    Rule("system-text", "SC checks/system_check.py", texts),
    Rule("system-number", "SC results.py", numbers),
    Rule("system-status", "SC constants.py VALID_AVAILABILITIES", status),
    Rule("system-type", "SC checks/system_check.py", system_type),
    Rule("system-place", "SC checks/system_check.py", place),
    Rule("system-network", "SC checks/system_check.py", network),
)
