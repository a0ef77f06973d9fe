"""What is asked of `bench`, as flags of TFLite's benchmark_model on a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.bench.session import BenchCase, Settings
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ToolBackend:
    """A backend, as the tool has it."""

    flags: tuple[str, ...]
    delegate: str | None
    """What the tool must say that it applied, or the CPU has run in its place; None for the CPU itself."""


def flags_of(case: BenchCase, settings: Settings) -> tuple[str, ...]:
    """All of them but the graph.

    Raises:
        ConfigError: Something that the tool does not have.
    """
    subject = case.subject
    pace = {
        name: getattr(settings, name)
        for name in ("num_runs", "min_secs", "max_secs", "warmup_runs", "warmup_min_secs", "run_delay", "run_frequency")
    }
    words = [f"--{name}={value}" for name, value in pace.items() if value is not None]
    words.append(f"--num_threads={subject.threads}")
    words += _invocation(Invocation.model_validate(dict(subject.invocation)), settings)
    section = subject.section
    library = case.backend_asked.removeprefix("external:").partition(",")[0]
    if section.name == "external" and "/" in library and not library.startswith("/"):
        raise ConfigError(
            f"--backend {case.backend_asked}: name the delegate's library by its whole path on the device"
        )
    words += backend_of(case.backend_asked, section).flags
    if section.require_full == 1:
        words.append("--require_full_delegation=true")
    elif section.require_full:
        raise ConfigError(f"--require-full={section.require_full:g}: the tool on the device knows all or nothing (1.0)")
    return tuple(words)


def backend_of(asked: str, section: BackendSection) -> ToolBackend:
    """The backend, by the tool's flags.

    Raises:
        ConfigError: The tool has no such backend, or no such option.
    """
    made = _BACKENDS.get(section.name)
    if made is None:
        raise ConfigError(f"--backend {asked}: the tool on a device has {', '.join(_BACKENDS)}, not {section.name}")
    options = dict(section.options)
    if options.get("engine") == "auto":
        del options["engine"]
    backend = made(options)
    if options:
        raise ConfigError(
            f"--backend {asked}: the tool on a device has no option {next(iter(options))} of {section.name}"
        )
    return backend


def _cpu(options: dict[str, Any]) -> ToolBackend:
    words = []
    if (xnnpack := options.pop("xnnpack", None)) is not None:
        words.append(f"--use_xnnpack={_truth(xnnpack)}")
    if (half := options.pop("force_fp16", None)) is not None:
        words.append(f"--xnnpack_force_fp16={_truth(half)}")
    return ToolBackend(tuple(words), None)


def _gpu(options: dict[str, Any]) -> ToolBackend:
    precision = options.pop("precision", "fp32")
    if precision not in ("fp16", "fp32"):
        raise ConfigError(f"--backend gpu:precision={precision}: the tool on a device has fp16 and fp32")
    return ToolBackend(("--use_gpu=true", f"--gpu_precision_loss_allowed={_truth(precision == 'fp16')}"), "GPU")


def _nnapi(options: dict[str, Any]) -> ToolBackend:
    words = ["--use_nnapi=true"]
    for option, flag in (
        ("accelerator_name", "nnapi_accelerator_name"),
        ("execution_preference", "nnapi_execution_preference"),
        ("allow_fp16", "nnapi_allow_fp16"),
        ("disallow_nnapi_cpu", "disable_nnapi_cpu"),
    ):
        if (value := options.pop(option, None)) is not None:
            words.append(f"--{flag}={_truth(value) if isinstance(value, bool) else value}")
    return ToolBackend(tuple(words), "NNAPI")


def _external(options: dict[str, Any]) -> ToolBackend:
    words = [f"--external_delegate_path={options.pop('library')}"]
    told: Mapping[str, Any] = options.pop("delegate_options", {}) or {}
    for key, value in told.items():
        if any(mark in f"{key}{value}" for mark in ";:"):
            raise ConfigError(f"external delegate's option {key}={value}: the tool on a device takes no ; or : in it")
    if told:
        words.append(f"--external_delegate_options={';'.join(f'{key}:{value}' for key, value in told.items())}")
    return ToolBackend(tuple(words), "EXTERNAL")


_BACKENDS: Mapping[str, Callable[[dict[str, Any]], ToolBackend]] = {
    "cpu": _cpu,
    "gpu": _gpu,
    "nnapi": _nnapi,
    "external": _external,
}


def _truth(value: object) -> str:
    return "true" if value else "false"


def _invocation(asked: Invocation, settings: Settings) -> Sequence[str]:
    if asked.repair is not None or asked.input_size is not None:
        raise ConfigError("model.repair and model.input_size change a model before it is opened here: not on a device")
    if settings.files or settings.seed != Settings().seed:
        raise ConfigError("--input-file, --input_layer_value_files and --seed are not there on a device")
    words = [] if asked.signature is None else [f"--signature_to_run_for={asked.signature}"]
    names = list(asked.input_shapes)
    if bad := [name for name in (*names, *settings.ranges) if "," in name or ":" in name]:
        raise ConfigError(f"the tool on a device cannot be told of the input {bad[0]!r}: it splits at , and :")
    if names:
        shapes = (",".join(map(str, shape)) for shape in asked.input_shapes.values())
        words += [f"--input_layer={','.join(names)}", f"--input_layer_shape={':'.join(shapes)}"]
    for name, ends in settings.ranges.items():
        if name not in names:
            raise ConfigError(f"the range of {name}: the tool on a device wants all inputs by --input-shape with it")
        if any(end != int(end) for end in ends):
            raise ConfigError(f"the range of {name}: the tool on a device takes whole numbers alone")
    if settings.ranges:
        ranges = (f"{name},{int(low)},{int(high)}" for name, (low, high) in settings.ranges.items())
        words.append(f"--input_layer_value_range={':'.join(ranges)}")
    return words
