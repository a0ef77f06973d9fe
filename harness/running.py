"""What `run` does: the options as overrides of the config, then one run or a series.

What draws tables, and what searches, is imported when it is needed: a run begins some 30 ms sooner.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path
from typing import Any

from harness.cli import Outcome
from harness.commands.run import FIELDS
from harness.config import find_benchmark, parse_assignment, parse_value
from harness.errors import ConfigError, exit_status
from harness.resolve import resolve
from harness.results import RESULT_FILE, read_result
from harness.run import execute, status_of
from harness.screen import Screen
from harness.series import Plan, execute_series, plan_series
from harness.spec import least_duration_s
from harness.zoo.official import cache_dir


def run(arguments: argparse.Namespace) -> Outcome:
    """Runs what the options say."""
    config = find_benchmark(arguments.task)
    overrides = _overrides(arguments)
    plans = plan_series(
        config,
        overrides,
        models=arguments.model or [],
        backends=arguments.backend or [],
        repeat=_repeat(arguments.repeat),
        cache_dir=cache_dir(),
    )
    screen = Screen(quiet=arguments.json)
    out = Path(arguments.out) if arguments.out else _default_out(plans[0])
    found = (out / RESULT_FILE).exists()
    try:
        if plans[0].mode == "find-peak":
            from harness.find_peak import execute_find_peak

            result, text = execute_find_peak(plans[0], out, screen)
        elif len(plans) > 1:
            result, text = execute_series(plans, out, screen)
        else:
            spec = resolve(config, plans[0].overrides, cache_dir())
            _announce(screen, plans[0], spec, out)
            result = execute(spec, out, screen)
            from harness.report import render

            text = f"{render(result)}\n{out}"
    except BaseException as error:
        if not arguments.out:
            _remove_if_empty(out)
        status = exit_status(error)
        if arguments.json and status is not None and not found and (out / RESULT_FILE).exists():
            return Outcome(status, "", read_result(out), str(error))
        raise
    return Outcome(status_of(result), text, result)


def _announce(screen: Screen, plan: Plan, spec: Any, out: Path) -> None:
    screen.expect(least_duration_s(spec))
    if spec.model.source == "standin":
        asked = dict(plan.overrides).get("model.use") == "standin"
        why = "" if asked else "no official file is here, so "
        fetch = "" if asked else f". Get the official one with: ./run.sh fetch {spec.model.name}"
        screen.say(f"{plan.benchmark}: {why}a stand-in of the same architecture runs{fetch}")
    screen.say(f"{spec.title}, {spec.load.scenario}, {spec.load.mode}, in {out}")


def _overrides(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
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


def _repeat(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(f"--repeat must be a whole number of at least 1, not {text!r}")
    return int(text)


def _remove_if_empty(out: Path) -> None:
    """A run that never began leaves nothing behind."""
    with contextlib.suppress(OSError):
        out.rmdir()
        out.parent.rmdir()


def _default_out(plan: Plan) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = f"{stamp}-{plan.benchmark}-{plan.backend}-{plan.scenario}"
    for number in range(1, 1000):
        out = Path("results") / (name if number == 1 else f"{name}-{number}")
        try:
            # Made here, so that two runs started in the same second never share it.
            out.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f"cannot write the run's directory {out}: {error.strerror}") from None
        return out
    raise ConfigError(f"results/{name} and 998 more of the same name exist: name another with --out")
