"""Options of verbs that measure on an Android device, and what `bench` and `profile` do with them."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import options
from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError

if TYPE_CHECKING:
    from harness.bench.session import BenchCase, Settings
    from harness.devices.bench import AskedOfDevice


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where, and by what."""
    group = parser.add_argument_group("on another machine or an Android device (docs/targets.md)")
    group.add_argument(
        "--target",
        metavar="adb:SERIAL|ssh://USER@HOST",
        help="measure there: on a phone by TFLite's own benchmark_model, by ssh by this harness",
    )
    group.add_argument("--tool", metavar="FILE", help="benchmark_model, built for the device")
    group.add_argument("--tool-sha256", metavar="HEX", help="that the tool's file must have")
    group.add_argument("--taskset", metavar="MASK", help="the device's cores to keep to, in hexadecimal, as f0")
    group.add_argument(
        "--cooldown", metavar="SPAN", help="wait so long at most before each model for a device that is not cool, as 2m"
    )


def asked_device(arguments: argparse.Namespace) -> AskedOfDevice | None:
    """What the options ask for; None for this machine.

    Raises:
        ConfigError: A mistake in them.
    """
    if arguments.target is None:
        for option in ("tool", "tool_sha256", "taskset", "cooldown"):
            if getattr(arguments, option) is not None:
                raise ConfigError(f"--{option.replace('_', '-')} is of a device: it needs --target adb:SERIAL")
        return None
    from harness.devices.bench import AskedOfDevice
    from harness.devices.target import adb_target, core_mask

    target = adb_target(arguments.target)
    if arguments.tool is None:
        raise ConfigError(
            f"--target {target} measures by TFLite's benchmark_model: give the file, built for the device, by --tool FILE"
        )
    sha256 = arguments.tool_sha256
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ConfigError(f"--tool-sha256 is 64 hexadecimal digits, not {sha256!r}")
    mask = None if arguments.taskset is None else core_mask(arguments.taskset)
    wait_s = None if arguments.cooldown is None else options.span("--cooldown", arguments.cooldown)
    return AskedOfDevice(target, Path(arguments.tool).absolute(), sha256, mask, wait_s)


def bench_there(
    asked: AskedOfDevice,
    cases: Sequence[BenchCase],
    settings: Settings,
    *,
    form: str = "table",
    quiet: bool,
    ops: bool = False,
    views: Sequence[str] = ("type", "slowest"),
) -> Outcome:
    """Measures on the device, and tells.

    Args:
        asked: Where, and by what.
        cases: What.
        settings: How often and how long.
        form: Of what is printed.
        quiet: Whether nothing is said of what is done now.
        ops: What each op takes is asked, too.
        views: The tables of that.

    Raises:
        ConfigError, RunFailed: See `harness.devices.bench.bench_on_device`.
    """
    from harness.devices.bench import bench_on_device
    from harness.devices.report import render
    from harness.json_records import to_json
    from harness.report.screen import Screen

    if form not in ("table", "json"):
        raise ConfigError(f"--format {form} is of models on this machine: a device's figures come as table or json")
    result = bench_on_device(asked, cases, settings, Screen(quiet=quiet).say, ops=ops)
    refused = [(row.name, row.refusal) for row in result.rows if row.refusal is not None]
    data = to_json(result)
    return Outcome(
        max((refusal.exit_status for _, refusal in refused), default=EXIT_VALID),
        render(result, views) if form == "table" else json.dumps(data, indent=2),
        data,
        "; ".join(f"{name}: {refusal.why}" for name, refusal in refused),
    )
