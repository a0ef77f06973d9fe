"""What opens the model that a run names, behind the backend that it names."""

from __future__ import annotations

from pathlib import Path

from harness.config.backend import BackendSection
from harness.model.opening import InputShapes, Opener
from harness.spec.schema import ModelRef


def opener_of(
    model: ModelRef,
    backend: BackendSection,
    cache_dir: Path,
    input_shapes: InputShapes,
    *,
    several: bool = False,
) -> Opener:
    """As `Opener`, of a model that was found, with the signature, shapes and state that were asked for."""
    return Opener(
        model.path,
        model.sha256,
        backend,
        cache_dir,
        invocation=model.invocation,
        input_shapes=input_shapes,
        several=several,
    )
