"""`python -m tests.faults`: faults of every kind by one command, with one seed, in one table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from tests.faults.bombs import bombs
from tests.faults.fuzzing import fuzz, replay
from tests.faults.kept import damaged_samples
from tests.faults.readers import readers
from tests.faults.runs import ground
from tests.faults.servers import lies
from tests.faults.signalled import signals
from tests.faults.table import Group, render

_INPUTS, _SIGNALS, _LIES, _DAMAGES = 20_000, 24, 200, 300


def main() -> int:
    """Runs the groups; 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=_INPUTS, metavar="N", help=f"for all readers together ({_INPUTS:,})"
    )
    parser.add_argument(
        "--signals", type=int, default=_SIGNALS, metavar="N", help=f"runs that get one each ({_SIGNALS})"
    )
    parser.add_argument("--lies", type=int, default=_LIES, metavar="N", help=f"answers of servers ({_LIES})")
    parser.add_argument("--damages", type=int, default=_DAMAGES, metavar="N", help=f"of kept samples ({_DAMAGES})")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the dice (1)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="where inputs that were read wrongly are kept, made small"
    )
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    arguments = parser.parse_args()
    seed = arguments.seed
    with ground() as where:
        groups: list[Group] = [signals(where, arguments.signals, seed)]
    groups += [damaged_samples(arguments.damages, seed), lies(arguments.lies, seed), bombs(), replay(readers())]
    groups += fuzz(readers(), arguments.inputs, seed, arguments.keep)
    table = json.dumps([dataclasses.asdict(group) for group in groups], indent=2) if arguments.json else render(groups)
    sys.stdout.write(f"{table}\n")
    return 1 if any(group.wrong for group in groups) else 0


if __name__ == "__main__":
    sys.exit(main())
