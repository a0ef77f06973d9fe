"""Options that say what a model's inputs are: their shapes, and the values that may stand in them."""

from __future__ import annotations

import argparse
from typing import Any


def add_input_shape(parser: argparse.ArgumentParser) -> None:
    """The option `--input-shape`, which may be repeated."""
    parser.add_argument(
        "--input-shape",
        action="append",
        default=[],
        metavar="NAME=SIZES",
        help="the shape of an input whose size the file leaves open, as picture=1,224,224,3; repeat for several inputs",
    )


def add_input_range(parser: argparse.ArgumentParser) -> None:
    """The option `--input-range`, which may be repeated."""
    parser.add_argument(
        "--input-range",
        action="append",
        default=[],
        metavar="NAME=LO,HI",
        help="of random inputs (task tensors): the least and largest value of an input, as ids=0,30521; repeat for several",
    )


def input_shapes_of(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    """The field that `--input-shape` sets.

    Raises:
        ConfigError: Not of the form NAME=SIZES, or one input named twice.
    """
    from harness.errors import ConfigError

    shapes: dict[str, list[int]] = {}
    for text in arguments.input_shape:
        # A tensor's name may hold an equals sign, sizes never do. Without a name: the only input.
        name, _, sizes = text.rpartition("=")
        numbers = [size.strip() for size in sizes.split(",")]
        if not all(size.isascii() and size.removeprefix("-").isdigit() for size in numbers):
            raise ConfigError(f"--input-shape {text}: write it as NAME=SIZES, for example picture=1,224,224,3")
        if least := [size for size in numbers if int(size) < 1]:
            raise ConfigError(f"--input-shape {text}: a size is 1 or more, not {least[0]}. Give a number for each axis")
        if name in shapes:
            raise ConfigError(f"--input-shape names {name or 'the only input'} twice: {text}")
        shapes[name] = [int(size) for size in numbers]
    return [("model.input_shapes", shapes)] if shapes else []


def input_ranges_of(arguments: argparse.Namespace) -> list[tuple[str, Any]]:
    """The field that `--input-range` sets, where a verb has it.

    Raises:
        ConfigError: Not of the form NAME=LO,HI, or one input named twice.
    """
    from harness.errors import ConfigError

    ranges: dict[str, list[int | float]] = {}
    for text in getattr(arguments, "input_range", ()):
        # As of `--input-shape`: without a name, the only input.
        name, _, ends = text.rpartition("=")
        try:
            low, high = (_number(end) for end in ends.split(","))
        except ValueError:
            raise ConfigError(f"--input-range {text}: write it as NAME=LO,HI, for example picture=0,255") from None
        if name in ranges:
            raise ConfigError(f"--input-range names {name or 'the only input'} twice: {text}")
        ranges[name] = [low, high]
    return [("dataset.input_ranges", ranges)] if ranges else []


def _number(text: str) -> int | float:
    try:
        # Large whole numbers are not all floats.
        return int(text)
    except ValueError:
        return float(text)
