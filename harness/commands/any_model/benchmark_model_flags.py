"""The flags of TFLite's benchmark_model under their own names, and what each means here.

Of LRT tflite/tools/benchmark/ (benchmark_model.cc, benchmark_tflite_model.cc) and tflite/tools/delegates/.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.commands.any_model.benchmark_model_refused import FALSE, add_refused_flags
from harness.errors import ConfigError

_TRUE = frozenset({"true", "1", "t"})


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag."""

    name: str
    value: str | None
    """What `--help` calls its value; None for a truth value, which stands for true by itself."""
    help: str


PACE = (
    Flag("num_runs", "N", "runs that count, at least (default 50)"),
    Flag("min_secs", "S", "seconds of them, at least (default 1)"),
    Flag("max_secs", "S", "seconds after which no run begins (default 150)"),
    Flag("warmup_runs", "N", "runs before, at least (default 1)"),
    Flag("warmup_min_secs", "S", "seconds of them, at least (default 0.5)"),
    Flag("run_delay", "S", "seconds to sleep after each run (default none)"),
    Flag("run_frequency", "HZ", "runs a second at most; goes before --run_delay"),
)
"""How often and how long."""
INPUTS = (
    Flag("input_layer", "A,B", "names of inputs, for the shapes"),
    Flag("input_layer_shape", "1,2:1,3", "their shapes"),
    Flag("input_layer_value_range", "A,LO,HI:B,LO,HI", "the ranges of random values, in the tensor's own type"),
    Flag("input_layer_value_files", "A:FILE,B:FILE", "files of values: the tensor's bytes, or .npy; :: stands for a :"),
)
"""What is asked."""
MODEL = (
    Flag("graph", "FILE", "another way to name a model"),
    Flag("num_threads", "N", "as --threads; -1 for one"),
    Flag("signature_to_run_for", "NAME", "as --signature"),
    Flag("enable_op_profiling", None, "after it, what each op takes: see ./run.sh profile"),
    Flag("op_profiling_output_mode", "NAME", "stdout (default) or csv"),
    Flag("op_profiling_output_file", "FILE", "of the mode csv"),
    Flag("require_full_delegation", None, "as --require-full"),
    Flag("report_peak_memory_footprint", None, "memory is always told"),
)
"""What runs."""
BACKEND = (
    Flag("use_xnnpack", None, "false keeps to the built-in kernels (default: the runtime's own choice, XNNPACK)"),
    Flag("xnnpack_force_fp16", None, "half precision on the CPU"),
    Flag("xnnpack_weight_cache_file_path", "FILE", "packed weights are kept there"),
    Flag("use_gpu", None, "as --backend gpu"),
    Flag("gpu_precision_loss_allowed", None, "half precision on the GPU"),
    Flag("use_nnapi", None, "as --backend nnapi"),
    Flag("nnapi_accelerator_name", "NAME", "one of the platform's"),
    Flag("nnapi_execution_preference", "NAME", "fast_single_answer, sustained_speed or low_power"),
    Flag("nnapi_allow_fp16", None, "half precision"),
    Flag("disable_nnapi_cpu", None, "without NNAPI's own CPU implementation (default)"),
    Flag("external_delegate_path", "FILE", "as --backend external:FILE"),
    Flag("external_delegate_options", "K:V;K:V", "what the delegate is told"),
)
"""Behind what."""
ALL = (*MODEL, *PACE, *INPUTS, *BACKEND)


def add_flags(parser: argparse.ArgumentParser, flags: Sequence[Flag] = ALL) -> None:
    """Those that a verb has, as `--flag=value` and `--flag value`."""
    group = parser.add_argument_group("flags of TFLite's benchmark_model")
    for flag in flags:
        if flag.value is None:
            group.add_argument(f"--{flag.name}", nargs="?", const="true", metavar="true|false", help=flag.help)
        else:
            group.add_argument(f"--{flag.name}", metavar=flag.value, help=flag.help)
    add_refused_flags(parser)


