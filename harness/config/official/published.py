"""What a config says of files that others publish: where they lie, how they are known, what they hold.

A file is known by its checksum. Where its makers publish none, it is taken on first sight as "unverified" and its sha256
is pinned from then on (harness.zoo.official).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.config.official.rules import Round

_WORD = "[A-Za-z0-9_][A-Za-z0-9._-]*"
FileName = Annotated[str, Field(pattern=f"^{_WORD}(/{_WORD})?$")]
"""A file's place in the cache: its own name, after a folder where two published files share a name."""
Url = Annotated[str, Field(pattern="^https?://[^/]+/")]


class _PublishedEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Origin(_PublishedEntry):
    """Where a file comes from and how it is known."""

    urls: list[Url] = Field(default_factory=list)
    """Tried in order. Empty: `obtain` says how to get it."""
    size_bytes: int | None = Field(default=None, ge=0)
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    """Published checksum; null where none is published."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """As `md5`; the stronger one where both are published."""
    licence: str = "not stated"
    provenance: str = ""
    """Who made it, of what."""
    obtain: str | None = None
    """What to do where there is no public URL."""


class FileEntry(Origin):
    """One published file."""

    file: FileName
    unpack: bool = False
    """An archive whose model files are taken out and recognised one by one."""


class TensorEntry(_PublishedEntry):
    """An input or output of an official model; what is not known is left out."""

    role: str
    shape: list[int | None] | None = None
    """null for a size that is free; no shape for outputs that carry none in the file."""
    dtype: str | None = None


class ModelEntry(Origin):
    """One model of a benchmark."""

    file: FileName | None = None
    """File name of an official model."""
    standin: str | None = None
    """Name of a built-in stand-in (harness.zoo.standins.library)."""
    rounds: list[Round] = Field(default_factory=list)
    """Rounds that use this file; empty for all of the benchmark's."""
    inputs: list[TensorEntry] = Field(default_factory=list)
    """In the model's order."""
    outputs: list[TensorEntry] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)
    """Task options that this model needs."""


class Preparation(_PublishedEntry):
    """How a data set is laid out from what its owners distribute (harness.zoo.layouts.prepare)."""

    layout: Literal["imagenet", "coco", "ade20k", "squad"]
    count: int = Field(ge=1)
    """Samples (pictures, or questions) of the whole set."""
    first_labels: list[int] = Field(default_factory=list)
    """Of the first samples by name: other numberings of the classes are in use, and this tells."""


class DatasetEntry(Origin):
    """One data set of a benchmark."""

    file: FileName | None = None
    """File or folder name of an official data set."""
    builtin: str | None = None
    """Name of a built-in data set (harness.zoo.builtin.sets)."""
    truth: FileName | None = None
    """File name of its ground truth, where that lies beside it."""
    parts: list[FileEntry] = Field(default_factory=list)
    """Further files: the ground truth, or what the set is prepared from."""
    extent: Literal["full", "lite", "mini", "tiny"] | None = None
    """Accuracy counts on the full set; lite is for performance runs, tiny for a first try."""
    prepare: Preparation | None = None
    """The set is a folder that `prepare` makes of its parts."""
    rounds: list[Round] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)
