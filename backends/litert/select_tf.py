"""Select TensorFlow ops: LiteRT's interpreter with TensorFlow's Flex delegate.

LiteRT has no kernels for them, and TensorFlow's own wheels lost theirs with 2.20 (google-ai-edge/LiteRT#6458). The delegate is
a C interface, so that the library of an older wheel serves: `./run.sh install flex` puts it beside the environment, where it
is loaded without TensorFlow's Python half and only for a model that needs it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

from backends.base import BackendUnavailable

INSTALL = "./run.sh install flex"
_LIBRARY = Path("tensorflow/libtensorflow_cc.so.2")


class _Owned(ctypes.Structure):
    """A `std::unique_ptr<TfLiteDelegate, void (*)(TfLiteDelegate*)>`, as libstdc++ lays it out.

    The last field is never written: with it the structure is too large for registers and goes where the caller says, as one
    with a destructor does.
    """

    _fields_ = (("delete", ctypes.c_void_p), ("delegate", ctypes.c_void_p), ("_", ctypes.c_void_p))


class Flex:
    """One delegate, which must outlive the interpreter that it is applied to."""

    def __init__(self, library: Path) -> None:
        """Loads the library, once in a process, and makes a delegate.

        Raises:
            BackendUnavailable: It cannot be loaded, or has no Flex delegate.
        """
        # TensorFlow tells of the machine's CPU and of oneDNN: nothing that anybody asked.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            acquire = ctypes.CDLL(str(library), mode=os.RTLD_LAZY).TF_AcquireFlexDelegate
        except (OSError, AttributeError) as error:
            raise BackendUnavailable(
                f"TensorFlow's Flex delegate cannot be had from {library}: {error}. Get it again: {INSTALL}"
            ) from None
        acquire.restype, acquire.argtypes = _Owned, []
        self.library = library
        self._owned: _Owned | None = acquire()
        self._free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._owned.delete)

    def _get_native_delegate_pointer(self) -> int | None:
        """What the runtime's own delegates are asked for."""
        return self._owned.delegate if self._owned else None

    def __del__(self) -> None:
        owned, self._owned = getattr(self, "_owned", None), None
        if owned is not None:
            self._free(owned.delegate)


def library() -> Path | None:
    """Where the delegate's library is; None where it was not installed."""
    path = Path(sys.prefix) / "flex" / _LIBRARY
    return path if path.is_file() else None


def apply_flex(interpreter: Any) -> Flex | None:
    """Hands an interpreter's select TensorFlow ops to TensorFlow, before its tensors are allocated.

    Args:
        interpreter: `ai_edge_litert.interpreter.Interpreter`.

    Returns:
        The delegate, which the interpreter keeps; None where the library is not here: then the runtime refuses the model.

    Raises:
        BackendUnavailable: The library is broken.
    """
    found = library()
    if found is None:
        return None
    flex = Flex(found)
    interpreter._interpreter.ModifyGraphWithDelegate(flex._get_native_delegate_pointer())
    # Let go after the graph, as the runtime does with delegates of its own.
    interpreter._delegates = [*(interpreter._delegates or ()), flex]
    return flex
