"""`profile`: what each op of a model takes. Only its options: what it does is imported after `--help` has answered."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import options
from harness.commands.any_model import subject as of_subject
from harness.commands.elsewhere import by_ssh, on_device
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError, unknown

if TYPE_CHECKING:
    from harness.devices.bench import AskedOfDevice
    from harness.model.subject import Subject
    from harness.profiling.record import Profile

EXAMPLES = """\
examples:
  ./run.sh profile model.tflite
  ./run.sh profile mobilenet_v2_1.0_224 --num_threads 2 --by order     a model of a collection, every op in run order
  ./run.sh profile model.tflite --trace trace.json --csv ops.csv       trace.json opens in ui.perfetto.dev
  ./run.sh profile model.tflite --json > before.json
  ./run.sh profile before.json model.tflite                            two profiles compared
  ./run.sh profile float.tflite int8.tflite
  ./run.sh profile model.tflite --advice                               and what would make it quicker here
  ./run.sh profile model.tflite --target adb:R58M123ABC --tool benchmark_model        on a phone (docs/targets.md)

exit status: 0 profiled; 2 something for you to fix, also a model or backend that the runtime cannot profile; 3 it broke
(docs/profile.md)
"""
_MOST_SECS = 86_400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is profiled, how long, and where it goes."""
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="a path, the name of a model or a benchmark (./run.sh list), or a profile that --json wrote; two are compared",
    )
    of_subject.add_backend(parser)
    parser.add_argument("--num_threads", "--threads", metavar="N", help="CPU threads (default 1)")
    parser.add_argument(
        "--num_runs",
        default="50",
        metavar="N",
        help="runs with the profiler, and as many without, in turns (default 50)",
    )
    parser.add_argument("--warmup_runs", default="1", metavar="N", help="runs before them (default 1)")
    parser.add_argument(
        "--max_secs", default="60", metavar="S", help="no further run begins after so long (default 60)"
    )
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="VIEW",
        help="type, slowest, order or shape; repeat for several (default type and slowest)",
    )
    parser.add_argument("--csv", metavar="FILE", help="a line for each op, in run order")
    parser.add_argument("--trace", metavar="FILE", help="one run for ui.perfetto.dev and chrome://tracing")
    parser.add_argument("--no-peak", action="store_true", help="do not measure the machine's peak")
    parser.add_argument(
        "--input_layer_value_range",
        metavar="NAME,LOW,HIGH:...",
        help="the range of an input's random values, in the model's own numbers",
    )
    of_subject.add_invocation(parser)
    add_format(parser)
    options.add_advice(parser)
    on_device.add_device(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Profiles, each model in a process of its own, or on a device."""
    if by_ssh.asked_by_ssh(arguments):
        return by_ssh.given_there("profile", arguments, add_arguments, arguments.models)
    formats = asked_formats(arguments)
    if formats and (arguments.target is not None or len(arguments.models) > 1):
        raise ConfigError(
            "--format is of one model's profile on this machine; of two, or of a device's, there is --json"
        )
    if (device := on_device.asked_device(arguments)) is not None:
        return _there(device, arguments)
    from harness.json_records import to_json
    from harness.profiling.report import VIEWS, as_csv, contrast, op_contrast, render, render_contrast
    from harness.profiling.told import told_of_profile
    from harness.profiling.trace import as_trace
    from harness.whole_file import replacing

    for view in arguments.by:
        if view not in VIEWS:
            raise ConfigError(f"--by: {unknown('view', view, VIEWS)}")
    files = {option: of_subject.output_file(f"--{option}", getattr(arguments, option)) for option in ("csv", "trace")}
    if len(arguments.models) > 2:
        raise ConfigError(f"{len(arguments.models)} models are given: one is profiled, two are compared")
    if len(arguments.models) == 2 and any(files.values()):
        raise ConfigError("--csv and --trace are of one profile: name one model")
    seconds = options.advice_seconds(arguments)
    if seconds is not None and (len(arguments.models) > 1 or arguments.models[0].endswith(".json")):
        raise ConfigError("--advice is of one model, which is measured here: name that alone")
    found = [_profile(name, arguments) for name in arguments.models]
    if len(found) == 2:
        data = {
            "profiles": [to_json(each) for each in found],
            "by_type": [to_json(each) for each in contrast(found[0], found[1])],
            "by_op": [to_json(each) for each in op_contrast(found[0], found[1])],
        }
        return Outcome(EXIT_VALID, render_contrast(found[0], found[1]), data)
    for path, text in ((files["csv"], as_csv), (files["trace"], as_trace)):
        if path is not None:
            with replacing(path) as file:
                file.write(text(found[0]).encode())
    shown, data = render(found[0], arguments.by or ("type", "slowest")), to_json(found[0])
    if seconds is None:
        return formatted(formats, Outcome(EXIT_VALID, shown, data), lambda: told_of_profile(found[0]))
    from harness.bench.advice.ways import advise
    from harness.bench.report import advice_lines
    from harness.bench.session import BenchCase, Settings
    from harness.report.screen import Screen

    ranges = of_subject.ranges_of(arguments.input_layer_value_range)
    advice = advise(
        BenchCase(_subject(arguments.models[0], arguments), arguments.backend or "cpu"),
        Settings(ranges=ranges),
        seconds,
        Screen(quiet=arguments.json or arguments.quiet).say,
    )
    shown = "\n".join([shown, "", *advice_lines(advice)])
    outcome = Outcome(EXIT_VALID, shown, data | {"advice": [to_json(each) for each in advice]})
    return formatted(formats, outcome, lambda: told_of_profile(found[0]))


def _there(device: AskedOfDevice, arguments: argparse.Namespace) -> Outcome:
    """By the tool on a device, which tells of ops in its own way."""
    from harness.bench.session import BenchCase, Settings
    from harness.devices.op_tables import VIEWS

    for option in ("csv", "trace", "advice"):
        if getattr(arguments, option) is not None:
            raise ConfigError(f"--{option} is of a model on this machine: leave it out with --target")
    if kept := [name for name in arguments.models if name.endswith(".json")]:
        raise ConfigError(f"{kept[0]} is a profile that was kept: --target measures models")
    for view in arguments.by:
        if view not in VIEWS:
            raise ConfigError(f"--by: {unknown('view of a device', view, VIEWS)}")
    settings = Settings(
        num_runs=of_subject.whole_number("--num_runs", arguments.num_runs) or 1,
        warmup_runs=of_subject.whole_number("--warmup_runs", arguments.warmup_runs) or 1,
        max_secs=_seconds(arguments.max_secs),
        min_secs=0.0,
        warmup_min_secs=0.0,
        ranges=of_subject.ranges_of(arguments.input_layer_value_range),
    )
    cases = [BenchCase(_subject(name, arguments), arguments.backend or "cpu") for name in arguments.models]
    views = arguments.by or ("type", "slowest")
    return on_device.bench_there(
        device, cases, settings, quiet=arguments.json or arguments.quiet, ops=True, views=views
    )


def _subject(name: str, arguments: argparse.Namespace) -> Subject:
    threads = of_subject.whole_number("--num_threads", arguments.num_threads, of_subject.MOST_THREADS)
    return of_subject.subject(name, arguments, arguments.backend, threads)


def _profile(name: str, arguments: argparse.Namespace) -> Profile:
    """A model's, made now, or one that was kept."""
    from harness.profiling.child import profile_of
    from harness.profiling.kept import read_profile
    from harness.report.screen import Screen

    if name.endswith(".json"):
        return read_profile(Path(name))
    runs = of_subject.whole_number("--num_runs", arguments.num_runs)
    warmup = of_subject.whole_number("--warmup_runs", arguments.warmup_runs)
    ranges = of_subject.ranges_of(arguments.input_layer_value_range)
    screen = Screen(quiet=arguments.json or arguments.quiet)
    found = profile_of(
        _subject(name, arguments),
        num_runs=runs or 1,
        warmup_runs=warmup or 1,
        max_secs=_seconds(arguments.max_secs),
        ranges=ranges,
        peak=not arguments.no_peak,
        hear=lambda heard: screen.count(heard.what, heard.done, heard.total),
    )
    screen.end_progress()
    return found


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= _MOST_SECS:
        raise ConfigError(f"--max_secs is a number of seconds above 0, a day at most, not {text!r}")
    return seconds
