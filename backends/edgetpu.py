"""The Edge TPU: `libedgetpu.so.1` as an external delegate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.base import BackendUnavailable
from backends.external import ExternalBackend, check_library
from backends.model_file import EDGETPU_OP, operators

LIBRARY = "libedgetpu.so.1"


class EdgeTpuBackend(ExternalBackend):
    """A model that edgetpu_compiler has compiled, on one Edge TPU."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        device: str = "",
        library: str = LIBRARY,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Tells first whether the model and the library go together.

        Args:
            model: The TFLite file.
            threads: CPU threads for the ops that the Edge TPU leaves.
            device: `usb`, `usb:0`, `pci:0`, `:1`; empty for the first there is.
            library: Edge TPU runtime library.
            input_shapes: See `InterpreterBackend`.

        Raises:
            BackendUnavailable: No library, no device, or a model that is not compiled for it.
        """
        compiled = EDGETPU_OP in operators(model)
        try:
            check_library(library)
        except BackendUnavailable as error:
            fits = (
                "is compiled for an Edge TPU"
                if compiled
                else f"is NOT compiled for an Edge TPU (no {EDGETPU_OP} in it)"
            )
            raise BackendUnavailable(
                f"no Edge TPU runtime: {error}. {model} {fits}. Install the Edge TPU runtime ({LIBRARY}), or name its "
                "library with --backend edgetpu:library=PATH"
            ) from None
        if not compiled:
            raise BackendUnavailable(
                f"the Edge TPU runtime is here, but {model} is not compiled for it: it has no {EDGETPU_OP}. Run it through "
                "edgetpu_compiler first (it takes fully quantised models), or use --backend cpu"
            )
        super().__init__(
            model,
            threads=threads,
            library=library,
            delegate_options={"device": device} if device else {},
            input_shapes=input_shapes,
            name="edgetpu",
        )
