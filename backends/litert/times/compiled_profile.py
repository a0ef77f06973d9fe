"""How a compiled model's time divides between an accelerator and the CPU.

LiteRT's profiler does not help: with it, the WebGPU accelerator refuses to run ("Profile is not implemented", 2.3.0). But the C
interface (libLiteRt.so of the wheel) lets everybody register an accelerator, and delegates are applied in the order of
registration: ours comes last, claims nothing and puts a clock around each node (`backends.litert.times.profile`). Python's
compiled models live in environments that nobody else can reach, so the model is compiled once more.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from backends.base import Array, BackendUnavailable, TimeShare
from backends.litert.file.opened_file import name_of, opened
from backends.litert.litert_c import AnyValue, Deleter, EnvironmentOption, Handle, Maker
from backends.litert.times.node_timer import NodeTimer
from backends.litert.times.profile import UNSEEN, NodeClocks, run_for_a_while

_XNNPACK = "XNNPack"
_RUNTIME_FOLDER, _TEXT = 22, 8
"""kLiteRtEnvOptionTagRuntimeLibraryDir, kLiteRtAnyTypeString (LRT litert/c/litert_environment_options.h, litert_any.h)."""
_READ, _WRITE = 0, 1


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
            clocks = NodeClocks()
            once = stack.enter_context(_compiled(model, hardware, options, inputs, outputs, clocks))
            total_ns = run_for_a_while(clocks, once)
    except (OSError, AttributeError, RuntimeError) as error:
        return TimeShare(None, f"the model cannot be compiled once more to be profiled: {error}")
    nodes = [node for node, name in clocks.delegate_names.items() if _XNNPACK not in name]
    return TimeShare(clocks.without_ns(nodes) / total_ns) if clocks.saw(nodes) else UNSEEN


def compiled_node_timer(
    model: Path, *, hardware: int, options: Mapping[str, str], inputs: Sequence[Array], outputs: int
) -> NodeTimer:
    """Compiles the model with clocks; what it gives owns it.

    Args: See `compiled_time_share`.

    Raises:
        BackendUnavailable: It cannot be compiled once more.
    """
    clocks, stack = NodeClocks(), ExitStack()
    try:
        once = stack.enter_context(_compiled(model, hardware, options, inputs, outputs, clocks))
    except (OSError, AttributeError, RuntimeError) as error:
        stack.close()
        raise BackendUnavailable(f"the model cannot be compiled once more to be profiled: {error}") from None
    return NodeTimer(clocks, once, {}, stack)


@contextmanager
def _compiled(
    model: Path, hardware: int, options: Mapping[str, str], inputs: Sequence[Array], outputs: int, clocks: NodeClocks
) -> Iterator[Callable[[], None]]:
    """The model, compiled: call what it gives to run it once. Everything is freed in the end, the clocks' delegate last."""
    with ExitStack() as stack:
        made = Maker(stack)
        folder = str(made.folder).encode()
        environment = made(
            "Environment", 1, (EnvironmentOption * 1)(EnvironmentOption(_RUNTIME_FOLDER, AnyValue(_TEXT, folder)))
        )
        kept = _register(made, environment, clocks)
        with opened(model) as on_disk:
            file = made("Model", environment, name_of(on_disk, model).encode(), how="ModelFromFile")
        chosen = made("Options")
        made.call("LiteRtSetOptionsHardwareAccelerators", chosen, hardware)
        for name, text in options.items():
            made.add_option(chosen, name, text)
        compiled = made("CompiledModel", environment, file, chosen)
        clocks.check()
        signature = Handle()
        made.call("LiteRtGetModelSignature", file, ctypes.c_size_t(0), ctypes.byref(signature))
        counts = {"Input": len(inputs), "Output": outputs}
        buffers = {
            kind: (Handle * count)(
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


def _register(made: Maker, environment: Handle, clocks: NodeClocks) -> object:
    """Registers the clocks as the environment's last accelerator; keep what it returns as long as the environment."""
    deleter = Deleter(lambda _: None)

    def create(_runtime: Any, _environment: Any, _accelerator: Any, _options: Any, wrapper: Any) -> int:
        return made.status("LiteRtWrapDelegate", Handle(clocks.address), deleter, wrapper)

    return deleter, made.register_accelerator(environment, b"clocks", create)