def swallowed_models(arguments: argparse.Namespace, flags: Sequence[Flag] = ALL) -> list[str]:
    """Models that stood behind a truth value without one of its own, as in `--use_gpu model.tflite`."""
    found = []
    for flag in flags:
        given = getattr(arguments, flag.name)
        if flag.value is None and given is not None and given.lower() not in _TRUE | FALSE:
            if not given.endswith(".tflite") and not Path(given).is_file():
                raise ConfigError(
                    f"--{flag.name} is true or false, not {given!r}; a model after it: --{flag.name}=true"
                )
            setattr(arguments, flag.name, "true")
            found.append(given)
    return found


def truth(arguments: argparse.Namespace, name: str) -> bool | None:
    """A truth value; None where it was not given."""
    given = getattr(arguments, name)
    return None if given is None else given.lower() in _TRUE


def pace_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was given of `PACE`, as numbers.

    Raises:
        ConfigError: Not a number, or out of bounds.
    """
    found: dict[str, Any] = {}
    for flag in PACE:
        given = getattr(arguments, flag.name)
        if given is None:
            continue
        if flag.name.endswith("runs"):
            found[flag.name] = _whole(flag.name, given, least=1 if flag.name == "num_runs" else 0)
        elif (value := number(f"--{flag.name}", given)) >= 0:
            found[flag.name] = value
        elif flag.name not in ("run_delay", "run_frequency") or value != -1:
            raise ConfigError(f"--{flag.name} is 0 or more, not {given}")
    if found.get("max_secs") == 0:
        raise ConfigError("--max_secs 0 leaves no time for a run: give it more")
    return found


def csv_of_ops(arguments: argparse.Namespace) -> str | None:
    """The file for what each op takes; None where it is not asked for.

    Raises:
        ConfigError: Another mode than stdout and csv, or one option without the others.
    """
    mode, file = arguments.op_profiling_output_mode, arguments.op_profiling_output_file
    if mode not in (None, "stdout", "csv"):
        raise ConfigError(f"--op_profiling_output_mode is stdout or csv, not {mode!r}")
    if (mode is not None or file is not None) and not truth(arguments, "enable_op_profiling"):
        raise ConfigError("--op_profiling_output_mode and --op_profiling_output_file need --enable_op_profiling")
    if (mode == "csv") != (file is not None):
        raise ConfigError("--op_profiling_output_mode=csv and --op_profiling_output_file=FILE go together")
    return str(file) if file is not None else None


def backends_of(arguments: argparse.Namespace) -> list[str] | None:
    """The backend that the flags mean, as `--backend` has it; None where they mean none.

    Raises:
        ConfigError: Two at once, or an option without its backend.
    """
    chosen = [name for name in ("use_gpu", "use_nnapi") if truth(arguments, name)]
    if arguments.external_delegate_path is not None:
        chosen.append("external_delegate_path")
    cpu = _cpu_options(arguments)
    if len(chosen) + bool(cpu) > 1:
        raise ConfigError(
            f"--{' and --'.join([*chosen, *(f'use_xnnpack ({each})' for each in cpu)])} contradict each other"
        )
    for owner, options in _OPTIONS_OF.items():
        if given := [name for name in options if getattr(arguments, name) is not None and owner not in chosen]:
            raise ConfigError(f"--{given[0]} says something of --{owner}, which is not given")
    if cpu:
        return [f"cpu:{','.join(cpu)}"]
    if not chosen:
        return None
    return [_BACKENDS[chosen[0]](arguments)]


def _cpu_options(arguments: argparse.Namespace) -> list[str]:
    words = []
    if truth(arguments, "use_xnnpack") is False:
        words.append("xnnpack=false")
    if truth(arguments, "xnnpack_force_fp16"):
        words.append("force_fp16=true")
    if arguments.xnnpack_weight_cache_file_path is not None:
        words.append(f"weight_cache={arguments.xnnpack_weight_cache_file_path}")
    return words


_OPTIONS_OF: Mapping[str, Sequence[str]] = {
    "use_gpu": ("gpu_precision_loss_allowed",),
    "use_nnapi": ("nnapi_accelerator_name", "nnapi_execution_preference", "nnapi_allow_fp16", "disable_nnapi_cpu"),
    "external_delegate_path": ("external_delegate_options",),
}


def _gpu(arguments: argparse.Namespace) -> str:
    return "gpu:precision=fp16" if truth(arguments, "gpu_precision_loss_allowed") else "gpu"


def _nnapi(arguments: argparse.Namespace) -> str:
    words = [
        f"{option}={value}"
        for option, value in (
            ("accelerator_name", arguments.nnapi_accelerator_name),
            ("execution_preference", arguments.nnapi_execution_preference),
            ("allow_fp16", truth(arguments, "nnapi_allow_fp16")),
            ("disallow_nnapi_cpu", truth(arguments, "disable_nnapi_cpu")),
        )
        if value is not None
    ]
    return f"nnapi:{','.join(words)}" if words else "nnapi"


def _external(arguments: argparse.Namespace) -> str:
    """benchmark_model's help says commas, its code splits at `;` and then at `:`."""
    words = [arguments.external_delegate_path]
    for option in filter(None, (arguments.external_delegate_options or "").split(";")):
        key, colon, value = option.partition(":")
        if not colon or not key:
            raise ConfigError(f"--external_delegate_options: {option!r} is no key:value; several stand as k:v;k:v")
        words.append(f"{key}={value}")
    return f"external:{','.join(words)}"


