"""A model behind a backend, as one process tells another of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.model.opening import Opener


@dataclass(frozen=True, slots=True)
class Subject:
    """All that it takes to open it: no task, no data, no load."""

    model: Path
    sha256: str
    """Of the file."""
    name: str
    """As a person knows it."""
    source: str
    """`file`, `official` or `standin`."""
    backend: Mapping[str, object]
    """The config's section."""
    invocation: Mapping[str, object]
    """The fields of the config's section `model` that every task has."""
    threads: int
    cache_dir: Path

    @property
    def section(self) -> BackendSection:
        """The backend, as a config has it."""
        return BackendSection.model_validate(dict(self.backend))

    def opener(self) -> Opener:
        """Finds the file to load; opens nothing yet. Raises: See `Opener`."""
        invocation = Invocation.model_validate(dict(self.invocation))
        return Opener(self.model, self.sha256, self.section, self.cache_dir, invocation=invocation)
