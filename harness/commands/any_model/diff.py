"""`diff`: how far a backend or a model is from one CPU thread. Only its options: the rest is imported after `--help`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.commands.any_model import benchmark_model_flags as flags
from harness.commands.any_model import subject as of_subject
from harness.commands.elsewhere import by_ssh
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.outcome import Outcome
from harness.errors import EXIT_INVALID, EXIT_VALID, ConfigError, unknown

if TYPE_CHECKING:
    from harness.difference.record import AskedDifference, Kernels
    from harness.model.comparison import Tolerance
    from harness.model.subject import Subject

EXAMPLES = """\
examples:
  ./run.sh diff model.tflite --backend gpu                  a delegate against one CPU thread
  ./run.sh diff model.tflite --reference reference          the default kernels against the plain C++ ones
  ./run.sh diff model_int8.tflite --reference-model model_float.tflite
  ./run.sh diff model.tflite --backend external:./libmine.so --bisect
  ./run.sh diff mobilebert_float32 --input_layer_value_range input_ids,0,30521:input_mask,0,1:segment_ids,0,1
  ./run.sh diff model.tflite --backend gpu --target ssh://pi@board        on another machine (docs/targets.md)
  ./run.sh diff --model_file=model.tflite --num_runs=50 --num_interpreter_threads=2 --delegate=gpu --output_file_path=out.pb

exit status: 0 measured, however large it is (./run.sh budget judges it); 1 an output holds NaN, so that there is no figure;
2 something for you to fix, also a side that cannot run the model; 3 it broke (docs/diff.md)
"""
_DELEGATES = {"gpu": "gpu", "nnapi": "nnapi", "xnnpack": "cpu"}
"""What TFLite's tool calls them -> backends."""
_NOT_HERE = {
    "hexagon": "name its library: --backend external:PATH/libtensorflowlite_hexagon.so",
    "coreml": "Core ML is on Apple's systems alone, where this does not run",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is held against what."""
    parser.add_argument("model", nargs="?", help="a path, or the name of a model or a benchmark (./run.sh list)")
    parser.add_argument("--model_file", metavar="PATH", help="the model, under the name that TFLite's tool has for it")
    parser.add_argument("--graph", metavar="PATH", help="the same, as ChromeOS' documents call it")
    of_subject.add_backend(parser)
    parser.add_argument(
        "--delegate", metavar="NAME", help="as --backend, in the tool's words: gpu, nnapi, xnnpack (hexagon, coreml)"
    )
    parser.add_argument("--num_runs", default="50", metavar="N", help="inputs that are drawn (default 50)")
    parser.add_argument("--num_interpreter_threads", metavar="N", help="CPU threads of the tested side (default 1)")
    parser.add_argument(
        "--reference",
        default="auto",
        metavar="KERNELS",
        help="what one CPU thread runs: auto (default: the runtime's own choice, XNNPACK among it, as the tool has it), "
        "builtin (no XNNPACK) or reference (the plain C++ kernels)",
    )
    parser.add_argument(
        "--reference-model",
        metavar="NAME|PATH",
        help="another model for the reference: the float one of a quantised one",
    )
    parser.add_argument(
        "--input_layer_value_range",
        metavar="NAME,LOW,HIGH:...",
        help="the range of an input in the model's own numbers, where its whole type would be wrong (ids of a vocabulary)",
    )
    parser.add_argument(
        "--bisect", action="store_true", help="find the first tensor beyond the tolerance, by cutting the graph"
    )
    parser.add_argument(
        "--tolerance",
        metavar="FIGURES",
        help="for --bisect, as 2steps,0.1%%: steps of quantised tensors, and the share of the range of real ones (default: "
        "backend.parity of the config, 32steps,2%%)",
    )
    parser.add_argument("--output_file_path", metavar="FILE", help="the tool's own protocol buffer of the figures")
    of_subject.add_invocation(parser)
    add_format(parser)
    flags.add_flags(parser, flags.BACKEND)
    parser.add_argument(
        "--target", metavar="ssh://USER@HOST", help="on another machine: both sides run there (docs/targets.md)"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Measures in a process of its own, or on another machine."""
    if by_ssh.asked_by_ssh(arguments):
        return by_ssh.given_there("diff", arguments, add_arguments, [arguments.model] if arguments.model else [])
    if arguments.target is not None:
        raise ConfigError(f"--target {arguments.target}: diff runs here or on a machine by ssh: ssh://USER@HOST")
    from harness.difference.child import difference
    from harness.difference.report import metrics_proto, render, spoilt
    from harness.difference.told import told_of_difference
    from harness.json_records import to_json
    from harness.report.screen import Screen
    from harness.whole_file import replacing

    file = of_subject.output_file("--output_file_path", arguments.output_file_path)
    formats = asked_formats(arguments)
    asked = asked_of(arguments)
    screen = Screen(quiet=arguments.json or arguments.quiet)
    found = difference(asked, lambda heard: screen.count(heard.what, heard.done, heard.total))
    screen.end_progress()
    if file is not None:
        with replacing(file) as opened:
            opened.write(metrics_proto(found))
    why = spoilt(found)
    complaint = f"the difference could not be measured: {why}" if why else ""
    outcome = Outcome(EXIT_INVALID if why else EXIT_VALID, render(found), to_json(found), complaint)
    return formatted(formats, outcome, lambda: told_of_difference(found))


def asked_of(arguments: argparse.Namespace) -> AskedDifference:
    """What the options ask for.

    Raises:
        ConfigError: A mistake in them.
    """
    from harness.difference.record import KERNELS, AskedDifference

    runs = of_subject.whole_number("--num_runs", arguments.num_runs)
    threads = of_subject.whole_number(
        "--num_interpreter_threads", arguments.num_interpreter_threads, of_subject.MOST_THREADS
    )
    kernels: Kernels | None = next((name for name in KERNELS if name == arguments.reference), None)
    if kernels is None or runs is None:
        raise ConfigError(f"--reference: {unknown('kernels', arguments.reference, KERNELS)}")
    if arguments.bisect and arguments.reference_model:
        raise ConfigError("--bisect cuts one graph that both sides run: it cannot be had with --reference-model")
    if arguments.tolerance and not arguments.bisect:
        raise ConfigError("--tolerance is for --bisect: a difference alone is not judged (./run.sh budget judges)")
    test = of_subject.subject(_model(arguments), arguments, _backend(arguments), threads)
    reference = _reference(test, kernels)
    if arguments.reference_model:
        other = of_subject.subject(arguments.reference_model, arguments, "cpu", 1)
        reference = replace(
            reference, model=other.model, sha256=other.sha256, name=other.name, source=other.source, held=other.held
        )
    ranges = of_subject.ranges_of(arguments.input_layer_value_range)
    return AskedDifference(test, reference, runs, ranges, arguments.bisect, _tolerance(arguments.tolerance, test))


def _reference(test: Subject, kernels: Kernels) -> Subject:
    """The same on one CPU thread."""
    from harness.config.backend import BackendSection
    from harness.difference.record import KERNELS

    section = BackendSection(name="cpu", options=dict(KERNELS[kernels]), complete_shapes=test.section.complete_shapes)
    return replace(test, backend=section.model_dump(mode="json"), threads=1)


def _model(arguments: argparse.Namespace) -> str:
    swallowed = flags.swallowed_models(arguments, flags.BACKEND)
    given = {
        name: value
        for name, value in (
            ("the model", arguments.model),
            *((f"the model {name}", name) for name in swallowed),
            ("--model_file", arguments.model_file),
            ("--graph", arguments.graph),
        )
        if value is not None
    }
    if not given:
        raise ConfigError("which model? ./run.sh diff MODEL (or --model_file=MODEL)")
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} are both given: name the model once")
    return str(next(iter(given.values())))


