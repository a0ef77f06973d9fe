"""`inspect`: what a model file holds, what it costs and what it needs."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.commands.outcome import Outcome
from harness.config.files import benchmark_names, find_benchmark, load_benchmark, load_collections
from harness.errors import EXIT_VALID, ConfigError, unknown
from harness.spec.model_source import find_model
from harness.units import bytes_text
from harness.zoo.files.official import cache_dir, hash_file

EXAMPLES = """\
examples:
  ./run.sh inspect model.tflite
  ./run.sh inspect mobilebert_int8        a model of a config: the official file if it is cached, else the stand-in
  ./run.sh inspect model.tflite --json
"""


_WIDTH = 130
_WHOLE = 1_000_000
"""From here on a count is shown in millions."""
_NAMED = 3
"""Things that are not counted, of which so many are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model."""
    parser.add_argument("model", help="a path, or a model's name (./run.sh list)")


def main(arguments: argparse.Namespace) -> Outcome:
    """Reads the file, lets the runtime allocate it in a process of its own, and counts."""
    from harness.model.describe import describe_model

    path = _find(arguments.model)
    data = describe_model(path, hash_file(path).sha256)
    return Outcome(EXIT_VALID, _text(data), data)


def _find(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if "/" in name or name.endswith(".tflite"):
        raise ConfigError(f"no model file at {name}")
    known: list[str] = []
    for benchmark_name in benchmark_names():
        benchmark = load_benchmark(find_benchmark(benchmark_name))
        if name in benchmark.models or name == benchmark_name:
            use = "auto" if name == benchmark_name else name
            return find_model(use, benchmark.models, benchmark.title, cache_dir())[0].path
        known += [benchmark_name, *benchmark.models]
    for collection in load_collections().values():
        if name in collection.models:
            return find_model(name, collection.models, collection.title, cache_dir())[0].path
        known += collection.models
    raise ConfigError(unknown("model", name, known, "./run.sh list"))


def _text(data: dict[str, Any]) -> str:
    lines = [
        f"{data['path']}, {bytes_text(data['size_bytes'])}"
        + (f", {data['description']}" if data["description"] else ""),
        *_tensor_lines("inputs", data["inputs"]),
        *_tensor_lines("outputs", data["outputs"]),
        *textwrap.wrap(
            "ops        " + ", ".join(_operator(operator) for operator in data["operators"]),
            _WIDTH,
            subsequent_indent=" " * 11,
        ),
        f"parameters {data['parameters']:,}" + _but_custom(data),
        f"work       {_count(data['multiply_adds'])} multiply-adds an inference" + _at_least(data),
        f"arena      about {bytes_text(data['arena_bytes'])} for activations" + _at_least(data),
    ]
    if data["signatures"]:
        lines.append(f"signatures {', '.join(data['signatures'])}")
    if data["needs"]:
        lines.append(f"needs      {data['needs']}")
    lines.append("loads      yes" if data["loads"] else f"loads      no: {data['why_not']}")
    return "\n".join(lines)


def _count(number: int) -> str:
    """Millions as the field writes them, small numbers whole."""
    return f"{number / 1e6:,.2f} M" if number >= _WHOLE else f"{number:,}"


def _at_least(data: dict[str, Any]) -> str:
    """That a figure is too low, and what is not in it."""
    left_out = data["not_counted"]
    if not left_out:
        return ""
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return f" at least, without {', '.join(left_out[:_NAMED])}{more}"


def _but_custom(data: dict[str, Any]) -> str:
    return " without those of custom ops" if data["needs"] and data["custom_ops"] else ""


def _tensor_lines(what: str, tensors: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for place, tensor in enumerate(tensors):
        quantised = (
            "" if tensor["scale"] is None else f", scale {tensor['scale']:.6g}, zero point {tensor['zero_point']}"
        )
        shape = "unknown shape" if not tensor["shape"] else list(tensor["shape"])
        lines.append(f"{what if place == 0 else '':10} {tensor['name']}: {tensor['dtype']} {shape}{quantised}")
    return lines


def _operator(operator: dict[str, Any]) -> str:
    times = f" x {operator['count']}" if operator["count"] > 1 else ""
    return f"{operator['name']} v{operator['version']}{times}"
