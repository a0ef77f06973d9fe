"""What each op of a model takes on the CPU, from LiteRT's own profiler: XNNPACK's operators one by one as well.

Python's interface has no profiler, libLiteRt.so of the wheel has (LRT litert/c/litert_profiler.h, litert_profiler_event.h). It
counts whole microseconds, and XNNPACK's operators have a length and no beginning: they come in the order in which they ran. A
node that stands for a delegate's piece gives no event of its own, what is in the piece does.

Once built with a profiler, a model runs as ever while the profiler stands still. While it goes, a run costs some 100 to 200 us
more, whatever the model: three events of a run ask the system for memory and times.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from backends.base import Array, BackendUnavailable, TensorSpec
from backends.litert.compiled import unfit_outputs
from backends.litert.file.custom_ops import select_ops
from backends.litert.file.model_reader import read_model
from backends.litert.file.opened_file import name_of, opened
from backends.litert.litert_c import CPU, AnyValue, EnvironmentOption, Handle, Maker
from backends.litert.loading import first_line
from backends.litert.stderr import overheard

EventKind = Literal["op", "xnnpack", "invoke"]
_KINDS: Mapping[int, EventKind] = {1: "invoke", 2: "op", 8: "xnnpack"}
"""Types of events (LRT tflite/core/api/profiler.h); the others are no times."""
_INVOKE = "Invoke"
"""Of a graph; other events of its type are what goes on around it."""
_RUNTIME_FOLDER, _TEXT = 22, 8
"""kLiteRtEnvOptionTagRuntimeLibraryDir, kLiteRtAnyTypeString."""
_READ, _WRITE = 0, 1
_TEXTS = "OSU"
Kernels = Literal["default", "reference", "builtin"]
_KERNEL_MODES: Mapping[Kernels, int] = {"default": 0, "reference": 1, "builtin": 2}
"""LiteRtCpuKernelMode (LRT litert/c/options/litert_cpu_options.h)."""


@dataclass(frozen=True, slots=True)
class RuntimeEvent:
    """Something of a run that took time."""

    kind: EventKind
    """`invoke` is the whole of a graph."""
    name: str
    """`CONV_2D`, or XNNPACK's own `Convolution (NHWC, QC8) IGEMM`."""
    graph: int
    """Its number in the file."""
    index: int
    """The op's place in the graph; XNNPACK's operator's place in its piece."""
    start_us: int
    """Of the system's clock; 0 for XNNPACK's."""
    elapsed_us: int


