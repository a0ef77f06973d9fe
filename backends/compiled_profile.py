"""How a compiled model's time divides between an accelerator and the CPU.

LiteRT's profiler does not help: with it, the WebGPU accelerator refuses to run ("Profile is not implemented", 2.3.0). But the C
interface (libLiteRt.so of the wheel) lets everybody register an accelerator, and delegates are applied in the order of
registration: ours comes last, claims nothing and puts a clock around each node (`backends.profile`). Python's compiled models
live in environments that nobody else can reach, so the model is compiled once more.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from backends.base import Array, TimeShare
from backends.profile import UNSEEN, Clocks, run_for_a_while

CPU, GPU = 1, 2
"""LiteRtHwAccelerators (LRT litert/c/litert_common.h)."""
_XNNPACK = "XNNPack"
_RUNTIME_FOLDER, _TEXT = 22, 8
"""kLiteRtEnvOptionTagRuntimeLibraryDir, kLiteRtAnyTypeString (LRT litert/c/litert_environment_options.h, litert_any.h)."""
_READ, _WRITE = 0, 1
_TYPE_BYTES = 256
"""More than a LiteRtRankedTensorType has."""
_Handle = ctypes.c_void_p


class _Any(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int), ("text", ctypes.c_char_p))


class _Option(ctypes.Structure):
    _fields_ = (("tag", ctypes.c_int), ("value", _Any))


_GetName = ctypes.CFUNCTYPE(ctypes.c_int, _Handle, ctypes.POINTER(ctypes.c_char_p))
_GetVersion = ctypes.CFUNCTYPE(ctypes.c_int, _Handle, ctypes.POINTER(ctypes.c_int * 3))
_GetHardware = ctypes.CFUNCTYPE(ctypes.c_int, _Handle, ctypes.POINTER(ctypes.c_int))
_CreateDelegate = ctypes.CFUNCTYPE(ctypes.c_int, _Handle, _Handle, _Handle, _Handle, ctypes.POINTER(_Handle))
_Deleter = ctypes.CFUNCTYPE(None, _Handle)


def compiled_time_share(
    model: Path, *, hardware: int, options: Mapping[str, str], inputs: Sequence[Array], outputs: int
) -> TimeShare:
    """Compiles the model with clocks and runs it for about half a second.

    What the CPU's nodes take is divided by the whole time of the runs, copying in and out included: an accelerator may work on
    after its node has returned.

    Args:
        model: The TFLite file; its first signature is run, with the shapes that the file gives.
        hardware: `CPU`, `GPU` or both.
        options: Name of an opaque option -> its text, as the runtime's own helpers write it.
        inputs: In the signature's order.
        outputs: How many there are.
    """
    try:
        with ExitStack() as stack:
            clocks = Clocks()
            once = stack.enter_context(_compiled(model, hardware, options, inputs, outputs, clocks))
            total_ns = run_for_a_while(clocks, once)
    except (OSError, AttributeError, RuntimeError) as error:
        return TimeShare(None, f"the model cannot be compiled once more to be profiled: {error}")
    nodes = [node for node, name in clocks.delegate_names.items() if _XNNPACK not in name]
    return TimeShare(clocks.without_ns(nodes) / total_ns) if clocks.saw(nodes) else UNSEEN


@contextmanager
def _compiled(
    model: Path, hardware: int, options: Mapping[str, str], inputs: Sequence[Array], outputs: int, clocks: Clocks
) -> Iterator[Callable[[], None]]:
    """The model, compiled: call what it gives to run it once. Everything is freed in the end, the clocks' delegate last."""
    with ExitStack() as stack:
        made = _Maker(stack)
        folder = str(made.folder).encode()
        environment = made("Environment", 1, (_Option * 1)(_Option(_RUNTIME_FOLDER, _Any(_TEXT, folder))))
        kept = _register(made, environment, clocks)
        file = made("Model", environment, str(model).encode(), how="ModelFromFile")
        chosen = made("Options")
        made.call("LiteRtSetOptionsHardwareAccelerators", chosen, hardware)
        for name, text in options.items():
            made.add_option(chosen, name, text)
        compiled = made("CompiledModel", environment, file, chosen)
        clocks.check()
        signature = _Handle()
        made.call("LiteRtGetModelSignature", file, ctypes.c_size_t(0), ctypes.byref(signature))
        counts = {"Input": len(inputs), "Output": outputs}
        buffers = {
            kind: (_Handle * count)(
                *(made.buffer(kind, place, environment, compiled, signature).value for place in range(count))
            )
            for kind, count in counts.items()
        }

        def once() -> None:
            for place, array in enumerate(inputs):
                with made.locked(buffers["Input"][place], _WRITE) as address:
                    ctypes.memmove(address, array.ctypes.data, array.nbytes)
            sizes = {kind: ctypes.c_size_t(count) for kind, count in counts.items()}
            made.call(
                "LiteRtRunCompiledModel",
                compiled,
                ctypes.c_size_t(0),
                sizes["Input"],
                buffers["Input"],
                sizes["Output"],
                buffers["Output"],
            )
            for place in range(outputs):
                with made.locked(buffers["Output"][place], _READ):
                    pass

        yield once
    del kept