def _backend(arguments: argparse.Namespace) -> str | None:
    delegate = arguments.delegate
    if delegate in _NOT_HERE:
        raise ConfigError(f"--delegate {delegate}: {_NOT_HERE[delegate]}")
    if delegate is not None and delegate not in _DELEGATES:
        raise ConfigError(f"--delegate: {unknown('delegate', delegate, [*_DELEGATES, *_NOT_HERE])}")
    by_flags = flags.backends_of(arguments)
    given = {
        name: value
        for name, value in (
            ("--backend", arguments.backend),
            ("--delegate", None if delegate is None else _DELEGATES[delegate]),
            ("a flag of benchmark_model's", by_flags[0] if by_flags else None),
        )
        if value is not None
    }
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} are both given: name the backend once")
    return next(iter(given.values()), None)


def _tolerance(text: str | None, test: Subject) -> Tolerance:
    from harness.model.parity import tolerance_for

    found = tolerance_for("tensors", test.section.parity)
    for word in (text or "").split(","):
        word = word.strip()
        if not word:
            continue
        number, kind = (word[:-1], "%") if word.endswith("%") else (word.removesuffix("steps"), "steps")
        try:
            value = float(number)
            if word == number or not 0 <= value < float("inf"):
                raise ValueError(word)
        except ValueError:
            raise ConfigError(
                f"--tolerance {word!r}: write 2steps for quantised tensors, 0.1% (of the range) for real ones, or both: "
                "2steps,0.1%"
            ) from None
        found = replace(found, max_share=value / 100) if kind == "%" else replace(found, max_steps=value)
    return found