class _Event(ctypes.Structure):
    """What LiteRtGetProfilerEvents gives (LRT litert/c/litert_profiler_event.h)."""

    _fields_ = (
        ("tag", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("memory", ctypes.c_size_t * 6),
        ("index", ctypes.c_uint64),
        ("graph", ctypes.c_uint64),
        ("source", ctypes.c_int),
    )


class EventProfiler:
    """A model compiled with a profiler. Whoever makes one closes it."""

    def __init__(
        self,
        model: Path,
        inputs: Sequence[TensorSpec],
        *,
        threads: int,
        kernels: Kernels = "default",
        flags: int | None = None,
    ) -> None:
        """Compiles the model, with the shapes that its file has.

        Args:
            model: The file; its first graph is run.
            inputs: As an interpreter has them: names, shapes and types.
            threads: CPU threads.
            kernels: `default` is XNNPACK with the runtime's own beside it.
            flags: XNNPACK's; None for its own choice.

        Raises:
            BackendUnavailable: It cannot be compiled, or not safely; says why.
        """
        _refuse(model, inputs)
        self._stack = ExitStack()
        try:
            with overheard():
                self._build(model, inputs, threads, kernels, flags)
        except (OSError, AttributeError, RuntimeError) as error:
            self._stack.close()
            raise BackendUnavailable(f"LiteRT does not compile it with a profiler: {first_line(error)}") from None
        except BaseException:
            self._stack.close()
            raise

    def _build(
        self, model: Path, inputs: Sequence[TensorSpec], threads: int, kernels: Kernels, flags: int | None
    ) -> None:
        made = self._made = Maker(self._stack)
        folder = str(made.folder).encode()
        option = EnvironmentOption(_RUNTIME_FOLDER, AnyValue(_TEXT, folder))
        environment = made("Environment", 1, (EnvironmentOption * 1)(option))
        with opened(model) as on_disk:
            file = made("Model", environment, name_of(on_disk, model).encode(), how="ModelFromFile")
        chosen = made("Options")
        made.call("LiteRtSetOptionsHardwareAccelerators", chosen, CPU)
        made.add_option(chosen, "runtime_options_string", "enable_profiling = true\n")
        words = f"num_threads = {threads}\nkernel_mode = {_KERNEL_MODES[kernels]}\n"
        made.add_option(chosen, "xnnpack", words + (f"flags = {flags}\n" if flags is not None else ""))
        self._compiled = made("CompiledModel", environment, file, chosen)
        signature = Handle()
        made.call("LiteRtGetModelSignature", file, ctypes.c_size_t(0), ctypes.byref(signature))
        names = self._names(signature)
        if sorted(names) != sorted(tensor.name for tensor in inputs):
            raise RuntimeError(f"its inputs are named {names} there, {[tensor.name for tensor in inputs]} elsewhere")
        self._order = [names.index(tensor.name) for tensor in inputs]
        counts = {"Input": len(names), "Output": self._count(signature, "Output")}
        self._buffers = {
            kind: (Handle * count)(
                *(made.buffer(kind, place, environment, self._compiled, signature).value for place in range(count))
            )
            for kind, count in counts.items()
        }
        self._arguments = (
            self._compiled,
            ctypes.c_size_t(0),
            ctypes.c_size_t(counts["Input"]),
            self._buffers["Input"],
            ctypes.c_size_t(counts["Output"]),
            self._buffers["Output"],
        )
        self._profiler = Handle()
        made.call("LiteRtCompiledModelGetProfiler", self._compiled, ctypes.byref(self._profiler))

    def _count(self, signature: Handle, kind: str) -> int:
        found = ctypes.c_size_t()
        self._made.call(f"LiteRtGetNumSignature{kind}s", signature, ctypes.byref(found))
        return found.value

    def _names(self, signature: Handle) -> list[str]:
        found = []
        for place in range(self._count(signature, "Input")):
            name = ctypes.c_char_p()
            self._made.call("LiteRtGetSignatureInputName", signature, ctypes.c_size_t(place), ctypes.byref(name))
            found.append((name.value or b"").decode(errors="replace"))
        return found

    def feed(self, inputs: Sequence[Array]) -> None:
        """What all further runs are given, in the order of the interpreter's inputs."""
        for place, array in zip(self._order, inputs, strict=True):
            whole, size = np.ascontiguousarray(array), ctypes.c_size_t()
            self._made.call("LiteRtGetTensorBufferSize", Handle(self._buffers["Input"][place]), ctypes.byref(size))
            if whole.nbytes > size.value:
                raise BackendUnavailable(f"a compiled model packs an input of {whole.nbytes} bytes into {size.value}")
            with self._made.locked(self._buffers["Input"][place], _WRITE) as address:
                ctypes.memmove(address, whole.ctypes.data, whole.nbytes)

    def run(self) -> int:
        """Runs with the profiler standing still; how long that took, in ns."""
        began = time.perf_counter_ns()
        self._made.call("LiteRtRunCompiledModel", *self._arguments)
        return time.perf_counter_ns() - began

    def profiled_run(self) -> tuple[int, list[RuntimeEvent]]:
        """Runs with the profiler going; how long that took, in ns, and what it saw, in order."""
        made = self._made
        made.call("LiteRtResetProfiler", self._profiler)
        made.call("LiteRtStartProfiler", self._profiler)
        try:
            took = self.run()
        finally:
            made.call("LiteRtStopProfiler", self._profiler)
        count = ctypes.c_int()
        made.call("LiteRtGetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (_Event * count.value)()
        made.call("LiteRtGetProfilerEvents", self._profiler, count, events)
        return took, [found for event in events if (found := _told(event)) is not None]

    def close(self) -> None:
        """Frees everything."""
        self._stack.close()


def _told(event: _Event) -> RuntimeEvent | None:
    kind = _KINDS.get(event.type)
    name = (event.tag or b"").decode(errors="replace")
    if kind is None or (kind == "invoke" and name != _INVOKE):
        return None
    return RuntimeEvent(kind, name, event.graph, event.index, event.start_us, event.elapsed_us)


def _refuse(model: Path, inputs: Sequence[TensorSpec]) -> None:
    """What must not be compiled, or what no buffer can be made for."""
    if texts := [tensor.name for tensor in inputs if tensor.dtype.kind in _TEXTS]:
        raise BackendUnavailable(f"a compiled model has no buffers for texts ({', '.join(texts)})")
    names = [tensor.name for tensor in inputs]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise BackendUnavailable(f"a compiled model finds inputs by name, and two are called {twice[0]!r}")
    if select := select_ops(model):
        raise BackendUnavailable(f"a compiled model runs no select TensorFlow ops ({', '.join(select)})")
    if outputs := unfit_outputs(read_model(model).main):
        raise BackendUnavailable(
            f"a compiled model writes past the buffers of outputs whose shape the file leaves open: {', '.join(outputs)}"
        )
