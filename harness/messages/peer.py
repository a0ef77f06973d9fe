"""What the worker and a process of its pool tell each other beside the frames of indices and answers.

The worker sends a `harness.model.opening.Recipe`, the peer answers `Ready`; `Failed` is its last word.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded, queries may come."""

    device: str | None
    """The one that the backend runs on, where there are several."""
    own_bytes: int
    """The process's own memory before it opened the model."""