_BACKENDS: Mapping[str, Callable[[argparse.Namespace], str]] = {
    "use_gpu": _gpu,
    "use_nnapi": _nnapi,
    "external_delegate_path": _external,
}


def shapes_of(arguments: argparse.Namespace) -> list[str]:
    """What `--input_layer` and `--input_layer_shape` say, as `--input-shape` has it.

    Raises:
        ConfigError: One without the other, or not as many.
    """
    layers, shapes = arguments.input_layer, arguments.input_layer_shape
    if shapes is None:
        if layers is not None:
            raise ConfigError(f"--input_layer {layers} needs --input_layer_shape: alone it says nothing of an input")
        return []
    if layers is None:
        raise ConfigError("--input_layer_shape needs --input_layer: which inputs are meant")
    names, texts = layers.split(","), shapes.split(":")
    if len(names) != len(texts):
        raise ConfigError(f"--input_layer names {len(names)} inputs, --input_layer_shape has {len(texts)} shapes")
    return [f"{name}={text}" for name, text in zip(names, texts, strict=True)]


def files_of(arguments: argparse.Namespace) -> dict[str, Path]:
    """Input -> the file of its values.

    Raises:
        ConfigError: Not of the form NAME:FILE,NAME:FILE, or an input named twice.
    """
    pairs = []
    for text in filter(None, (arguments.input_layer_value_files or "").split(",")):
        # A colon by itself parts name and file; two stand for one in either.
        parts = re.split(r"(?<!:):(?!:)", text)
        if len(parts) != 2 or not all(parts):
            raise ConfigError(f"--input_layer_value_files: {text!r} is no NAME:FILE (write a : in either as ::)")
        pairs.append((parts[0].replace("::", ":"), Path(parts[1].replace("::", ":")).absolute()))
    _refuse_twice("--input_layer_value_files", [name for name, _ in pairs])
    return dict(pairs)


def _refuse_twice(option: str, names: Sequence[str]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{option} names the input {twice[0]} twice")


def _whole(name: str, text: str, *, least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise ConfigError(f"--{name} is a whole number of at least {least}, not {text}")
    return int(text)


def number(option: str, text: str) -> float:
    """What an option takes as a number.

    Raises:
        ConfigError: It is none.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ConfigError(f"{option}: {text!r} is no number")
    return found
