"""Instances of one model in the interpreter that share XNNPACK's packed weights.

XNNPACK packs a model's weights for each instance, in memory of its own, unless it is given a file to keep them in: the first
instance writes it, the others map it. LiteRT's interpreter has no setting for that, its compiled models have (2.3.0). Both
take the same delegate: here LiteRT's C interface makes one with a weight cache, and the interpreter is given that in place of
its own.
"""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

from backends.litert.litert_c import CPU, CreateDelegate, Handle, Maker

SHARED_WEIGHTS = "tflite-loadgen-weights"
"""Name of the file in memory, as the system lists it."""
_HEADER = 200 | 1 << 16
"""Size and version of the accelerator's definition that is read here (LRT litert/c/internal/litert_accelerator_def.h)."""
_CREATE = 5
"""Place of create_delegate among its words."""
_NAME = b"CpuAccelerator"
_VERSION = struct.Struct("<Q")
_LAST_VERSION = 255
"""XNNPACK's file of packed weights begins with the version of its layout (LiteRT 2.3: 4; 0 while it is written)."""


class SharedFile:
    """A file in memory, which is gone with the process that made it: nothing of it can be out of date."""

    def __init__(self) -> None:
        """Empty."""
        self._file = os.memfd_create(SHARED_WEIGHTS)

    @property
    def path(self) -> str:
        """Opens it in this process and in its children."""
        return f"/proc/{os.getpid()}/fd/{self._file}"

    def __del__(self) -> None:
        os.close(self._file)


class CachingXnnpack:
    """XNNPACK's delegate with a weight cache. It must outlive the interpreter that it is applied to."""

    def __init__(self, path: str, threads: int) -> None:
        """Makes it.

        Args:
            path: Of the cache: made by the first instance, mapped by the others, which must be of the same model.
            threads: Of this instance.

        Raises:
            RuntimeError: This version of the runtime does not offer it.
        """
        found = _accelerator()
        if found is None:
            raise RuntimeError("this version of LiteRT does not let the interpreter's XNNPACK have a weight cache")
        self._wrapper, pointer = Handle(), Handle()
        with ExitStack() as stack:
            self._made = Maker(stack)
            options = self._made("Options")
            text = f'num_threads = {threads}\nweight_cache_file_path = "{path}"\n'
            self._made.add_option(options, "xnnpack", text)
            status = found.create(found.runtime, found.environment, found.cpu, options, ctypes.byref(self._wrapper))
        if status:
            raise RuntimeError(f"XNNPACK cannot be made with the weight cache {path}: status {status}")
        self._made.call("LiteRtUnwrapDelegate", self._wrapper, ctypes.byref(pointer))
        self._pointer = pointer.value

    def _get_native_delegate_pointer(self) -> int | None:
        """What the runtime's own delegates are asked for."""
        return self._pointer

    def __del__(self) -> None:
        if getattr(self, "_pointer", None) is not None:
            self._pointer = None
            self._made.library.LiteRtDestroyDelegateWrapper(self._wrapper)


def can_cache() -> bool:
    """Whether this version of the runtime lets the interpreter's XNNPACK have a weight cache."""
    return _accelerator() is not None


@lru_cache(maxsize=1)
def _accelerator() -> _Accelerator | None:
    try:
        return _Accelerator()
    except (OSError, AttributeError, ValueError, RuntimeError):
        return None


