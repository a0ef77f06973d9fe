"""Any delegate library: a shared object with `tflite_plugin_create_delegate` (TFLite's external delegate interface)."""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.base import BackendInfo, BackendUnavailable
from backends.litert.file.opened_file import opened, refuse_other_mapping
from backends.litert.interpreter import InterpreterBackend

_SYMBOLS = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")
"""What such a library exports (LRT tflite/delegates/external/external_delegate_interface.h)."""
_LINK_MAP = 2
"""RTLD_DI_LINKMAP (dlfcn.h): a record of base, name and dynamic section, as debuggers read it."""
_ELF_MACHINES = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_SAME = {"amd64": "x86_64", "arm64": "aarch64", "i686": "i386", "armv7l": "arm", "armv8l": "arm"}


class ExternalBackend(InterpreterBackend):
    """An interpreter with a delegate from a library. Ops that it does not take run on the CPU and are counted as such."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        library: str = "",
        delegate_options: Mapping[str, Any] | None = None,
        xnnpack: bool = True,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
        name: str = "external",
    ) -> None:
        """Loads the library, then the model.

        Args:
            model: The TFLite file.
            threads: CPU threads for the ops that the delegate leaves.
            library: A path, or a file name that the system's loader finds.
            delegate_options: Passed to the delegate, as text.
            xnnpack: False runs what the delegate leaves on the built-in kernels.
            input_shapes: See `InterpreterBackend`.
            name: The backend's name, for the result.

        Raises:
            BackendUnavailable: The library is missing, of another machine, no delegate, or refuses its options.
            ModelRejected: The runtime cannot run the model.
        """
        if not library:
            raise BackendUnavailable("no delegate library is named: use --backend external:PATH[,key=value...]")
        self._library, self._delegate_options = library, dict(delegate_options or {})
        delegate = load(library, self._delegate_options)
        super().__init__(
            model, name=name, threads=threads, xnnpack=xnnpack, input_shapes=input_shapes, delegate=delegate
        )

    def info(self) -> BackendInfo:
        """Counts the library's own nodes; XNNPACK's are the CPU's."""
        plain = super().info()
        return replace(
            plain,
            delegate=Path(self._library).name,
            options={"library": self._library, "delegate_options": self._delegate_options} | plain.options,
            coverage=self.coverage,
            accelerator=True,
            device=plain.device | {"library": self._library},
        )


def load(library: str, options: Mapping[str, Any]) -> Any:
    """A delegate from a library.

    Raises:
        BackendUnavailable: See `ExternalBackend`; the message holds the loader's or the delegate's own words.
        FileChanged: What is loaded is not what a run holds.
    """
    from ai_edge_litert.interpreter import load_delegate

    check_library(library)
    given = {key: _text(value) for key, value in options.items()}
    try:
        with opened(Path(library)) if "/" in library else nullcontext() as file:
            delegate = load_delegate(library, given)
            if file is not None and sys.platform == "linux":
                refuse_other_mapping(Path(library), file, _address(delegate))
        return delegate
    except (ValueError, OSError) as error:
        # The runtime puts a line of its own before the delegate's words.
        said = str(error).partition("\n")[2].strip() or "it gave no reason"
        with_options = ", ".join(f"{key}={value}" for key, value in given.items()) or "no options"
        raise BackendUnavailable(f"the delegate of {library} refuses to start with {with_options}: {said}") from None


def _address(delegate: Any) -> int:
    """Where the dynamic section of a delegate's own library lies: its functions may be those of a library that it needs."""
    found = ctypes.POINTER(ctypes.c_void_p * 3)()
    handle = ctypes.c_void_p(delegate._library._handle)
    if ctypes.CDLL(None).dlinfo(handle, _LINK_MAP, ctypes.byref(found)):
        raise BackendUnavailable("the system's loader does not tell where it has loaded the delegate's library")
    return found.contents[2] or 0


def check_library(library: str) -> None:
    """Refuses what is no delegate library for this machine before the runtime gets to see it.

    Raises:
        BackendUnavailable: With what was tried and what to do.
    """
    path = Path(library)
    if "/" in library:
        _check_elf(path)
    try:
        loaded = ctypes.CDLL(library)
    except OSError as error:
        raise BackendUnavailable(f"the system's loader refuses the delegate library {library}: {error}") from None
    missing = [symbol for symbol in _SYMBOLS if not hasattr(loaded, symbol)]
    if missing:
        raise BackendUnavailable(
            f"{library} is no TFLite delegate: it does not export {' and '.join(missing)}. "
            "A delegate built for the external delegate interface does."
        )


def _check_elf(path: Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise BackendUnavailable(
            f"the delegate library {path} is a device, a pipe or a socket: name the delegate's .so file"
        )
    try:
        with opened(path) as file:
            head = file.read(20)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise BackendUnavailable(f"no delegate library at {path}: name the .so file of the delegate") from None
    except OSError as error:
        raise BackendUnavailable(f"the delegate library {path} cannot be read: {error.strerror}") from None
    if sys.platform != "linux":
        return
    if len(head) < 20 or head[:4] != b"\x7fELF":
        raise BackendUnavailable(f"{path} is not a shared library: it begins with {head[:4]!r}, not with an ELF header")
    number = struct.unpack_from("<H" if head[5] == 1 else ">H", head, 18)[0]
    machine, ours = _ELF_MACHINES.get(number, f"ELF machine {number}"), platform.machine()
    if machine != _SAME.get(ours, ours):
        raise BackendUnavailable(f"{path} was built for {machine}, this machine is {ours}: get the library for {ours}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
