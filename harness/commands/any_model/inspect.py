"""`inspect`: what a model file holds, what it costs and what it needs."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.commands import options
from harness.commands.any_model.subject import FIELDS, add_invocation
from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID
from harness.json_records import to_json
from harness.spec.any_model import find_any_model, invocation_of, subject_of
from harness.units import bytes_text
from harness.zoo.files.official import cache_dir

if TYPE_CHECKING:
    from harness.model.contents.describe import DescribedOperator, DescribedTensor, Invoked, ModelDescription

EXAMPLES = """\
examples:
  ./run.sh inspect model.tflite
  ./run.sh inspect mobilebert_int8        a model of a config: the official file if it is cached, else the stand-in
  ./run.sh inspect edsr                   a benchmark's model, invoked as its config says
  ./run.sh inspect free_size.tflite --input-shape picture=1,224,224,3
  ./run.sh inspect model.tflite --signature encode --json
  ./run.sh inspect model.tflite --advice  what would make it quicker on this machine, measured
"""


_WIDTH = 130
_WHOLE = 1_000_000
"""From here on a count is shown in millions."""
_NAMED = 3
"""Things that are not counted, of which so many are named."""
_STATES = {
    "reset": "put back before every query (--state keep lets it live on)",
    "keep": "it lives on from query to query, in one instance",
}
_UNSEEDED = "without a seed, so every run refuses it (--state keep lets it live on)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, and how it is invoked."""
    parser.add_argument("model", help="a path, or the name of a model or a benchmark (./run.sh list)")
    add_invocation(parser, "section model")
    options.add_advice(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads the file, lets the runtime allocate it in a process of its own, and counts."""
    from harness.model.contents.describe import describe_model
    from harness.spec.trial import loaded_with_xnnpack

    model = find_any_model(arguments.model, cache_dir())
    invocation = invocation_of(model, options.overrides_of(arguments, FIELDS))
    asked = subject_of(model, options.overrides_of(arguments, FIELDS), cache_dir(), threads=None)
    found = loaded_with_xnnpack(describe_model(model.ref.path, model.ref.sha256, invocation), asked)
    seconds = options.advice_seconds(arguments)
    if seconds is None:
        return Outcome(EXIT_VALID, _text(found), to_json(found))
    from harness.bench.advice.ways import advise
    from harness.bench.report import advice_lines
    from harness.bench.session import BenchCase, Settings
    from harness.report.screen import Screen

    advice = advise(BenchCase(asked), Settings(), seconds, Screen(quiet=arguments.json or arguments.quiet).say)
    text = "\n".join([_text(found), "", *advice_lines(advice)])
    return Outcome(EXIT_VALID, text, to_json(found) | {"advice": [to_json(each) for each in advice]})


def _text(found: ModelDescription) -> str:
    sizes = f"{bytes_text(found.size_bytes)}, {bytes_text(found.gzip_bytes)} after gzip"
    head = f"{found.path}, {sizes}" + (f", {found.description}" if found.description else "")
    lines = [head]
    runs = [run for run in found.by_signature or (found.runs,) if run is not None]
    for run in runs:
        lines += _run_lines(run, found)
    if found.by_signature:
        named = ", ".join(map(_key, found.signatures))
        lines.append(f"signatures {named}: none is serving_default, so say which runs with --signature NAME")
    elif len(found.signatures) > 1:
        lines.append(f"signatures {', '.join(map(_key, found.signatures))} (choose with --signature NAME)")
    if found.class_names:
        more = "; ..." if len(found.class_names) > _NAMED else ""
        few = "; ".join(found.class_names[:_NAMED])
        lines.append(f"classes    {len(found.class_names):,} names packed into the file: {few}{more}")
    # What keeps it from loading has been said beside `loads`.
    if found.needs and not any(found.needs in (run.why_not or "") for run in runs):
        lines.append(f"needs      {found.needs}")
    return "\n".join(lines)


def _key(signature: str) -> str:
    """A signature's name, in quotes where it would not be seen as it is."""
    return signature if signature and signature == signature.strip() else repr(signature)


def _run_lines(run: Invoked, found: ModelDescription) -> list[str]:
    """What one signature takes, gives, costs and keeps."""
    named = ", ".join(f"{_operator(operator)}" for operator in run.operators)
    lines = [] if run.signature is None else [f"signature  {_key(run.signature)}"]
    lines += [
        *_tensor_lines("inputs", run.inputs),
        *_tensor_lines("outputs", run.outputs),
        *textwrap.wrap(f"ops        {named}", _WIDTH, subsequent_indent=" " * 11),
        *_figures_for(run),
        f"parameters {run.parameters:,}" + (" without those of custom ops" if found.needs and found.custom_ops else ""),
        *_weights(run),
        f"work       {_count(run.multiply_adds)} multiply-adds an inference" + _at_least(run),
        f"arena      about {bytes_text(run.arena_bytes)} for activations" + _at_least(run),
    ]
    lines += [f"note       {said}" for said in run.without_effect]
    if run.state != "none":
        becomes = _UNSEEDED if run.unseeded and run.state == "reset" else _STATES[run.state]
        lines.append(f"state      {run.keeps} from one run to the next: {becomes}")
    refused = f"no{', with 1 for each size left open' if run.open_inputs else ''}: {run.why_not}"
    alone = f", with XNNPACK alone: {run.why_not}" if run.why_not else ""
    return [*lines, f"loads      yes{alone}" if run.loads else f"loads      {refused}"]


def _weights(run: Invoked) -> list[str]:
    """In which types they are stored, how many are zero, and which are stored without their zeros."""
    if run.zero_weights_share is None:
        return []
    sparse = run.sparse_tensors
    more = f" and {len(sparse) - _NAMED} more" if len(sparse) > _NAMED else ""
    stored = f"stored sparse: {', '.join(sparse[:_NAMED])}{more}" if sparse else "no tensor is stored sparse"
    types = " and ".join(run.weight_types)
    return [f"weights    {types}, {run.zero_weights_share:.2%} are zero; {stored}"]


def _figures_for(run: Invoked) -> list[str]:
    """For which shapes the figures hold, where the file leaves that open."""
    lines = []
    for tensor in run.inputs:
        shape = run.input_shapes.get(tensor.name)
        begins = 1 if len(tensor.shape) > 1 else 0
        if shape is None or (shape[begins:] == tensor.shape[begins:] and tensor.name not in run.open_inputs):
            continue
        said = ""
        if tensor.name in run.open_inputs and not tensor.shape:
            said = f": the file does not say how many axes it has, name its shape with --input-shape {tensor.name}=1,N"
        elif tensor.name in run.open_inputs:
            of_batch = len(tensor.shape) > 1
            wanted = ",".join(
                "N" if size < 0 and (place or not of_batch) else str(abs(size))
                for place, size in enumerate(tensor.shape)
            )
            said = f": the file leaves sizes open, name them with --input-shape {tensor.name}={wanted}"
        lines.append(f"figures    for input {tensor.name} {list(shape)}{said}")
    return lines


def _count(number: int) -> str:
    """Millions as the field writes them, small numbers whole."""
    return f"{number / 1e6:,.2f} M" if number >= _WHOLE else f"{number:,}"


def _at_least(run: Invoked) -> str:
    """That a figure is too low, and what is not in it."""
    left_out = run.not_counted
    if not left_out:
        return ""
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return f" at least, without {', '.join(left_out[:_NAMED])}{more}"


def _tensor_lines(what: str, tensors: Sequence[DescribedTensor]) -> list[str]:
    lines = []
    for place, tensor in enumerate(tensors):
        quantised = "" if tensor.scale is None else f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
        if tensor.scales > 1:
            quantised += f", the first of {tensor.scales:,}: it does not run (docs/models.md)"
        shape = "unknown shape" if not tensor.shape else list(tensor.shape)
        lines.append(f"{what if place == 0 else '':10} {tensor.name}: {tensor.dtype} {shape}{quantised}{_told(tensor)}")
    return lines


def _told(tensor: DescribedTensor) -> str:
    """What the file's metadata say of its values."""
    told = tensor.normalisation
    return "" if told is None else f"; by its metadata (value - {_numbers(told.mean)}) / {_numbers(told.std)}"


def _numbers(values: Sequence[float]) -> str:
    """One for each channel, or the one of all."""
    shown = [f"{value:g}" for value in values]
    return shown[0] if len(set(shown)) == 1 else f"[{', '.join(shown)}]"


def _operator(operator: DescribedOperator) -> str:
    times = f" x {operator.count}" if operator.count > 1 else ""
    return f"{operator.name} v{operator.version}{times}"
