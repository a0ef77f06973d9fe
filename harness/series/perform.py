"""What `run` does: the options as overrides of the config, then one run or a series.

What draws tables, and what searches, is imported when it is needed: a run begins some 30 ms sooner.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import time
from pathlib import Path
from typing import Any

from harness.cli import Outcome
from harness.commands.run import FIELDS
from harness.config import find_benchmark, parse_assignment, parse_value
from harness.errors import EXIT_USER, ConfigError, exit_status, message_of
from harness.launch import RUN_LOG
from harness.loadgen_names import DETAIL_LOG
from harness.resolve import resolve
from harness.results import RESULT_FILE, read_result
from harness.run import execute, status_of
from harness.screen import Screen
from harness.series import Plan, execute_series, plan_series
from harness.spec import least_duration_s
from harness.zoo.official import cache_dir

_SAYS_NOTHING = re.compile(r"INFO: |Traceback |\s|[\w.]+: $|$")
"""A line of a worker's log: LiteRT's small talk, a traceback, the error's name."""


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
        status = exit_status(error)
        failed = None
        if arguments.json and status is not None and not found and (out / RESULT_FILE).exists():
            failed = Outcome(status, "", read_result(out), message_of(error))
        if not arguments.out:
            _remove_if_nothing_began(out, error)
        if failed is not None:
            return failed
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


def _remove_if_nothing_began(out: Path, error: BaseException) -> None:
    """What was refused before LoadGen began leaves nothing, unless a runtime or driver has said more of it than the error."""
    with contextlib.suppress(OSError):
        began = any(out.rglob(DETAIL_LOG))
        if (
            exit_status(error) == EXIT_USER
            and not began
            and not any(_says_more(log, error) for log in out.rglob(RUN_LOG))
        ):
            # Made by `_default_out` for this command alone.
            shutil.rmtree(out)
        else:
            out.rmdir()
        out.parent.rmdir()


def _says_more(log: Path, error: BaseException) -> bool:
    """Whether a worker's log holds more than the error, where it was raised, and what every run says."""
    said = log.read_text(encoding="utf-8", errors="replace").replace(str(error), "")
    return any(not _SAYS_NOTHING.match(line) for line in said.splitlines())


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
