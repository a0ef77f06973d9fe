"""What a config says of the backend, and how `--backend NAME[:options]` says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field

from accuracy.outside.border import reads
from harness.config.plain_yaml import load_yaml
from harness.config.truth_values import NoTruthForNumbers
from harness.config.workers import PoolName
from harness.config.written_units import Span
from harness.errors import ConfigError
from harness.user_paths import absolute

Count = Annotated[int, Field(strict=True)]
"""Of threads or instances; true is not 1 here. What may be used is told where the machine is known (harness.spec.resolve)."""


class ParitySection(NoTruthForNumbers):
    """How far a backend may be from the CPU. null leaves a figure to the task (`harness.model.parity.TOLERANCES`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    samples: int = Field(default=4, ge=1, le=8)
    """How many samples are compared."""
    max_steps: float | None = Field(default=None, ge=0)
    """Quantised outputs: the largest difference, in quantisation steps."""
    max_share: float | None = Field(default=None, ge=0)
    """Float outputs: the largest difference, as a fraction of the range of the CPU's answers."""
    min_agreement: float | None = Field(default=None, ge=0, le=1)
    """The share of decisions (best classes, pixels' classes, boxes) that must agree."""


class BackendSection(NoTruthForNumbers):
    """What runs the model."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = "cpu"
    threads: Count | Literal["auto"] = Field(default="auto")
    """CPU threads of one instance."""
    instances: Count | Literal["auto"] = Field(default="auto")
    """Copies of the model that work at once (Server and Offline)."""
    workers: Literal["auto", PoolName] = "auto"
    """What answers Server and Offline; auto: processes for models of microseconds on the CPU, where they are quicker."""
    placement: Literal["auto", "none", "cores"] = "auto"
    """Whether instances get cores of their own; auto: where they are of several kinds, and processes."""
    batch: Count | Literal["auto"] = Field(default="auto")
    """Samples of one invoke; auto: more than one where the model can be resized and is clearly quicker so."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Passed to the backend by name."""
    require_full: float | None = Field(default=None, ge=0, le=1)
    """At least this share of the ops in the delegate, else the run fails; null asks for more than none."""
    allow_mismatch: bool = False
    """Time a backend that disagrees with the CPU, and say so."""
    complete_shapes: bool | Literal["auto"] = Field(default="auto")
    """Write missing tensor shapes into a copy of the model; auto: in performance and accuracy runs, not in a submission."""
    timeout_s: Span = Field(default=300.0, gt=0)
    """A run that makes no progress for so long is ended: something in the delegate hangs."""
    parity: ParitySection = Field(default_factory=ParitySection)

    @property
    def is_plain_cpu(self) -> bool:
        """Whether it is the CPU without any option, but for leaving the engine to the harness."""
        return self.name == "cpu" and self.options in ({}, {"engine": "auto"})

    @property
    def library(self) -> Path | None:
        """The file of a library that its options name; what the system's loader finds by a bare name is the system's."""
        named = self.options.get("library")
        return Path(named) if isinstance(named, str) and "/" in named else None


@reads(ConfigError)
def parse_backend(text: str) -> list[tuple[str, Any]]:
    """`NAME`, `NAME:key=value,...` or `external:PATH[,key=value...]` as overrides of the config.

    Raises:
        ConfigError: Not of that form.
    """
    name, colon, rest = text.partition(":")
    fields: list[tuple[str, Any]] = [("backend.name", name)]
    if not colon:
        return fields
    words = rest.split(",")
    if name == "external":
        if not words[0] or "=" in words[0]:
            raise ConfigError(f"--backend {text}: name the delegate's library first: external:PATH[,key=value...]")
        options = dict(_assignment(text, word) for word in words[1:])
        return [*fields, ("backend.options.library", words[0]), ("backend.options.delegate_options", options)]
    for word in words:
        key, value = _assignment(text, word)
        fields.append((f"backend.options.{key}", _value(text, value)))
    return fields


def with_absolute_paths(section: BackendSection) -> BackendSection:
    """The worker has another current directory, so a library or a weight cache named by a path is made absolute.

    A library's file of that name here goes before one that the system's loader knows.
    """
    library, weights = section.options.get("library"), section.options.get("weight_cache")
    paths = {}
    if isinstance(library, str) and ("/" in library or Path(library).is_file()):
        paths["library"] = library
    if isinstance(weights, str) and weights:
        paths["weight_cache"] = weights
    found = {name: str(absolute(path)) for name, path in paths.items()}
    return section.model_copy(update={"options": section.options | found}) if paths else section


def _assignment(text: str, word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise ConfigError(f"--backend {text}: {word!r} is no key=value")
    return key, value


def _value(text: str, value: str) -> Any:
    try:
        return load_yaml(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--backend {text}: {value!r} is no value: {error}") from None
