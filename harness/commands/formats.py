"""The option `--format` of verbs whose figures other programs read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.any_model.subject import output_file
from harness.commands.outcome import Outcome
from harness.errors import ConfigError, UnknownName
from harness.user_paths import absolute

if TYPE_CHECKING:
    from harness.report.figure_rows import Told

NAMES = ("junit", "markdown", "prometheus", "csv", "github", "github-bigger", "bencher")


def add_format(parser: argparse.ArgumentParser, own: Sequence[str] = ()) -> None:
    """The option, which may be repeated.

    Args:
        parser: Of the verb.
        own: Further names that the verb itself writes.
    """
    parser.add_argument(
        "--format",
        action="append",
        default=[],
        metavar="NAME[=FILE]",
        help=f"figures and verdicts for other programs, in FILE or on standard output: "
        f"{', '.join(dict.fromkeys((*own, *NAMES)))}; repeat for several "
        "(docs/ci.md)",
    )


def asked_formats(arguments: argparse.Namespace, own: Sequence[str] = ()) -> list[tuple[str, Path | None]]:
    """What is asked for, seen to be possible before anything runs.

    Args:
        arguments: The command's.
        own: As `add_format` was told.

    Raises:
        ConfigError: An unknown name, a file that cannot be written, two for standard output.
    """
    found = []
    for text in arguments.format:
        name, equals, file = text.partition("=")
        if name not in NAMES and name not in own:
            raise UnknownName("format", name, {*own, *NAMES})
        if equals and not file:
            raise ConfigError(f"--format {text} names no file: write {name}=FILE, or {name} for standard output")
        if file == "-":
            raise ConfigError(
                f"--format {text}: for standard output write {name} alone, for a file of that name {name}=./-"
            )
        found.append((name, output_file("--format", file) if equals else None))
    files = [absolute(file) for _, file in found if file is not None]
    if twice := next((file for file in files if files.count(file) > 1), None):
        raise ConfigError(f"two formats are to be written to {twice}: give each its own file")
    if sum(file is None for _, file in found) > (0 if arguments.json else 1):
        raise ConfigError(
            "only one thing goes to standard output: give the other formats files, as --format junit=FILE"
        )
    return found


def formatted(
    asked: Sequence[tuple[str, Path | None]],
    outcome: Outcome,
    told: Callable[[], Told],
    own: Mapping[str, Callable[[], str]] | None = None,
) -> Outcome:
    """The outcome, with what is asked for written to files, or in the place of its text.

    Args:
        asked: As `asked_formats` found it.
        outcome: The verb's.
        told: All that is written.
        own: Name -> text, of the verb's own formats.
    """
    if not asked:
        return outcome
    from harness.report.for_programs.formats import FORMATS
    from harness.way_in import as_entered
    from harness.whole_file import replacing

    all_told = told()
    for name, file in asked:
        text = own[name]() if own and name in own else as_entered(FORMATS[name](all_told))
        if file is None:
            outcome = replace(outcome, text=text.rstrip("\n"), wanted=True)
        else:
            with replacing(file) as opened:
                opened.write(text.encode("utf-8", "backslashreplace"))
    return outcome
