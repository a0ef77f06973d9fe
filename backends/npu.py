"""NPUs through LiteRT's vendor plug-ins: Google Tensor, Intel OpenVINO, MediaTek, Qualcomm, Samsung."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.base import BackendInfo, BackendUnavailable, Coverage
from backends.litert.compiled import CompiledBackend

_DISPATCH, _COMPILER = "dispatch/libLiteRtDispatch_*.so", "compiler/libLiteRtCompilerPlugin_*.so"


class NpuBackend(CompiledBackend):
    """The whole model on the NPU.

    LiteRT falls back to the CPU in silence where a part of the vendor's software is missing, so all of it must load, and no
    other accelerator is allowed.
    """

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        vendor: str = "",
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Looks for a vendor whose libraries load, and compiles the model for it.

        Args:
            model: The TFLite file.
            threads: Not used by NPUs.
            vendor: A folder of ai_edge_litert/vendors; empty for the first that loads.
            input_shapes: See `CompiledBackend`.

        Raises:
            BackendUnavailable: No vendor's software is complete, or it cannot compile the model.
        """
        from ai_edge_litert.compiled_model import HardwareAccelerator, Options

        del threads
        found, libraries = find_vendor(vendor)
        super().__init__(model, options=Options(HardwareAccelerator.NPU), input_shapes=input_shapes)
        self._vendor, self._libraries = found, libraries

    def info(self) -> BackendInfo:
        """The vendor and its libraries."""
        whole = self.fully_accelerated
        return BackendInfo(
            name="npu",
            engine="CompiledModel",
            delegate=f"LiteRT NPU ({self._vendor})",
            options={"vendor": self._vendor},
            coverage=self.whole if whole else Coverage(self._nodes, 0, None),
            accelerator=True,
            device={"vendor": self._vendor, "libraries": [str(path) for path in self._libraries]},
        )


def find_vendor(wanted: str = "") -> tuple[str, list[Path]]:
    """A vendor whose dispatch library and compiler plug-in both load.

    Raises:
        BackendUnavailable: None, with what each lacks.
    """
    tried = []
    for folder in vendor_folders():
        if wanted and folder.name != wanted:
            continue
        libraries = [*folder.glob(_DISPATCH), *folder.glob(_COMPILER)]
        lacks = _what_it_lacks(folder)
        if lacks is None:
            return folder.name, libraries
        tried.append(f"{folder.name}: {lacks}")
    if wanted and not tried:
        known = ", ".join(folder.name for folder in vendor_folders()) or "none"
        raise BackendUnavailable(f"no NPU vendor {wanted!r} in ai_edge_litert; there are: {known}")
    raise BackendUnavailable(
        f"no NPU can be used: {'; '.join(tried) or 'ai_edge_litert has no vendor folders'}. Install the vendor's package "
        "(an extra of ai-edge-litert) and the device's driver"
    )


def vendor_folders() -> list[Path]:
    """The vendors that the installed runtime knows."""
    import ai_edge_litert

    base = Path(next(iter(ai_edge_litert.__path__))) / "vendors"
    return sorted(folder for folder in base.glob("*") if folder.is_dir())


def _what_it_lacks(folder: Path) -> str | None:
    for kind, pattern in (("dispatch library", _DISPATCH), ("compiler plug-in", _COMPILER)):
        libraries: list[Any] = list(folder.glob(pattern))
        if not libraries:
            return f"no {kind}"
        for library in libraries:
            try:
                ctypes.CDLL(str(library))
            except OSError as error:
                return f"its {kind} does not load ({error})"
    return None
