"""`python -m tests.faults`: faults of every kind by one command, with one seed, in one table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.faults.bombs import bombs
from tests.faults.inputs.fuzzing import fuzz, replay
from tests.faults.inputs.readers import readers
from tests.faults.inputs.states import states
from tests.faults.kept import damaged_samples
from tests.faults.of_runs.changed import changed
from tests.faults.of_runs.clocks import clocks
from tests.faults.of_runs.corrupted import corrupted
from tests.faults.of_runs.delegate_parts import delegate_parts
from tests.faults.of_runs.delegates import delegates
from tests.faults.of_runs.disks import disks
from tests.faults.of_runs.limits import failing_allocations, limits, remove_groups
from tests.faults.of_runs.peers import pool_peers
from tests.faults.of_runs.runs import Ground, ground
from tests.faults.of_runs.sharing import sharing
from tests.faults.of_runs.signalled import signals
from tests.faults.of_runs.soaked import soaked
from tests.faults.sanitized import sanitized
from tests.faults.servers import lies
from tests.faults.table import Group, render

_COUNTS = {
    "signals": (24, "runs that get a signal each, by phase, scenario and process"),
    "disk": (24, "runs that lose their room: full, read-only, out of inodes"),
    "changed": (24, "runs under which a file changes"),
    "clock": (4, "runs in which the system's clock is set"),
    "corrupted": (24, "runs that meet a damaged cache"),
    "delegates": (16, "runs with a delegate that misbehaves"),
    "limits": (16, "runs that lose address space, descriptors or memory"),
    "malloc": (12, "runs whose allocations fail"),
    "sharing": (2, "rounds of two or eight runs with one cache"),
    "peers": (4, "pools that are slow, stopped or dead"),
    "damages": (300, "damages of kept samples"),
    "lies": (200, "answers of servers that lie"),
    "bombs": (1, "archives that unpack to gigabytes; 0 for none"),
    "calls": (4_000, "calls of the C under sanitizers"),
    "soak": (0, "seconds of one run, at least 60, whose memory is watched"),
    "inputs": (20_000, "near to right ones, for all readers together"),
}
"""Group -> how many in the short form, and of what."""


def main() -> int:
    """Runs the groups; 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    for name, (count, what) in _COUNTS.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{what} ({count:,})")
    parser.add_argument("--only", metavar="GROUP,...", help=f"these groups alone, of {', '.join(_COUNTS)}")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the dice (1)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="where inputs that were read wrongly are kept, made small"
    )
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    arguments = parser.parse_args()
    only = arguments.only.split(",") if arguments.only else list(_COUNTS)
    if unknown := sorted(set(only) - set(_COUNTS)):
        parser.error(f"no group {unknown[0]!r}: there are {', '.join(_COUNTS)}")
    asked = {name: getattr(arguments, name) for name in _COUNTS}
    counts = {
        name: (default if asked[name] is None else asked[name]) if name in only else 0
        for name, (default, _) in _COUNTS.items()
    }
    with ground() as where:
        groups = _all(where, counts, arguments.seed, arguments.keep)
    plain = [dataclasses.asdict(group) for group in groups]
    sys.stdout.write(f"{json.dumps(plain, indent=2) if arguments.json else render(groups)}\n")
    return 1 if any(group.wrong for group in groups) else 0


def _all(where: Ground, counts: dict[str, int], seed: int, keep: Path | None) -> list[Group]:
    parts, every = partial(delegate_parts, where.folder), [*readers(), *states()]
    making: dict[str, Callable[[int], Group | Sequence[Group]]] = {
        "signals": lambda count: signals(where, count, seed),
        "disk": lambda count: disks(where, count, seed),
        "changed": lambda count: changed(where, count, seed),
        "clock": lambda count: clocks(where, count, seed),
        "corrupted": lambda count: corrupted(where, count, seed),
        "delegates": lambda count: delegates(where, parts(), count, seed),
        "limits": lambda count: limits(where, count, seed),
        "malloc": lambda count: failing_allocations(where, count, seed),
        "sharing": lambda count: sharing(where, count, seed),
        "peers": lambda count: pool_peers(where, parts(), count, seed),
        "damages": lambda count: damaged_samples(count, seed),
        "lies": lambda count: lies(count, seed),
        "bombs": lambda _: bombs(),
        "calls": lambda count: sanitized(where.folder, count, seed),
        "soak": soaked,
        "inputs": lambda count: [replay(every), *fuzz(every, count, seed, keep)],
    }
    found: list[Group] = []
    for name, make in making.items():
        if not counts[name]:
            continue
        began = time.monotonic()
        made = make(counts[name])
        some = [made] if isinstance(made, Group) else list(made)
        found += some
        # Long ones take hours; whoever waits sees how far they are, and what is wrong at once.
        wrong = [f"  WRONG {finding}" for group in some for finding in group.findings]
        reached = f"{sum(group.reached for group in some):,} of {sum(group.injected for group in some):,} reached"
        sys.stderr.write("\n".join([f"{name}: {reached}, {time.monotonic() - began:.0f} s", *wrong, ""]))
        sys.stderr.flush()
    remove_groups()
    return found


if __name__ == "__main__":
    sys.exit(main())
