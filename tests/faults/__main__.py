"""`python -m tests.faults`: faults of every kind by one command, with one seed, in one table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from tests.faults.fuzzing import fuzz, replay
from tests.faults.readers import readers
from tests.faults.table import Group, render

_INPUTS = 20_000


def main() -> int:
    """Runs the groups; 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=_INPUTS, metavar="N", help=f"for all readers together ({_INPUTS:,})"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the dice (1)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="where inputs that were read wrongly are kept, made small"
    )
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    arguments = parser.parse_args()
    groups: list[Group] = [replay(readers()), *fuzz(readers(), arguments.inputs, arguments.seed, arguments.keep)]
    table = json.dumps([dataclasses.asdict(group) for group in groups], indent=2) if arguments.json else render(groups)
    sys.stdout.write(f"{table}\n")
    return 1 if any(group.wrong for group in groups) else 0


if __name__ == "__main__":
    sys.exit(main())
