"""`bench` and `profile` with `--target ssh://...`: the same command, given on the device, with the model's file sent before."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from harness.commands.elsewhere.forwarded import given_words
from harness.commands.outcome import Outcome
from harness.errors import ConfigError

_OF_A_PHONE = ("tool", "tool_sha256", "taskset", "cooldown")
_FILES_HERE = ("csv", "trace", "graph", "op_profiling_output_file")
"""Options whose files would be read or written on the device."""


def asked_by_ssh(arguments: argparse.Namespace) -> bool:
    """Whether the target is a machine by ssh."""
    return (arguments.target or "").startswith("ssh://")


def given_there(
    verb: str, arguments: argparse.Namespace, add_arguments: Callable[[argparse.ArgumentParser], None]
) -> Outcome:
    """The command's outcome, as the device tells it.

    Args:
        verb: `bench` or `profile`.
        arguments: Its options.
        add_arguments: The verb's own.

    Raises:
        ConfigError: It names what is of this machine, or the device cannot be reached.
    """
    for option in _OF_A_PHONE:
        if getattr(arguments, option) is not None:
            raise ConfigError(f"--{option.replace('_', '-')} is of --target adb:SERIAL alone")
    for option in _FILES_HERE:
        if getattr(arguments, option, None):
            raise ConfigError(f"--{option} names a file of this machine: with --target ssh:// leave it out")
    if any("=" in each for each in arguments.format):
        raise ConfigError(
            "--format with a file is of this machine: with --target ssh:// take standard output, or --json"
        )
    from harness.remote.command import Sent, command_there
    from harness.remote.following import There
    from harness.remote.target import ssh_target
    from harness.report.screen import Screen

    words: list[str | Sent] = [verb, *given_words(arguments, add_arguments, ("target", "input_file"))]
    words += ["--json"] if arguments.json else []
    for text in getattr(arguments, "input_file", ()):
        name, _, file = text.rpartition("=")
        words.append(Sent(_file(file), f"--input-file={name}=" if name else "--input-file="))
    words += [Sent(_file(model)) for model in arguments.models]
    there = There(ssh_target(arguments.target), Screen(quiet=arguments.json or arguments.quiet))
    done = command_there(words, there)
    if arguments.json:
        data = {"target": str(there.target), "device": done.device, **(json.loads(done.text) if done.text else {})}
        return Outcome(done.status, "", data, done.complaint)
    # A form for other programs stays that form.
    named = "" if arguments.format or not done.text else f"{'device':20}{there.target}: {done.device}\n"
    return Outcome(done.status, named + done.text.rstrip("\n"), {}, done.complaint, as_it_is=True)


def _file(name: str) -> Path:
    """A model of the house has another name there, which would not say that it is a stand-in."""
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"no file at {name}: with --target ssh:// a model is named by its path")
    return path.resolve()
