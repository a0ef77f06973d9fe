"""`bench`: models timed alone, several of them in turns. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import options
from harness.commands.any_model import benchmark_model_flags as flags
from harness.commands.any_model import subject as of_subject
from harness.commands.any_model.benchmark_model_refused import refuse_what_is_not_here
from harness.commands.elsewhere import by_ssh, on_device
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError

if TYPE_CHECKING:
    from harness.bench.result import BenchResult
    from harness.bench.session import BenchCase, Settings
    from harness.profiling.record import Profile
    from harness.turns.process import MeasuringProcess

EXAMPLES = """\
examples:
  ./run.sh bench model.tflite
  ./run.sh bench a.tflite b.tflite                       in turns, with the ratio and its interval
  ./run.sh bench mobilenet_v2_1.0_224 --threads 2        a model of a benchmark or a collection (./run.sh list)
  ./run.sh bench model.tflite --backend cpu --backend cpu:engine=CompiledModel
  ./run.sh bench --graph=model.tflite --num_runs=100 --run_delay=0.01 --use_xnnpack=false
  ./run.sh bench model.tflite --advice                   what would make it quicker here, measured
  ./run.sh bench model.tflite --input-file image=image.npy --format csv --format junit=bench.xml
  ./run.sh bench model.tflite --target adb:R58M123ABC --tool benchmark_model --taskset f0 --backend gpu
  ./run.sh bench mobilenet_v2_1.0_224 --target ssh://pi@board                    on another machine (docs/targets.md)

