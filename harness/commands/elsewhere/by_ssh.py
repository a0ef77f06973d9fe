"""`bench`, `profile` and `diff` with `--target ssh://...`: the same command, given on the device, its files sent before."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.elsewhere.forwarded import given_words
from harness.commands.elsewhere.on_target import refuse_local_libraries
from harness.commands.outcome import Outcome
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.remote.command import Printed, Sent
    from harness.remote.following import There
    from harness.spec.schema import ModelRef

_OF_A_PHONE = ("tool", "tool_sha256", "taskset", "cooldown")
_FILES_HERE = {
    "csv": "",
    "trace": "",
    "op_profiling_output_file": "",
    "output_file_path": "",
    "xnnpack_weight_cache_file_path": "",
    "input_layer_value_files": "; values of inputs go along by --input-file NAME=FILE",
}
"""Options whose files would be read or written on the device -> what to do besides leaving them out."""
_MODELS = ("graph", "model_file", "reference_model")
"""Options that name a model."""


def asked_by_ssh(arguments: argparse.Namespace) -> bool:
    """Whether the target is a machine by ssh."""
    return (arguments.target or "").startswith("ssh://")


@dataclass
class _Words:
    """A verb's words as they are there, and the models that they name."""

    words: list[str | Sent] = field(default_factory=list)
    models: dict[str, ModelRef] = field(default_factory=dict)

    def add_model(self, name: str, before: str = "") -> None:
        """A path goes along as a file. A name stays one: so a stand-in is called a stand-in."""
        from harness.remote.command import Sent
        from harness.spec.any_model import find_any_model
        from harness.zoo.files.official import cache_dir

        if name.endswith((".yaml", ".yml")):
            raise ConfigError(f"{name} is a config of this machine: with --target ssh:// name its model")
        if Path(name).is_file():
            self.words.append(Sent(Path(name).resolve(), before))
            return
        self.models[name] = find_any_model(name, cache_dir()).ref
        self.words.append(f"{before}{name}")

    def add_file(self, name: str, before: str) -> None:
        """A file that goes along."""
        from harness.remote.command import Sent

        if not Path(name).is_file():
            raise ConfigError(f"no file at {name}")
        self.words.append(Sent(Path(name).resolve(), before))


def given_there(
    verb: str,
    arguments: argparse.Namespace,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    models: Sequence[str],
) -> Outcome:
    """The command's outcome, as the device tells it.

    Args:
        verb: `bench`, say.
        arguments: Its options.
        add_arguments: The verb's own.
        models: That it is given without an option.

    Raises:
        ConfigError: It names what is of this machine, or the device cannot be reached.
    """
    from harness.remote.command import command_there
    from harness.remote.following import There
    from harness.remote.target import ssh_target
    from harness.report.screen import Screen

    target = ssh_target(arguments.target)
    _refuse_what_stays(arguments)
    asked = _Words([verb, *given_words(arguments, add_arguments, ("target", "input_file", *_MODELS))])
    asked.words += ["--json"] if arguments.json else []
    for text in getattr(arguments, "input_file", ()):
        name, _, file = text.rpartition("=")
        asked.add_file(file, f"--input-file={name}=" if name else "--input-file=")
    for option in _MODELS:
        if named := getattr(arguments, option, None):
            asked.add_model(named, f"--{option.replace('_', '-') if option == 'reference_model' else option}=")
    for model in models:
        asked.add_model(model)
    there = There(target, Screen(quiet=arguments.json or arguments.quiet))
    return printed_there(command_there(asked.words, asked.models, there), there, as_json=arguments.json)


def printed_there(done: Printed, there: There, *, as_json: bool) -> Outcome:
    """What a command there has printed, the device named first.

    Args:
        done: What it came to.
        there: Where.
        as_json: JSON is wanted here; where the command printed none, the text is a field of it.
    """
    if as_json:
        told = (json.loads(done.text) if "--json" in done.words else {"printed": done.text}) if done.text else {}
        return Outcome(done.status, "", {"target": str(there.target), "device": done.device, **told}, done.complaint)
    # A form for other programs stays that form.
    formed = any(word == "--json" or word.startswith("--format") for word in done.words)
    named = "" if formed or not done.text else f"{'device':20}{there.target}: {done.device}\n"
    return Outcome(done.status, named + done.text.rstrip("\n"), {}, done.complaint, as_it_is=True)


def _refuse_what_stays(arguments: argparse.Namespace) -> None:
    for option in _OF_A_PHONE:
        if getattr(arguments, option, None) is not None:
            raise ConfigError(f"--{option.replace('_', '-')} is of --target adb:SERIAL alone")
    for option, instead in _FILES_HERE.items():
        if getattr(arguments, option, None):
            raise ConfigError(f"--{option} names a file of this machine: with --target ssh:// leave it out{instead}")
    if any("=" in each for each in arguments.format):
        raise ConfigError(
            "--format with a file is of this machine: with --target ssh:// take standard output, or --json"
        )
    given = arguments.backend or []
    libraries = [given] if isinstance(given, str) else list(given)
    if getattr(arguments, "external_delegate_path", None):
        libraries.append(f"external:{arguments.external_delegate_path}")
    refuse_local_libraries(libraries)