class _Accelerator:
    """The runtime's CPU accelerator, which makes XNNPACK's delegates. Lives as long as the process."""

    def __init__(self) -> None:
        made = Maker(ExitStack())
        definition = Handle.in_dll(made.library, "LiteRtStaticLinkedAcceleratorCpuDef").value
        if not definition or ctypes.c_uint64.from_address(definition).value != _HEADER:
            raise RuntimeError("another layout")
        # Without a folder to look in, it loads no other accelerators.
        self.environment = made("Environment", 0, None)
        self.cpu = _find(made, self.environment)
        create = (Handle * (_CREATE + 1)).from_address(definition)[_CREATE]
        if not create:
            raise RuntimeError("another layout")
        self.create = CreateDelegate(create)
        self.runtime = self._peek(made)

    def _peek(self, made: Maker) -> Handle:
        """What the runtime hands to accelerators so that they can call it: seen by one of ours, which then declines."""
        seen: list[int] = []

        def create(runtime: int, *_: Any) -> int:
            seen.append(runtime)
            return 1

        self._kept = made.register_accelerator(self.environment, b"peek", create), _smallest_model()
        model, options, compiled = Handle(), made("Options"), Handle()
        made.call("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        size = ctypes.c_size_t(len(self._kept[1]))
        made.call("LiteRtCreateModelFromBuffer", self.environment, self._kept[1], size, ctypes.byref(model))
        made.status("LiteRtCreateCompiledModel", self.environment, model, options, ctypes.byref(compiled))
        if not seen:
            raise RuntimeError("it was not asked")
        return Handle(seen[0])


def _find(made: Maker, environment: Handle) -> Handle:
    count, found, name = ctypes.c_size_t(), Handle(), ctypes.c_char_p()
    made.call("LiteRtGetNumAccelerators", environment, ctypes.byref(count))
    for place in range(count.value):
        made.call("LiteRtGetAccelerator", environment, ctypes.c_size_t(place), ctypes.byref(found))
        made.call("LiteRtGetAcceleratorName", found, ctypes.byref(name))
        if name.value == _NAME:
            return found
    raise RuntimeError("no CPU accelerator")


def _smallest_model() -> bytes:
    """One op on one number."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    tensors = [schema.TensorT(shape=[1], type=schema.TensorType.FLOAT32, name=name) for name in (b"given", b"answer")]
    code = schema.BuiltinOperator.ABS
    graph = schema.SubGraphT(
        tensors=tensors, inputs=[0], outputs=[1], operators=[schema.OperatorT(inputs=[0], outputs=[1])]
    )
    codes = [schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code)]
    model = schema.ModelT(version=3, operatorCodes=codes, buffers=[schema.BufferT()], subgraphs=[graph])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def share_weights(interpreter: Any, path: str, threads: int) -> None:
    """Hands an interpreter without XNNPACK to one with a weight cache, before its tensors are allocated.

    Args:
        interpreter: `ai_edge_litert.interpreter.Interpreter`.
        path: See `CachingXnnpack`.
        threads: Of this instance.

    Raises:
        RuntimeError: See `CachingXnnpack`.
    """
    xnnpack = CachingXnnpack(path, threads)
    interpreter._interpreter.ModifyGraphWithDelegate(xnnpack._get_native_delegate_pointer())
    # Let go after the graph, as the runtime does with delegates of its own.
    interpreter._delegates = [*(interpreter._delegates or ()), xnnpack]


def why_not_kept(path: str) -> str:
    """Why packed weights cannot be kept there; "" where they can.

    XNNPACK writes over whatever lies there that is not its own, waits for a pipe, and of a folder says nothing.
    """
    if not path or in_memory(path):
        return ""
    try:
        what = _something_else(Path(path))
    except OSError as error:
        what = str(error.strerror)
    return what and f"packed weights cannot be kept in {path}: {what}. Name a file elsewhere (weight_cache=PATH)"


def _something_else(file: Path) -> str:
    if not file.exists():
        return ""
    if not file.is_file():
        return "it is a folder" if file.is_dir() else "it is a device, a pipe or a socket"
    with file.open("rb") as opened:
        begins = opened.read(_VERSION.size)
    ours = not begins or (len(begins) == _VERSION.size and _VERSION.unpack(begins)[0] <= _LAST_VERSION)
    return "" if ours else "what is there is something else, and would be lost"


def told(path: str) -> str:
    """How a result names a cache."""
    return "in memory" if in_memory(path) else path


def in_memory(path: str) -> bool:
    """Whether it is a `SharedFile`."""
    return Path(path).parts[:2] == ("/", "proc")


def suspicion(path: str) -> str:
    """What to say of the cache where answers are wrong. XNNPACK knows neither damaged weights nor those of a like model."""
    if not path or in_memory(path):
        return ""
    return f" If the packed weights in {path} are damaged or another model's, deleting that file helps."