It measures by its own clock in a process of the model's own, without LoadGen: for a result by MLPerf's rules use run.
exit status: 0 measured; 2 a mistake, or the runtime refuses a model; 3 a model's process broke
"""


_OWN_FORMATS = ("table", "json", "csv")
"""Written by `bench` itself; its csv has a column a figure."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The models, behind what, how long, and what they are asked."""
    parser.add_argument(
        "models", nargs="*", metavar="MODEL", help="a path, or a name of ./run.sh list; several take turns"
    )
    parser.add_argument(
        "--backend",
        action="append",
        metavar="NAME[:OPTIONS]",
        help="cpu (default), gpu, ... as of run; repeat to hold several against each other",
    )
    parser.add_argument("--threads", metavar="N", help="CPU threads (default: the config's, else 1)")
    options.FIELDS["require-full"].add_to(parser, "require-full")
    of_subject.add_invocation(parser)
    parser.add_argument(
        "--input-file",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="an input's values: .npy, or its bytes; repeat",
    )
    parser.add_argument(
        "--input-range",
        # Not `input_range`, which `run` and its kin read into a field of the config: there is no data set here.
        dest="value_ranges",
        action="append",
        default=[],
        metavar="NAME=LO,HI",
        help="of an input's random values; repeat",
    )
    parser.add_argument("--seed", metavar="N", help="of the random values (the same seed, the same values)")
    add_format(parser, _OWN_FORMATS)
    options.add_advice(parser)
    on_device.add_device(parser)
    flags.add_flags(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Measures and tells."""
    if by_ssh.asked_by_ssh(arguments):
        return by_ssh.given_there("bench", arguments, add_arguments, arguments.models)
    if (device := on_device.asked_device(arguments)) is not None:
        plan = plan_of(arguments)
        if plan.advice_s is not None or plan.profile_file is not None:
            raise ConfigError(
                "--advice and --op_profiling_output_file are of this machine: leave them out with --target"
            )
        forms = [name for name, _ in plan.formats]
        if len(forms) > 1 or any(file is not None for _, file in plan.formats):
            raise ConfigError("a device's figures go to standard output, in one form: --format table or json")
        form = forms[0] if forms else "table"
        return on_device.bench_there(device, plan.cases, plan.settings, form=form, quiet=plan.quiet, ops=plan.profiles)
    from harness.bench.processes import new_process

    # It loads the runtime while this process reads configs.
    process = new_process()
    process.start()
    try:
        plan = plan_of(arguments)
        result = _measured(plan, process)
    finally:
        process.close()
    from harness.bench.report import render
    from harness.bench.spreadsheet import csv_text
    from harness.bench.told import told_of_bench
    from harness.json_records import to_json

    profiles = _profiles(plan, result) if plan.profiles else []
    data = to_json(result) | ({"profiles": [to_json(each) for each in profiles]} if profiles else {})
    texts = {
        "table": lambda: "\n\n".join([render(result), *map(_profile_text, profiles)]),
        "json": lambda: json.dumps(data, indent=2),
        "csv": lambda: csv_text(result),
    }
    refused = [row for row in result.rows if row.refusal is not None]
    status = max((row.refusal.exit_status for row in refused if row.refusal), default=EXIT_VALID)
    complaint = "; ".join(f"{row.name}: {row.refusal.why}" for row in refused if row.refusal)
    nothing = len(refused) == len(result.rows)
    outcome = Outcome(status, "" if nothing else texts["table"](), data, complaint)
    return formatted(plan.formats, outcome, lambda: told_of_bench(result), texts)


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What the options ask for."""

    cases: Sequence[BenchCase]
    settings: Settings
    advice_s: float | None
    profiles: bool
    profile_file: Path | None
    formats: Sequence[tuple[str, Path | None]]
    quiet: bool


def plan_of(arguments: argparse.Namespace) -> BenchRequest:
    """What the options ask for.

    Raises:
        ConfigError: A mistake in them, or a model that is not here.
    """
    refuse_what_is_not_here(arguments)
    formats = asked_formats(arguments, _OWN_FORMATS)
    return BenchRequest(
        settings=settings_of(arguments),
        advice_s=options.advice_seconds(arguments),
        profiles=flags.truth(arguments, "enable_op_profiling") is True,
        profile_file=of_subject.output_file("--op_profiling_output_file", flags.csv_of_ops(arguments)),
        formats=formats,
        quiet=arguments.json or arguments.quiet or any(file is None and name != "table" for name, file in formats),
        cases=asked_of(arguments),
    )


def _measured(plan: BenchRequest, process: MeasuringProcess) -> BenchResult:
    from harness.bench.session import bench
    from harness.report.screen import Screen

    screen = Screen(quiet=plan.quiet)
    result = bench(plan.cases, plan.settings, screen.say, process)
    if plan.advice_s is None or result.rows[0].refusal is not None:
        return result
    from harness.bench.advice.ways import advise

    return replace(result, advice=advise(plan.cases[0], plan.settings, plan.advice_s, screen.say))


def _profiles(plan: BenchRequest, result: BenchResult) -> list[Profile]:
    """What each op of the models takes that could be measured, by `profile`."""
    from harness.profiling.child import profile_of
    from harness.profiling.report import as_csv
    from harness.report.screen import Screen
    from harness.whole_file import replacing

    screen = Screen(quiet=plan.quiet)
    found = [
        profile_of(
            case.subject,
            num_runs=plan.settings.num_runs,
            warmup_runs=max(1, plan.settings.warmup_runs),
            max_secs=plan.settings.max_secs,
            ranges=plan.settings.ranges,
            hear=lambda heard: screen.count(heard.what, heard.done, heard.total),
        )
        for case, row in zip(plan.cases, result.rows, strict=True)
        if row.refusal is None
    ]
    screen.end_progress()
    if plan.profile_file is not None:
        with replacing(plan.profile_file) as opened:
            opened.write("\n".join(map(as_csv, found)).encode())
    return found


def _profile_text(profile: Profile) -> str:
    from harness.profiling.report import render

    return render(profile, ("type", "slowest"))


def asked_of(arguments: argparse.Namespace) -> list[BenchCase]:
    """Every model behind every backend.

    Raises:
        ConfigError: No model, or one that is not here, or options that contradict each other.
    """
    from harness.bench.session import BenchCase

    swallowed = flags.swallowed_models(arguments)
    models = [*arguments.models, *swallowed, *([arguments.graph] if arguments.graph is not None else [])]
    if not models:
        raise ConfigError("name a model: ./run.sh bench model.tflite (./run.sh list names those that are known)")
    of_flags = flags.backends_of(arguments)
    if of_flags and arguments.backend:
        raise ConfigError(
            f"--backend {arguments.backend[0]} and benchmark_model's flags for {of_flags[0]}: use one of the two"
        )
    backends = of_flags or arguments.backend or ["cpu"]
    _take_flags(arguments)
    threads = of_subject.whole_number("--threads", arguments.threads, of_subject.MOST_THREADS)
    return [
        BenchCase(of_subject.subject(model, arguments, None if each == "cpu" else each, threads), each)
        for model in models
        for each in backends
    ]


def settings_of(arguments: argparse.Namespace) -> Settings:
    """How often and how long, and what is asked.

    Raises:
        ConfigError: A number or a pair that is none, or an input that is named twice.
    """
    from harness.bench.session import Settings

    pairs = [_pair("--input-file", text) for text in arguments.input_file]
    ends = [_pair("--input-range", text) for text in arguments.value_ranges]
    files = flags.files_of(arguments)
    ranges = of_subject.ranges_of(arguments.input_layer_value_range)
    for name, _ in pairs:
        if name in files or [each for each, _ in pairs].count(name) > 1:
            raise ConfigError(f"the input {name} is given two files")
    for name, _ in ends:
        if name in ranges or [each for each, _ in ends].count(name) > 1:
            raise ConfigError(f"the input {name} is given two ranges")
    files |= {name: Path(text).absolute() for name, text in pairs}
    ranges |= {name: _ends(name, text) for name, text in ends}
    settings = Settings(**flags.pace_of(arguments), ranges=ranges, files=files)
    return settings if arguments.seed is None else replace(settings, seed=_seed(arguments.seed))


def _take_flags(arguments: argparse.Namespace) -> None:
    """Puts benchmark_model's flags into the place of our own options of the same meaning."""
    if arguments.signature_to_run_for is not None:
        _same("--signature", "--signature_to_run_for", arguments.signature, arguments.signature_to_run_for)
        arguments.signature = arguments.signature_to_run_for
    if arguments.num_threads is not None:
        given = "1" if arguments.num_threads == "-1" else arguments.num_threads
        _same("--threads", "--num_threads", arguments.threads, given)
        arguments.threads = given
    if flags.truth(arguments, "require_full_delegation"):
        arguments.require_full = arguments.require_full or "1.0"
    if arguments.require_full is not None:
        arguments.set = [*arguments.set, f"backend.require_full={arguments.require_full}"]
    arguments.input_shape = [*arguments.input_shape, *flags.shapes_of(arguments)]


def _same(option: str, flag: str, first: str | None, second: str) -> None:
    if first is not None and first != second:
        raise ConfigError(f"{option} {first} and {flag} {second} contradict each other")


def _pair(option: str, text: str) -> tuple[str, str]:
    # A tensor's name may hold an equals sign; a file's had better not.
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value:
        raise ConfigError(f"{option} {text}: write it as NAME=VALUE")
    return name, value


def _ends(name: str, text: str) -> tuple[float, ...]:
    try:
        low, high = (float(each) for each in text.split(","))
    except ValueError:
        raise ConfigError(f"--input-range {name}={text}: write it as NAME=LOWEST,HIGHEST") from None
    return low, high


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ConfigError(f"--seed is a whole number of 0 or more, not {text!r}")
    return int(text)
