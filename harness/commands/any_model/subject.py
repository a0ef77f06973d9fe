"""Options of the verbs that take any model, without a task: which model, behind which backend, invoked how."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands import options
from harness.commands.input_options import add_input_shape
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.model.subject import Subject

FIELDS = {name: options.FIELDS[name] for name in ("signature", "state")}
"""Options that write a field of the config, by name."""
MOST_THREADS = 1024
"""More is a slip of the keyboard."""


def add_invocation(parser: argparse.ArgumentParser, sections: str = "sections model and backend") -> None:
    """How the model is invoked, and any other field of these sections of the config."""
    for name, option in FIELDS.items():
        option.add_to(parser, name)
    add_input_shape(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help=f"a field of the config's {sections}, as model.input_size=224",
    )


def add_backend(parser: argparse.ArgumentParser) -> None:
    """What runs it."""
    parser.add_argument(
        "--backend",
        metavar="NAME[:OPTIONS]",
        help="cpu (default), gpu, nnapi, edgetpu, npu, external:PATH[,key=value...] or a plug-in's name; :key=value,... for "
        "its options, as cpu:xnnpack=false",
    )


def subject(name: str, arguments: argparse.Namespace, backend: str | None, threads: int | None) -> Subject:
    """The model that is asked for.

    Args:
        name: A path, or the name of a model or a benchmark.
        arguments: Of a parser with `add_invocation`.
        backend: As `--backend` has it; None for the config's own, the CPU.
        threads: CPU threads; None leaves them to the config, which mostly leaves them at 1.

    Raises:
        ConfigError: A mistake in them, or a model that is not here.
    """
    from harness.config.backend import parse_backend
    from harness.spec.any_model import find_any_model, subject_of
    from harness.zoo.files.official import cache_dir

    overrides: list[tuple[str, Any]] = options.overrides_of(arguments, FIELDS)
    if backend is not None:
        overrides += parse_backend(backend)
    cache = cache_dir()
    return subject_of(find_any_model(name, cache), overrides, cache, threads=threads)


def whole_number(option: str, text: str | None, most: int | None = None) -> int | None:
    """A count of at least 1.

    Raises:
        ConfigError: It is none.
    """
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1 or (most is not None and int(text) > most):
        between = "of at least 1" if most is None else f"from 1 to {most:,}"
        raise ConfigError(f"{option} must be a whole number {between}, not {text!r}")
    return int(text)


def ranges_of(text: str | None) -> dict[str, tuple[float, ...]]:
    """`NAME,LOW,HIGH:NAME,LOW,HIGH`, as benchmark_model has it; `::` is a colon of a name.

    Raises:
        ConfigError: Not of that form, or one input named twice.
    """
    found: dict[str, tuple[float, ...]] = {}
    colon = "\0"
    for item in (text or "").replace("::", colon).split(":"):
        if not item:
            continue
        words = item.replace(colon, ":").rsplit(",", 2)
        try:
            low, high = (float(word) for word in words[1:])
        except ValueError:
            raise ConfigError(
                f"--input_layer_value_range {item.replace(colon, '::')}: write it as NAME,LOW,HIGH, for example "
                "input_ids,0,30521; a colon stands between two inputs"
            ) from None
        if words[0] in found:
            raise ConfigError(f"--input_layer_value_range names {words[0]!r} twice")
        found[words[0]] = (low, high)
    return found


_DEVICES = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))
_PART_OF_A_RUN = re.compile(
    r"(result|samples)\.json|spec\.yaml|user\.conf|run\.log|(query_times|machine_trace)\.bin|mlperf_log_.*"
)


def output_file(option: str, text: str | None) -> Path | None:
    """Where something is written in the end, seen to be possible before anything is measured.

    Raises:
        ConfigError: Its folder is not there, it is a folder itself, a device or a pipe, or a model or a part of a run, which
            would be lost.
    """
    if text is None:
        return None
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(
            f"{option} {text} cannot be written: {'it is a folder' if path.is_dir() else 'no such folder'}"
        )
    # It would be put into the place of what is there, whole: also into that of /dev/stdout.
    if path.absolute().parent in _DEVICES or (path.exists() and not path.is_file()):
        raise ConfigError(
            f"{option} {text} cannot be written: it is a device or a pipe, and only a file is written whole or not at all"
        )
    if path.exists() and (path.suffix == ".tflite" or _PART_OF_A_RUN.fullmatch(path.name)):
        raise ConfigError(f"{option} {text} would be written over a model or a part of a run: name another file")
    return path
