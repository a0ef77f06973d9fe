"""The GPU through LiteRT's accelerator: WebGPU (Dawn) on Vulkan with the Linux wheel."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from backends.base import Array, BackendInfo, BackendUnavailable, Coverage, TimeShare
from backends.litert.compiled import CompiledBackend
from backends.litert.file.custom_ops import operator_names
from backends.litert.litert_c import CPU, GPU
from backends.litert.times.node_timer import NodeTimer

_ADAPTER = re.compile(r"Selected adapter: ([^\n]*)")
_SPLIT = re.compile(r"(\d+) operations will run on the GPU, and the remaining (\d+) operations will run on the CPU")
_UNSUPPORTED = re.compile(r"operations are not supported by GPU delegate:\n(.*?)\n\d+ operations will run", re.DOTALL)
PRECISIONS = ("fp32", "fp16")
_FP32 = 2
"""kLiteRtDelegatePrecisionFp32 (LRT litert/c/options/litert_gpu_options.h)."""


class GpuBackend(CompiledBackend):
    """What the GPU does not take runs on the CPU, and is counted."""

    _adapter: ClassVar[dict[str, str]] = {}
    """The runtime names the adapter the first time only."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        precision: Literal["fp32", "fp16"] = "fp32",
        cpu_fallback: bool = True,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Compiles the model for the GPU.

        Args:
            model: The TFLite file.
            threads: CPU threads for the ops that the GPU leaves.
            precision: `fp32` forces single precision; `fp16` allows half.
            cpu_fallback: False refuses a model that the GPU cannot run as a whole.
            input_shapes: See `CompiledBackend`.

        Raises:
            BackendUnavailable: No accelerator, no driver, no adapter, or an op without fallback.
            ModelRejected: The file is no model.
        """
        from ai_edge_litert.compiled_model import CpuOptions, GpuOptions, HardwareAccelerator, Options

        if precision not in PRECISIONS:
            raise BackendUnavailable(f"precision of the gpu backend is {precision!r}: choose fp32 or fp16")
        chosen = HardwareAccelerator.GPU | HardwareAccelerator.CPU if cpu_fallback else HardwareAccelerator.GPU
        super().__init__(
            model,
            options=Options(
                chosen,
                cpu_options=CpuOptions(num_threads=threads),
                gpu_options=GpuOptions(enforce_f32=precision == "fp32"),
            ),
            input_shapes=input_shapes,
            why_not=why_not,
        )
        self._threads = threads
        self._options = {"precision": precision, "cpu_fallback": cpu_fallback}
        if found := read_adapter(self.said):
            GpuBackend._adapter = found
        self._coverage = self._read_coverage(model)

    def info(self) -> BackendInfo:
        """With the adapter's and the driver's name."""
        device: dict[str, Any] = dict(GpuBackend._adapter)
        driver = os.environ.get("VK_DRIVER_FILES") or os.environ.get("VK_ICD_FILENAMES")
        return BackendInfo(
            name="gpu",
            engine="CompiledModel",
            delegate="LiteRT GPU (WebGPU)",
            options=self._options,
            coverage=self._coverage,
            accelerator=True,
            device=device | ({"driver_file": driver} if driver else {}),
        )

    def time_share(self, inputs: Sequence[Array]) -> TimeShare:
        """Measured node by node on a second compilation: see `backends.litert.times.compiled_profile`."""
        return self.share_with(*self._once_more(), inputs)

    def node_timer(self, inputs: Sequence[Array]) -> NodeTimer:
        """Of a second compilation, too."""
        return self.time_nodes(*self._once_more(), inputs)

    def _once_more(self) -> tuple[int, dict[str, str]]:
        """Hardware and options, as the C interface takes them."""
        hardware = GPU | CPU if self._options["cpu_fallback"] else GPU
        options = {"xnnpack": f"num_threads = {self._threads}\n"}
        if self._options["precision"] == "fp32":
            options["gpu_options"] = f"precision = {_FP32}\n"
        return hardware, options

    def _read_coverage(self, model: Path) -> Coverage:
        split = _SPLIT.search(self.said)
        if split is None:
            # Neither whole nor in parts: nothing says that the GPU has any of it.
            return self.whole if self.fully_accelerated else Coverage(self._nodes, 0, None, _counts(model))
        on_gpu, on_cpu = int(split[1]), int(split[2])
        listed = _UNSUPPORTED.search(self.said)
        kinds = [_kind(line) for line in listed[1].splitlines()] if listed else []
        counts = _counts(model)
        left = {kind: min(counts.get(kind, 1), on_cpu) for kind in dict.fromkeys(kinds)}
        # Ops that the GPU could run stay on the CPU too where they are cut off from the rest.
        rest = on_cpu - sum(left.values())
        return Coverage(on_gpu + on_cpu, on_gpu, None, left | ({"(cut off from the rest)": rest} if rest > 0 else {}))


def read_adapter(said: str) -> dict[str, str]:
    """The adapter as the runtime names it: name, arch, vendor, backend, adapterType."""
    found = _ADAPTER.search(said)
    if not found:
        return {}
    name, *pairs = found[1].split(", ")
    return {"adapter": name} | {key: value for key, _, value in (pair.partition("=") for pair in pairs) if value}


def why_not(said: str) -> str:
    """Why the GPU cannot be used, from what the runtime wrote, and what to do."""
    if "Couldn't load Vulkan" in said:
        return "no Vulkan loader (libvulkan.so.1) is here: install it (Debian: libvulkan1) and the GPU's driver"
    if "No adapters found" in said:
        return (
            "Vulkan finds no adapter: install the GPU's Vulkan driver, or name a driver's JSON file with "
            "VK_ICD_FILENAMES (SwiftShader, from Debian's chromium-common, is one in software)"
        )
    listed = re.search(r"operations are not supported by GPU delegate:\n(.*?)(\n\d+ operations|\Z)", said, re.DOTALL)
    if listed:
        kinds = ", ".join(dict.fromkeys(line.split(":")[0] for line in listed[1].splitlines() if ":" in line))
        return f"the GPU does not run these ops: {kinds}. Allow the CPU for them with --backend gpu:cpu_fallback=true"
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else "it gave no reason"


def _kind(line: str) -> str:
    """The op of a line like `SQUEEZE: Operation is not supported.` or `CUSTOM MyOp: ...`."""
    return line.partition(":")[0].removeprefix("CUSTOM ")


def _counts(model: Path) -> dict[str, int]:
    return dict(Counter(operator_names(model)))
