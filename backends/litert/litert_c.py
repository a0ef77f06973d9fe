"""LiteRT's C interface (libLiteRt.so of the wheel), for what its Python interface does not offer."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

CPU, GPU = 1, 2
"""LiteRtHwAccelerators (LRT litert/c/litert_common.h)."""
_TYPE_BYTES = 256
"""More than a LiteRtRankedTensorType has."""
Handle = ctypes.c_void_p


class AnyValue(ctypes.Structure):
    """A LiteRtAny that holds text (LRT litert/c/litert_any.h)."""

    _fields_ = (("type", ctypes.c_int), ("text", ctypes.c_char_p))


class EnvironmentOption(ctypes.Structure):
    """A LiteRtEnvOption."""

    _fields_ = (("tag", ctypes.c_int), ("value", AnyValue))


_GetName = ctypes.CFUNCTYPE(ctypes.c_int, Handle, ctypes.POINTER(ctypes.c_char_p))
_GetVersion = ctypes.CFUNCTYPE(ctypes.c_int, Handle, ctypes.POINTER(ctypes.c_int * 3))
_GetHardware = ctypes.CFUNCTYPE(ctypes.c_int, Handle, ctypes.POINTER(ctypes.c_int))
CreateDelegate = ctypes.CFUNCTYPE(ctypes.c_int, Handle, Handle, Handle, Handle, ctypes.POINTER(Handle))
Deleter = ctypes.CFUNCTYPE(None, Handle)


class Maker:
    """Calls libLiteRt.so and frees in the end what was made."""

    def __init__(self, stack: ExitStack) -> None:
        import ai_edge_litert

        self.folder = Path(next(iter(ai_edge_litert.__path__)))
        self.library = ctypes.CDLL(str(self.folder / "libLiteRt.so"))
        self._stack = stack
        self._c = ctypes.CDLL(None)
        self._c.strdup.restype = Handle

    def __call__(self, kind: str, *arguments: Any, how: str = "") -> Handle:
        """A new object of this kind."""
        made = Handle()
        self.call(f"LiteRtCreate{how or kind}", *arguments, ctypes.byref(made))
        self._free_later(kind, made)
        return made

    def _free_later(self, kind: str, made: Handle) -> None:
        destroy = getattr(self.library, f"LiteRtDestroy{kind}")
        destroy.restype = None
        self._stack.callback(destroy, made)

    def status(self, name: str, *arguments: Any) -> int:
        """What the function answers; 0 is well."""
        return int(getattr(self.library, name)(*arguments))

    def call(self, name: str, *arguments: Any) -> None:
        """Calls it.

        Raises:
            RuntimeError: It failed.
        """
        if status := self.status(name, *arguments):
            raise RuntimeError(f"{name} answers {status}")

    def add_option(self, options: Handle, name: str, text: str) -> None:
        """An option that the runtime hands to accelerators as text, which it frees by itself."""
        made = Handle()
        free = ctypes.cast(self._c.free, Handle)
        payload = Handle(self._c.strdup(text.encode()))
        self.call("LiteRtCreateOpaqueOptions", name.encode(), payload, free, ctypes.byref(made))
        self.call("LiteRtAddOpaqueOptions", options, made)

    def buffer(self, kind: str, place: int, environment: Handle, compiled: Handle, signature: Handle) -> Handle:
        """A buffer for an input or output of the first signature."""
        tensor, needs, made = Handle(), Handle(), Handle()
        of_type = (ctypes.c_byte * _TYPE_BYTES)()
        index, first = ctypes.c_size_t(place), ctypes.c_size_t(0)
        self.call(f"LiteRtGetSignature{kind}TensorByIndex", signature, index, ctypes.byref(tensor))
        self.call("LiteRtGetRankedTensorType", tensor, of_type)
        self.call(f"LiteRtGetCompiledModel{kind}BufferRequirements", compiled, first, index, ctypes.byref(needs))
        self.call("LiteRtCreateManagedTensorBufferFromRequirements", environment, of_type, needs, ctypes.byref(made))
        self._free_later("TensorBuffer", made)
        return made

    def register_accelerator(self, environment: Handle, name: bytes, create: Callable[..., int]) -> object:
        """Adds an accelerator behind those there are; keep what it returns as long as the environment.

        Args:
            environment: Owns it from here on.
            name: Of the accelerator.
            create: Called for every model that is compiled for the CPU: (runtime, environment, accelerator, options, where the
                wrapped delegate goes) -> status.
        """

        def get_name(_: Any, text: Any) -> int:
            text[0] = name
            return 0

        def get_version(_: Any, version: Any) -> int:
            version[0][:] = [1, 0, 0]
            return 0

        def get_hardware(_: Any, hardware: Any) -> int:
            hardware[0] = CPU
            return 0

        calls = {
            "LiteRtSetAcceleratorGetName": _GetName(get_name),
            "LiteRtSetAcceleratorGetVersion": _GetVersion(get_version),
            "LiteRtSetAcceleratorGetHardwareSupport": _GetHardware(get_hardware),
            "LiteRtSetDelegateFunction": CreateDelegate(create),
        }
        accelerator = Handle()
        self.call("LiteRtCreateAccelerator", ctypes.byref(accelerator))
        for function, callback in calls.items():
            self.call(function, accelerator, callback)
        self.call("LiteRtRegisterAccelerator", environment, accelerator, None, None)
        return calls

    @contextmanager
    def locked(self, buffer: int | None, mode: int) -> Iterator[Handle]:
        """The buffer's memory, for reading or writing."""
        address = Handle()
        self.call("LiteRtLockTensorBuffer", Handle(buffer), ctypes.byref(address), mode)
        yield address
        self.call("LiteRtUnlockTensorBuffer", Handle(buffer))
