"""`doctor`: what works on this machine, and what would make runs unstable."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.commands.outcome import Outcome
from harness.errors import EXIT_USER
from harness.json_records import to_json
from harness.machine.topology import TopologyFacts
from harness.report.run import reason_lines
from harness.report.table import Column, table_lines
from harness.results.record import Reason
from harness.units import bytes_text

if TYPE_CHECKING:
    from harness.run.doctor import BackendFound, Examination, MachineFound, NativeFound

EXAMPLES = """\
examples:
  ./run.sh doctor
  ./run.sh doctor --json
"""


_WIDTH = 118


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""
    del parser


def main(arguments: argparse.Namespace) -> Outcome:
    """Looks and tells; exit status 0 if the default backend works."""
    del arguments
    from harness.run.doctor import examine

    found = examine()
    return Outcome(0 if found.works else EXIT_USER, _render(found), to_json(found))


def _render(found: Examination) -> str:
    columns = [Column(name, wrap=True) for name in ("backend", "available", "what was found, or why not")]
    rows = [
        (backend.name, "yes" if backend.available else "no", backend.why or _device(backend))
        for backend in found.backends
    ]
    lines = table_lines(rows, columns, width=_WIDTH)
    return "\n".join([*lines, "", *_machine(found.machine), _native(found.native), "", *_unstable(found.unstable)])


def _device(backend: BackendFound) -> str:
    parts = [backend.engine, backend.delegate, *(f"{key} {value}" for key, value in backend.device.items())]
    return ", ".join(str(part) for part in parts if part and part != "none")


def _machine(machine: MachineFound) -> list[str]:
    system, kept = machine.system, machine.sample_cache
    memory, free = system.memory_bytes, machine.available_memory_bytes
    sizes = f"{memory / 1e9:.1f} GB, {free / 1e9:.1f} GB free" if memory and free else "not known"
    versions = ", ".join(f"{name} {version}" for name, version in system.versions.items())
    return [
        f"CPU       {system.cpu or system.machine}, {system.usable_cpus} of {system.cpus} CPUs usable, "
        f"governor {system.governor or 'not known'}",
        f"cores     {_cores(machine.topology)}",
        f"load      {' '.join(f'{load:g}' for load in system.load_average or ())}",
        f"memory    {sizes}",
        f"cache     {bytes_text(kept.bytes)} of prepared samples, {bytes_text(kept.limit_bytes)} allowed, in "
        f"{kept.path}",
        f"versions  {versions}",
    ]


def _native(native: NativeFound) -> str:
    slower = f"Python, half a microsecond a query slower: {native.why_not}"
    text = f"native    the timed path is in {'C' if native.used else slower}"
    return textwrap.fill(text, _WIDTH, subsequent_indent=" " * 10, break_long_words=False, break_on_hyphens=False)


def _cores(topology: TopologyFacts) -> str:
    """Each kind with its CPUs, the hardware threads of a core joined: `4 cores (0+4 1+5 2+6 3+7)`."""
    if not topology.known:
        return f"not known: each of {topology.cpus} CPUs counts as one"
    texts = []
    for kind in topology.kinds:
        about = [kind.name] if kind.name else []
        about += [f"speed {kind.speed:g}"] if kind.speed else []
        cpus = " ".join("+".join(map(str, core)) for core in kind.cores)
        count = len(kind.cores)
        texts.append(f"{count} core{'s' if count > 1 else ''} ({', '.join([*about, f'CPU {cpus}'])})")
    quota = "" if topology.quota is None else f", a quota of {topology.quota:g} CPUs"
    return ", then ".join(texts) + quota


def _unstable(found: Sequence[Reason]) -> list[str]:
    lines = [line for reason in found for line in reason_lines("unstable", reason)]
    return lines or ["nothing was found that would make runs unstable"]
