"""The flags of TFLite's benchmark_model that are not taken here: each is refused with what is there in its place."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from harness.errors import ConfigError

FALSE = frozenset({"false", "0", "f"})
"""How the tool's flags say no."""
_GPU = "the GPU's delegate has no such option here: --backend gpu:precision=fp16 is what it has"
_NNAPI = "name it as an option of the delegate: --backend external:LIBRARY,key=value"
_FILE = "the figures are printed: --format json (or csv) > FILE"
NOT_HERE: Mapping[str, str] = {
    "allow_fp16": "a backend is asked for it: --xnnpack_force_fp16, --gpu_precision_loss_allowed, --nnapi_allow_fp16",
    "benchmark_name": _FILE,
    "delegate_serialize_dir": "packed weights are kept by --xnnpack_weight_cache_file_path",
    "delegate_serialize_token": "packed weights are kept by --xnnpack_weight_cache_file_path",
    "disable_delegate_clustering": "the runtime decides how a graph is cut",
    "dry_run": "./run.sh inspect MODEL loads a model and runs nothing",
    "export_model_runtime_info": _FILE,
    "gpu_backend": _GPU,
    "gpu_experimental_enable_quant": _GPU,
    "gpu_inference_for_sustained_speed": _GPU,
    "gpu_wait_type": _GPU,
    "list_signatures": "./run.sh inspect MODEL lists them",
    "max_delegated_partitions": "the delegate decides how a graph is cut",
    "max_profiling_buffer_entries": "the profiler's buffer is read before it is full",
    "memory_footprint_check_interval_ms": "the kernel keeps the high-water mark, so nothing is looked at in between",
    "min_nodes_per_partition": "the delegate decides how a graph is cut",
    "nnapi_execution_priority": _NNAPI,
    "nnapi_use_burst_mode": _NNAPI,
    "optimize_memory_for_large_tensors": "the runtime's own planning of memory is what is measured",
    "output_filepath": "what a model answers: ./run.sh diff, or harness.api in Python",
    "output_prefix": _FILE,
    "output_proto_filepath": "what a model answers: ./run.sh diff, or harness.api in Python",
    "print_postinvoke_state": "./run.sh profile MODEL tells what ran, op by op",
    "print_preinvoke_state": "./run.sh inspect MODEL tells what a model is made of",
    "release_dynamic_tensors": "the runtime's own planning of memory is what is measured",
    "result_file_path": _FILE,
    "use_caching": "packed weights are kept by --xnnpack_weight_cache_file_path",
    "use_coreml": "Core ML is on Apple's systems alone, where this does not run",
    "use_hexagon": "name its library: --backend external:PATH/libtensorflowlite_hexagon.so",
    "use_ynnpack": "the runtime's wheel has no YNNPACK",
    "verbose": "--format json has every figure",
    "xnnpack_runtime_flags": "XNNPACK's flags are an option of the backend: --backend cpu:xnnpack_flags=N",
}
"""Flags of the tool that are not taken, and what is there in their place."""


def add_refused_flags(parser: argparse.ArgumentParser) -> None:
    """Takes them, unnamed in `--help`, so that they can be answered."""
    for name in NOT_HERE:
        parser.add_argument(f"--{name}", nargs="?", const="true", help=argparse.SUPPRESS)


def refuse_what_is_not_here(arguments: argparse.Namespace) -> None:
    """Says of a flag of the tool's that is not taken what is there in its place.

    Raises:
        ConfigError: One was given, and not as false.
    """
    for name, instead in NOT_HERE.items():
        given = getattr(arguments, name)
        if given is not None and given.lower() not in FALSE:
            raise ConfigError(f"bench does not take benchmark_model's --{name}: {instead}")
