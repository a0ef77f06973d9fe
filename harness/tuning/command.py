"""What `tune` does: the options as overrides of the config, the search, the file."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

from harness.backend_section import parse_backend
from harness.cli import Outcome
from harness.commands.tune import FIELDS
from harness.config import config_folder, find_benchmark, parse_assignment
from harness.errors import EXIT_VALID, ConfigError
from harness.screen import Screen
from harness.tuning.report import check_writable, render, result, write_config
from harness.tuning.session import Session
from harness.zoo.official import cache_dir

_PATHS = frozenset({"model.use", "dataset.use", "dataset.truth", "backend.options.library"})
_DAY_S = 86_400


def tune(arguments: argparse.Namespace) -> Outcome:
    """Runs what the options say.

    Raises:
        ConfigError: A mistake in them, or a file that is there already.
    """
    config = find_benchmark(arguments.task)
    budget_s = _budget(arguments.budget)
    overrides = _overrides(arguments)
    screen = Screen(quiet=arguments.json)
    session = Session(config, overrides, cache_dir(), budget_s=budget_s, fp16=arguments.allow_fp16, say=screen.say)
    file = Path(arguments.out) if arguments.out else _default_file(config.stem, session.spec.load.scenario)
    if file.exists() or file.is_symlink():
        raise ConfigError(f"{file} exists: tune never writes over a file; name another with --out")
    check_writable(file)
    found = session.search()
    # A benchmark of ours goes by its name, which holds wherever it is installed.
    base = config.stem if config.parent == config_folder() else str(config.resolve())
    write_config(found, base, overrides, file)
    return Outcome(EXIT_VALID, render(found, file), result(found, file))


def _overrides(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [parse_assignment(text) for text in arguments.set]
    found += [(field, value) for name, (field, *_) in FIELDS.items() if (value := getattr(arguments, name)) is not None]
    if arguments.backend is not None:
        found += parse_backend(arguments.backend)
    # The file may lie anywhere, so what is a path here must be one there.
    return [(field, _absolute(value) if field in _PATHS else value) for field, value in found]


def _absolute(value: Any) -> Any:
    is_path = isinstance(value, str) and ("/" in value or Path(value).exists())
    return str(Path(value).expanduser().resolve()) if is_path else value


def _budget(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigError(f"--budget is a number of seconds above 0, as --budget 120, not {text!r}")
    if seconds > _DAY_S:
        raise ConfigError(f"--budget is {_DAY_S:,} seconds (a day) at most, as --budget 120, not {text!r}")
    return seconds


def _default_file(task: str, scenario: str) -> Path:
    return Path("results") / f"{time.strftime('%Y%m%d-%H%M%S')}-{task}-{scenario}.yaml"
