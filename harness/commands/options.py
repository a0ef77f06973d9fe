"""Options that verbs share, and how they become fields of the config."""

from __future__ import annotations

import argparse
from typing import Any

FIELDS = {
    "scenario": ("load.scenario", "NAME", "SingleStream, MultiStream, Server or Offline (default SingleStream)"),
    "mode": (
        "load.mode",
        "NAME",
        "performance, accuracy, submission (both, in runs of their own) or find-peak: the highest load at which "
        "Server is VALID (default performance)",
    ),
    "preset": ("load.preset", "NAME", "rules, quick or rapid: how long (default rules)"),
    "round": ("load.round", "NAME", "the MLPerf round whose figures count (default: the newest that has the task)"),
    "dataset": (
        "dataset.use",
        "NAME|PATH",
        "a path, a data set of the config, official, builtin or auto (default auto)",
    ),
    "truth": ("dataset.truth", "PATH", "the ground truth (default: found in or beside the data set)"),
    "profile": (
        "dataset.profile",
        "NAME",
        "how pictures are prepared: mobile, tflite-eval, pillow or opencv (default mobile)",
    ),
    "signature": (
        "model.signature",
        "NAME",
        "the model's signature to run (default serving_default, or the only one; inspect lists them)",
    ),
    "state": (
        "model.state",
        "NAME",
        "of a recurrent or streaming model: reset puts what it keeps back before every query (default), keep lets it live on "
        "in one instance",
    ),
    "threads": ("backend.threads", "N", "CPU threads of one instance, or auto (default)"),
    "instances": ("backend.instances", "N", "copies of the model in Server and Offline, or auto (default)"),
    "batch": ("backend.batch", "N", "samples of one invoke, or auto (default)"),
    "count": ("dataset.count", "N", "use the first N samples"),
    "max-sample-memory": (
        "load.max_sample_memory",
        "SIZE",
        "what the samples in memory at once may take, as 512MB (default half of the memory available)",
    ),
}
"""Option -> the config field it writes, what its value is, and help. The config checks the values."""


def overrides_of(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    """Fields of the config that the options of `run` set."""
    from harness.config.files import parse_assignment, parse_value

    found: list[tuple[str, Any]] = []
    found.extend(parse_assignment(text) for text in arguments.set)
    for name, (field, *_) in FIELDS.items():
        text = getattr(arguments, name.replace("-", "_"))
        if text is not None:
            numeric = name in ("threads", "instances", "batch", "count")
            found.append((field, parse_value(f"--{name}", text) if numeric else text))
    found += input_shapes_of(arguments)
    if arguments.require_full is not None:
        found.append(("backend.require_full", parse_value("--require-full", arguments.require_full)))
    if arguments.allow_mismatch:
        found.append(("backend.allow_mismatch", True))
    return found


def add_input_shape(parser: argparse.ArgumentParser) -> None:
    """The option `--input-shape`, which may be repeated."""
    parser.add_argument(
        "--input-shape",
        action="append",
        default=[],
        metavar="NAME=SIZES",
        help="the shape of an input whose size the file leaves open, as picture=1,224,224,3; repeat for several inputs",
    )


def input_shapes_of(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    """The field that `--input-shape` sets.

    Raises:
        ConfigError: Not of the form NAME=SIZES, or one input named twice.
    """
    from harness.errors import ConfigError

    shapes: dict[str, list[int]] = {}
    for text in arguments.input_shape:
        # A tensor's name may hold an equals sign, sizes never do. Without a name: the only input.
        name, _, sizes = text.rpartition("=")
        numbers = [size.strip() for size in sizes.split(",")]
        if not all(size.isascii() and size.isdigit() and int(size) > 0 for size in numbers):
            raise ConfigError(f"--input-shape {text}: write it as NAME=SIZES, for example picture=1,224,224,3")
        if name in shapes:
            raise ConfigError(f"--input-shape names {name or 'the only input'} twice: {text}")
        shapes[name] = [int(size) for size in numbers]
    return [("model.input_shapes", shapes)] if shapes else []


def repeats(text: str) -> int:
    """How often, as `--repeat` has it."""
    from harness.errors import ConfigError

    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(f"--repeat must be a whole number of at least 1, not {text!r}")
    return int(text)
