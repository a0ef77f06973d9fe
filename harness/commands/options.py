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
    if arguments.require_full is not None:
        found.append(("backend.require_full", parse_value("--require-full", arguments.require_full)))
    if arguments.allow_mismatch:
        found.append(("backend.allow_mismatch", True))
    return found


def repeats(text: str) -> int:
    """How often, as `--repeat` has it."""
    from harness.errors import ConfigError

    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(f"--repeat must be a whole number of at least 1, not {text!r}")
    return int(text)
