"""NNAPI: the platform's delegate on Android (to 14) and ChromeOS, loaded as an external delegate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.base import BackendUnavailable
from backends.external import ExternalBackend, check_library

LIBRARIES = ("libnnapi_delegate.so", "libtensorflowlite_nnapi_delegate.so", "libtflite_nnapi_delegate.so")
"""Names under which builds of TFLite's NNAPI delegate plug-in are found."""


class NnapiBackend(ExternalBackend):
    """Whatever accelerators the platform's NNAPI drivers offer."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        library: str = "",
        accelerator_name: str = "",
        execution_preference: str = "",
        allow_fp16: bool = False,
        disallow_nnapi_cpu: bool = True,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """Looks for the platform's library.

        Args:
            model: The TFLite file.
            threads: CPU threads for the ops that NNAPI leaves.
            library: The delegate's library; empty looks for the usual names.
            accelerator_name: One of the platform's accelerators; empty lets NNAPI choose.
            execution_preference: `fast_single_answer`, `sustained_speed`, `low_power`; empty leaves it to NNAPI.
            allow_fp16: Compute float models in half precision.
            disallow_nnapi_cpu: Refuse NNAPI's own CPU implementation, which would pass for an accelerator.
            input_shapes: See `InterpreterBackend`.

        Raises:
            BackendUnavailable: No NNAPI here, with what was tried.
        """
        options: dict[str, Any] = {"disallow_nnapi_cpu": disallow_nnapi_cpu, "allow_fp16": allow_fp16}
        if accelerator_name:
            options["accelerator_name"] = accelerator_name
        if execution_preference:
            options["execution_preference"] = execution_preference
        super().__init__(
            model,
            threads=threads,
            library=library or find_library(),
            delegate_options=options,
            input_shapes=input_shapes,
            name="nnapi",
        )


def find_library() -> str:
    """The first of the usual libraries that can be loaded.

    Raises:
        BackendUnavailable: None can.
    """
    for library in LIBRARIES:
        try:
            check_library(library)
        except BackendUnavailable:
            continue
        return library
    raise BackendUnavailable(
        f"no NNAPI here: NNAPI belongs to Android (to version 14) and ChromeOS, this is {sys.platform}, and none of "
        f"{', '.join(LIBRARIES)} can be loaded. Run on such a device, or name the delegate's library with "
        "--backend nnapi:library=PATH"
    )
