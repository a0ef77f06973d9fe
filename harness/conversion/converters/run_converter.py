"""Starts a converter in its environment: files in, files out, and a JSON file with what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.conversion.converters.forms import Environment, Foreign
from harness.errors import ConfigError, RunFailed
from harness.json_records import NotThisRecord, from_json
from harness.machine.child_process import how_it_ended, last_lines
from harness.scratch_folder import ScratchFolder
from harness.whole_file import replacing

_SCRIPTS: Mapping[Environment, str] = {
    "tensorflow": "tensorflow_script.py",
    "torch": "torch_script.py",
    "onnx": "onnx_script.py",
}
_LAST_LINES = 3
_LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Of this environment's variables: they would bring its packages into the other."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a converter says."""

    error: str
    """Empty where all went well."""
    versions: Mapping[str, str]
    """Package -> version."""


def interpreter(environment: Environment) -> Path:
    """The Python of a converter's environment, which lies beside this one's packages.

    Raises:
        ConfigError: It is not here; the message has the command that brings it.
    """
    found = Path(sys.prefix) / "converters" / environment / "bin" / "python"
    if not (found.parent.parent / ".stamp").is_file():
        raise ConfigError(
            "that needs a converter in an environment of its own, which is not here: "
            f"./run.sh install converters {environment}"
        )
    return found


def run_converter(foreign: Foreign, place: Path, *, trusted: bool) -> Converted:
    """Writes the network as a float TFLite file.

    Args:
        foreign: The network.
        place: Of the file; its folder is there.
        trusted: Code that the network brings may run.

    Raises:
        ConfigError: The converter is not here, or refuses the network; or that may run code, and nobody said it may.
        RunFailed: The converter broke.
    """
    if foreign.may_run_code and not trusted:
        raise ConfigError(
            f"{foreign.path} could run code of its makers when it is read: {foreign.may_run_code}. If you trust them, say "
            "so with --trust-checkpoint"
        )
    words = (foreign.form, str(foreign.path.resolve()), "trusted" if trusted else "safe")
    return _run(foreign.environment, _SCRIPTS[foreign.environment], words, place, f"{foreign.path}, {foreign.words},")


def unpickle(source: Path, place: Path, *, trusted: bool) -> Converted:
    """Writes the tensors of a pickled PyTorch checkpoint as an .npz file, by PyTorch's own reader of weights alone.

    Raises:
        ConfigError: Nobody said that it may be read; PyTorch is not here, or refuses the file.
        RunFailed: It broke.
    """
    if not trusted:
        raise ConfigError(
            f"{source} is a pickle, which could run code of its makers when it is read: get a model.safetensors in its place, "
            "or, if you trust them, say so with --trust-checkpoint"
        )
    words = ("pickled-weights", str(source.resolve()), "trusted")
    return _run("torch", "pickle_script.py", words, place, f"{source}, a pickled checkpoint,")


def _run(environment: Environment, script: str, words: tuple[str, str, str], place: Path, called: str) -> Converted:
    """Has a script make a file.

    Args:
        environment: Whose Python runs it.
        script: Its name, in this folder.
        words: The form, the source, and whether it is trusted.
        place: Of the file.
        called: The source, for messages.
    """
    python = interpreter(environment)
    form, source, trust = words
    with ScratchFolder("convert") as folder:
        answer, log = Path(folder) / "answer.json", Path(folder) / "converter.log"
        made = Path(folder) / f"made{place.suffix}"
        variables = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
        with log.open("wb") as output:
            status = subprocess.run(
                [str(python), "-I", str(Path(__file__).with_name(script)), form, source, str(made), str(answer), trust],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            ).returncode
        said = "; ".join(last_lines(log, _LAST_LINES))
        if status or not answer.is_file():
            raise RunFailed(f"the converter {how_it_ended(status)}{f': {said}' if said else ''}")
        try:
            converted = from_json(Converted, json.loads(answer.read_text(encoding="utf-8")))
        except (ValueError, NotThisRecord, RecursionError) as error:
            raise RunFailed(f"the converter's answer cannot be read: {error}") from None
        if converted.error:
            raise ConfigError(f"{called} cannot be converted: {converted.error}")
        with replacing(place) as file:
            file.write(made.read_bytes())
    return converted
