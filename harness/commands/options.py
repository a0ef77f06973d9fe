"""Options that verbs share, and how they become fields of the config."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.commands.input_options import input_ranges_of, input_shapes_of


@dataclass(frozen=True, slots=True)
class ConfigOption:
    """An option that writes a field of the config, which checks its value."""

    field: str
    value: str | None
    """What `--help` calls its value; None for a flag."""
    help: str
    number: bool = False
    """Its value is read as YAML has it, so that 2 is a number and auto a text; else it stays text."""
    alone: str | None = None
    """Its value where the option stands without one; None where it must have one."""
    sets: bool = True
    """What a flag sets the field to."""

    def add_to(self, parser: argparse.ArgumentParser, name: str) -> None:
        """Adds `--name`."""
        if self.value is None:
            parser.add_argument(f"--{name}", action="store_const", const=self.sets, default=None, help=self.help)
        elif self.alone is None:
            parser.add_argument(f"--{name}", metavar=self.value, help=self.help)
        else:
            parser.add_argument(f"--{name}", nargs="?", const=self.alone, metavar=self.value, help=self.help)


_ADVICE_S = "20"
FIELDS = {
    "scenario": ConfigOption(
        "load.scenario", "NAME", "SingleStream, MultiStream, Server or Offline (default SingleStream)"
    ),
    "mode": ConfigOption(
        "load.mode",
        "NAME",
        "performance, accuracy, submission (both, in runs of their own) or find-peak: the highest load at which "
        "Server is VALID (default performance)",
    ),
    "preset": ConfigOption("load.preset", "NAME", "rules, quick or rapid: how long (default rules)"),
    "rules": ConfigOption(
        "load.rules",
        "NAME",
        "the rule set that counts, as mobile-v6.0, inference-v6.1 or tiny-v1.4 (default: the newest mobile or tiny round "
        "that has the task)",
    ),
    "round": ConfigOption("load.round", "NAME", "short for a mobile rule set: v5.0 is --rules mobile-v5.0"),
    "cooldown": ConfigOption(
        "load.cooldown_s",
        "TIME",
        "of a submission: how long the machine rests before each performance run but the first, as 5m; 0s for not at all, "
        "which the result says (default: what the rules say, or until it is as cool as before)",
    ),
    "dataset": ConfigOption(
        "dataset.use", "NAME|PATH", "a path, a data set of the config, official, builtin or auto (default auto)"
    ),
    "reference-model": ConfigOption(
        "reference.model",
        "NAME|PATH",
        "of any model (task tensors), in accuracy runs: the model whose answers to the same samples are held to be right",
    ),
    "reference-backend": ConfigOption(
        "reference.backend",
        "NAME[:OPTIONS]",
        "likewise the backend that runs it, one thread (default cpu; alone: the model itself on that backend)",
    ),
    "truth": ConfigOption("dataset.truth", "PATH", "the ground truth (default: found in or beside the data set)"),
    "profile": ConfigOption(
        "dataset.profile", "NAME", "how pictures are prepared: mobile, tflite-eval, pillow or opencv (default mobile)"
    ),
    "signature": ConfigOption(
        "model.signature",
        "NAME",
        "the model's signature to run (default serving_default, or the only one; inspect lists them)",
    ),
    "state": ConfigOption(
        "model.state",
        "NAME",
        "of a recurrent or streaming model: reset puts what it keeps back before every query (default), keep lets it live on "
        "in one instance",
    ),
    "threads": ConfigOption("backend.threads", "N", "CPU threads of one instance, or auto (default)", number=True),
    "instances": ConfigOption(
        "backend.instances", "N", "copies of the model in Server and Offline, or auto (default)", number=True
    ),
    "batch": ConfigOption("backend.batch", "N", "samples of one invoke, or auto (default)", number=True),
    "dispatch": ConfigOption(
        "dispatch.use",
        "WHERE",
        "who answers Offline, Server and MultiStream: local (default), ray (a Ray cluster of this machine, for the run) or "
        "ray://HOST:PORT (one that is there, on a trusted network: docs/cluster.md)",
    ),
    "count": ConfigOption("dataset.count", "N", "use the first N samples", number=True),
    "max-sample-memory": ConfigOption(
        "load.max_sample_memory",
        "SIZE",
        "what the samples in memory at once may take, as 512MB (default half of the memory available)",
    ),
    "require-full": ConfigOption(
        "backend.require_full",
        "FRACTION",
        "at least this share of the ops in the delegate, else the run is refused with exit status 2 (as a flag: all)",
        number=True,
        alone="1.0",
    ),
    "allow-short": ConfigOption(
        "allow_short", None, "hold times and rates of a run too short for them against --require all the same"
    ),
    "no-query-times": ConfigOption(
        "load.query_times",
        None,
        "do not keep how long each query of a performance run took (query_times.bin, 8 bytes a query)",
        sets=False,
    ),
    "allow-mismatch": ConfigOption(
        "backend.allow_mismatch", None, "time a backend that disagrees with the CPU, and say so"
    ),
}
"""By name."""


def overrides_of(arguments: argparse.Namespace, fields: Mapping[str, ConfigOption] = FIELDS) -> list[tuple[str, Any]]:
    """Fields of the config that a verb's options set, `--set` first.

    Raises:
        ConfigError: An option's value cannot be read, or one field is given two.
    """
    from harness.config.fields import parse_assignment, parse_value
    from harness.errors import ConfigError

    found: list[tuple[str, Any]] = [parse_assignment(text) for text in arguments.set]
    for place, (field, value) in enumerate(found):
        if other := [repr(earlier) for name, earlier in found[:place] if name == field and earlier != value]:
            raise ConfigError(f"--set {field} is given twice, as {other[0]} and {value!r}: give it one value")
    for name, option in fields.items():
        given = getattr(arguments, name.replace("-", "_"))
        if given is not None:
            found.append((option.field, parse_value(f"--{name}", given) if option.number else given))
    return [*found, *input_shapes_of(arguments), *input_ranges_of(arguments), *labels_of(arguments)]


def add_label(parser: argparse.ArgumentParser) -> None:
    """The option `--label`, which may be repeated."""
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="kept in the result beside it, as build=1234; repeat for several",
    )


def labels_of(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    """The field that `--label` sets, where a verb has it.

    Raises:
        ConfigError: Not of the form NAME=VALUE, or one name twice.
    """
    from harness.errors import ConfigError

    labels: dict[str, str] = {}
    for text in getattr(arguments, "label", ()):
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"--label {text}: write it as NAME=VALUE, for example --label build=1234")
        if name in labels:
            raise ConfigError(f"--label names {name!r} twice: {text}")
        labels[name] = value
    return [("labels", labels)] if labels else []


def add_require(parser: argparse.ArgumentParser) -> None:
    """The option `--require`, which may be repeated."""
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="EXPR",
        help="what a metric or figure must reach, else exit status 1: 'top1>=0.75', 'p90<=5ms' (in quotes), top1:min=75%%, "
        "p90:max=5ms; repeat for several (docs/measuring.md, Requirements)",
    )


def add_advice(parser: argparse.ArgumentParser) -> None:
    """The option `--advice`, with its span of time or without."""
    parser.add_argument(
        "--advice",
        nargs="?",
        const=_ADVICE_S,
        metavar="TIME",
        help=f"measure what would make the model quicker here ({_ADVICE_S} s of turns at most), with the command for it",
    )


def advice_seconds(arguments: argparse.Namespace) -> float | None:
    """How long `--advice` may measure; None where it was not asked for.

    Raises:
        ConfigError: No span of time.
    """
    from harness.errors import ConfigError

    given: str | None = arguments.advice
    if given is None:
        return None
    try:
        seconds = span("--advice", given)
    except ConfigError:
        seconds = 0.0
    if seconds <= 0:
        raise ConfigError(
            f"--advice takes a span of time above 0, as --advice 20s or 1m, not {given!r}; a model goes before it"
        )
    return seconds


def span(option: str, text: str) -> float:
    """A span of time that an option takes, in seconds.

    Raises:
        ConfigError: It is none.
    """
    from harness.errors import ConfigError
    from harness.units import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"{option} {error}") from None


def add_task(parser: argparse.ArgumentParser) -> None:
    """The option `--task`, without which `--model` names any model."""
    parser.add_argument(
        "--task",
        metavar="NAME|FILE",
        help="a benchmark of configs/, an alias (qa, ...), or a YAML file (default tensors where --model is given: any model)",
    )


def task_of(arguments: argparse.Namespace) -> str:
    """The task that a command means.

    Raises:
        ConfigError: It names neither a task nor a model.
    """
    from harness.config.registry import ANY_MODEL
    from harness.errors import ConfigError

    if arguments.task is not None:
        return str(arguments.task)
    if not arguments.model:
        raise ConfigError(
            "name a task with --task (./run.sh list names all), or any model with --model FILE, which is then run as it is"
        )
    return ANY_MODEL


def repeats(text: str) -> int:
    """How often, as `--repeat` has it."""
    from harness.errors import ConfigError

    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(f"--repeat must be a whole number of at least 1, not {text!r}")
    return int(text)