def _register(made: _Maker, environment: _Handle, clocks: Clocks) -> list[Any]:
    """Registers the clocks as the environment's last accelerator; keep what it returns as long as the environment."""

    def get_name(_: Any, name: Any) -> int:
        name[0] = b"clocks"
        return 0

    def get_version(_: Any, version: Any) -> int:
        version[0][:] = [1, 0, 0]
        return 0

    def get_hardware(_: Any, hardware: Any) -> int:
        hardware[0] = CPU
        return 0

    deleter = _Deleter(lambda _: None)

    def create(_runtime: Any, _environment: Any, _accelerator: Any, _options: Any, wrapper: Any) -> int:
        return made.status("LiteRtWrapDelegate", _Handle(clocks.address), deleter, wrapper)

    calls = {
        "LiteRtSetAcceleratorGetName": _GetName(get_name),
        "LiteRtSetAcceleratorGetVersion": _GetVersion(get_version),
        "LiteRtSetAcceleratorGetHardwareSupport": _GetHardware(get_hardware),
        "LiteRtSetDelegateFunction": _CreateDelegate(create),
    }
    accelerator = _Handle()
    made.call("LiteRtCreateAccelerator", ctypes.byref(accelerator))
    for name, function in calls.items():
        made.call(name, accelerator, function)
    # The environment owns it from here on.
    made.call("LiteRtRegisterAccelerator", environment, accelerator, None, None)
    return [deleter, *calls.values()]


class _Maker:
    """Calls libLiteRt.so and frees in the end what was made."""

    def __init__(self, stack: ExitStack) -> None:
        import ai_edge_litert

        self.folder = Path(next(iter(ai_edge_litert.__path__)))
        self._library = ctypes.CDLL(str(self.folder / "libLiteRt.so"))
        self._stack = stack
        self._c = ctypes.CDLL(None)
        self._c.strdup.restype = _Handle

    def __call__(self, kind: str, *arguments: Any, how: str = "") -> _Handle:
        made = _Handle()
        self.call(f"LiteRtCreate{how or kind}", *arguments, ctypes.byref(made))
        self._free_later(kind, made)
        return made

    def _free_later(self, kind: str, made: _Handle) -> None:
        destroy = getattr(self._library, f"LiteRtDestroy{kind}")
        destroy.restype = None
        self._stack.callback(destroy, made)

    def status(self, name: str, *arguments: Any) -> int:
        """What the function answers; 0 is well."""
        return int(getattr(self._library, name)(*arguments))

    def call(self, name: str, *arguments: Any) -> None:
        """Calls it.

        Raises:
            RuntimeError: It failed.
        """
        if status := self.status(name, *arguments):
            raise RuntimeError(f"{name} answers {status}")

    def add_option(self, options: _Handle, name: str, text: str) -> None:
        """An option that the runtime hands to accelerators as text, which it frees by itself."""
        made = _Handle()
        free = ctypes.cast(self._c.free, _Handle)
        payload = _Handle(self._c.strdup(text.encode()))
        self.call("LiteRtCreateOpaqueOptions", name.encode(), payload, free, ctypes.byref(made))
        self.call("LiteRtAddOpaqueOptions", options, made)

    def buffer(self, kind: str, place: int, environment: _Handle, compiled: _Handle, signature: _Handle) -> _Handle:
        """A buffer for an input or output of the first signature."""
        tensor, needs, made = _Handle(), _Handle(), _Handle()
        of_type = (ctypes.c_byte * _TYPE_BYTES)()
        index, first = ctypes.c_size_t(place), ctypes.c_size_t(0)
        self.call(f"LiteRtGetSignature{kind}TensorByIndex", signature, index, ctypes.byref(tensor))
        self.call("LiteRtGetRankedTensorType", tensor, of_type)
        self.call(f"LiteRtGetCompiledModel{kind}BufferRequirements", compiled, first, index, ctypes.byref(needs))
        self.call("LiteRtCreateManagedTensorBufferFromRequirements", environment, of_type, needs, ctypes.byref(made))
        self._free_later("TensorBuffer", made)
        return made

    @contextmanager
    def locked(self, buffer: int | None, mode: int) -> Iterator[_Handle]:
        """The buffer's memory, for reading or writing."""
        address = _Handle()
        self.call("LiteRtLockTensorBuffer", _Handle(buffer), ctypes.byref(address), mode)
        yield address
        self.call("LiteRtUnlockTensorBuffer", _Handle(buffer))
