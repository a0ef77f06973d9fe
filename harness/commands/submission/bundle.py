"""`bundle`: runs and what they read in one archive, for `verify` on another machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.outcome import Outcome

EXAMPLES = """\
examples:
  ./run.sh bundle results/DIR
  ./run.sh bundle results/A results/B --out review.tar.gz --max-data 2GB
  ./run.sh verify bundle.tar.gz                                # on any other machine

The archive has the runs' directories and, up to --max-data, the data sets of their accuracy runs; no model. The same runs give
the same bytes. Data of others may not be handed on freely: --max-data 0B packs none, and the verifier names his own.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The runs, and the archive."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the directory of a run or of a series")
    parser.add_argument("--out", type=Path, default=Path("bundle.tar.gz"), metavar="FILE", help="default bundle.tar.gz")
    parser.add_argument(
        "--max-data",
        default="512MB",
        metavar="SIZE",
        help="pack data sets up to this size, else the truth (default 512MB)",
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Packs."""
    from harness.errors import EXIT_VALID, ConfigError
    from harness.json_records import to_json
    from harness.submission.bundle.pack import pack
    from harness.units import bytes_text, parse_bytes

    try:
        most = parse_bytes(arguments.max_data)
    except ValueError as error:
        raise ConfigError(f"--max-data {error}") from None
    packed = pack(arguments.runs, arguments.out, most)
    lines = [f"not in it: {one}" for one in packed.missing]
    lines += [f"data: {one}" for one in packed.made]
    runs = f"{len(packed.runs)} run{'' if len(packed.runs) == 1 else 's'}"
    lines += [f"{packed.bundle}: {runs}, {packed.files:,} files, {bytes_text(packed.size)}"]
    return Outcome(EXIT_VALID, "\n".join([*lines, f"SHA-256 {packed.sha256}"]), to_json(packed))
