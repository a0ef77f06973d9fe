"""The Edge TPU: `libedgetpu.so.1` as an external delegate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.base import BackendInfo, BackendUnavailable
from backends.external import ExternalBackend, check_library, load
from backends.litert.file.custom_ops import EDGETPU_OP, operator_names

LIBRARY = "libedgetpu.so.1"


class EdgeTpuBackend(ExternalBackend):
    """A model that edgetpu_compiler has compiled, on one Edge TPU."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        device: str = "",
        devices: Sequence[str] = (),
        library: str = LIBRARY,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Tells first whether the model and the library go together.

        Args:
            model: The TFLite file.
            threads: CPU threads for the ops that the Edge TPU leaves.
            device: `usb`, `usb:0`, `pci:0`, `:1`; empty for the first there is. Several with `;` between them, or as `devices`,
                are handed out in turn (`spread`); one instance by itself takes the first.
            devices: See `device`.
            library: Edge TPU runtime library.
            input_shapes: See `InterpreterBackend`.

        Raises:
            BackendUnavailable: No library, no device, or a model that is not compiled for it.
        """
        self._device = next(iter(named_devices(device, devices)), "")
        compiled = EDGETPU_OP in operator_names(model)
        fits = "is compiled for an Edge TPU" if compiled else f"is NOT compiled for an Edge TPU (no {EDGETPU_OP} in it)"
        _check_runtime(library, f" {model} {fits}.")
        if not compiled:
            raise BackendUnavailable(
                f"the Edge TPU runtime is here, but {model} is not compiled for it: it has no {EDGETPU_OP}. Run it through "
                "edgetpu_compiler first (it takes fully quantised models), or use --backend cpu"
            )
        super().__init__(
            model,
            threads=threads,
            library=library,
            delegate_options={"device": self._device} if self._device else {},
            input_shapes=input_shapes,
            name="edgetpu",
        )

    @classmethod
    def info_without_model(cls, library: str = LIBRARY) -> BackendInfo:
        """What can be found without a model: any of ours would not be compiled for it.

        Raises:
            BackendUnavailable: No library, or no device.
        """
        _check_runtime(library)
        load(library, {})
        return BackendInfo("edgetpu", "Interpreter", Path(library).name, accelerator=True, device={"library": library})

    @classmethod
    def spread(cls, options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One instance for each device named."""
        rest = {name: value for name, value in options.items() if name not in ("device", "devices")}
        named = named_devices(options.get("device", ""), options.get("devices", ()))
        return [rest | {"device": device} for device in named] or [rest]

    def info(self) -> BackendInfo:
        """With the device of this instance, if one was named."""
        info = super().info()
        return replace(info, device=info.device | ({"device": self._device} if self._device else {}))


def _check_runtime(library: str, of_model: str = "") -> None:
    try:
        check_library(library)
    except BackendUnavailable as error:
        raise BackendUnavailable(
            f"no Edge TPU runtime: {error}.{of_model} Install the Edge TPU runtime ({LIBRARY}), or name its library with "
            "--backend edgetpu:library=PATH"
        ) from None


def named_devices(device: str, devices: Sequence[str]) -> list[str]:
    """All that are named, in order.

    Raises:
        BackendUnavailable: Both forms at once, no text, an empty name, or one twice: a device runs one instance.
    """
    if device and devices:
        raise BackendUnavailable(
            "device and devices of the edgetpu backend are two ways to say the same: give one of them"
        )
    named = device.split(";") if isinstance(device, str) and device else devices or ([device] if device else [])
    if isinstance(named, str) or not all(isinstance(name, str) and name.strip() for name in named):
        raise BackendUnavailable(
            f"devices of the edgetpu backend are {named!r}: they can be a list of names such as usb:0"
        )
    names = [name.strip() for name in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BackendUnavailable(f"the Edge TPU {', '.join(twice)} is named twice: each device runs one instance")
    return names
