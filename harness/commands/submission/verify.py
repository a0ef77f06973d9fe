"""`verify`: every hash of a bundle checked, every score and figure made anew."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.outcome import Outcome
from harness.scratch_folder import ScratchFolder

EXAMPLES = """\
examples:
  ./run.sh verify bundle.tar.gz
  ./run.sh verify bundle.tar.gz --dataset ILSVRC2012_val        # where the data set was too large for the bundle

exit status: 0 everything is equal; 1 something is not; 2 it could not be judged: no bundle, or data that are not here
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The archive, and data that it lacks."""
    parser.add_argument("bundle", type=Path, help="what `bundle` wrote")
    parser.add_argument("--dataset", type=Path, metavar="PATH", help="the data set, where the bundle lacks it")
    parser.add_argument("--truth", type=Path, metavar="PATH", help="the ground truth, where the bundle lacks it")


def main(arguments: argparse.Namespace) -> Outcome:
    """Unpacks into a folder of its own and verifies."""
    from harness.errors import EXIT_INVALID, EXIT_USER, EXIT_VALID, ConfigError
    from harness.json_records import to_json
    from harness.submission.bundle.verify import verify

    if not arguments.bundle.is_file():
        raise ConfigError(f"no bundle at {arguments.bundle}")
    with ScratchFolder("verify") as folder:
        done = verify(arguments.bundle, Path(folder), arguments.dataset, arguments.truth)
    lines = [f"file: {one}" for one in done.wrong_files] + [f"cannot be judged: {one}" for one in done.cannot]
    for run in done.runs:
        scores = ", ".join(f"{name} {value:.6g}" for name, value in run.scores.items())
        lines += [
            f"{'equal' if run.equal else 'NOT EQUAL'}: {run.run} ({run.mode}) {scores}",
            *(f"  {why}" for why in run.why),
        ]
    verdict = "everything is equal" if done.equal else "not everything is equal"
    lines += [f"{done.bundle}: {done.files:,} files, {verdict}", f"SHA-256 {done.sha256}"]
    unequal = done.wrong_files or any(not run.equal for run in done.runs)
    status = EXIT_INVALID if unequal else EXIT_USER if done.cannot else EXIT_VALID
    return Outcome(status, "\n".join(lines), to_json(done))
