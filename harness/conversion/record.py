"""What a conversion asks and makes, in records. Null: there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Variant = Literal["float32", "float16", "dynamic", "weight-only", "int8", "int8-uint8", "int8-float", "int16x8"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
CALIBRATED: frozenset[Variant] = frozenset({"int8", "int8-uint8", "int8-float", "int16x8"})
"""Those whose activations are integers: their ranges are seen on samples."""
SourceKind = Literal["float", "uint8"]


@dataclass(frozen=True, slots=True)
class AskedVariants:
    """What the process that converts is asked."""

    source: Path
    kind: SourceKind
    variants: tuple[Variant, ...]
    folder: Path
    """Where the files go, as `VARIANT.tflite`; there already."""
    spec: Mapping[str, object] | None
    """`harness.spec.schema.Spec` of the task, data and model that calibrate; null where nothing needs them."""
    samples: tuple[int, ...]
    """Of the data, in the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class MadeVariant:
    """One file that was made."""

    variant: Variant
    file: Path
    sha256: str
    size_bytes: int
    took_s: float
    """Its own part: not the calibration, which all share."""
    quantised_weights: int
    """Constant tensors that are integers with scales, or half floats."""
    quantised_per_channel: int
    """Of these, with a scale a channel."""


@dataclass(frozen=True, slots=True)
class MadeVariants:
    """What the process answers."""

    made: tuple[MadeVariant, ...]
    inputs_sha256: str | None
    """Of the bytes of all prepared samples, one behind the other; null where nothing was calibrated."""
    calibration_s: float


@dataclass(frozen=True, slots=True)
class QuantiserCalibration:
    """On what the ranges of activations were seen."""

    task: str
    dataset: str
    chosen: str
    """How the samples were chosen, in words."""
    list_file: str | None
    list_sha256: str | None
    names: tuple[str, ...]
    """Of the samples, in the order in which the model was asked."""
    inputs_sha256: str | None
    """Of the prepared inputs: equal where model, data, list and preparation are."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """All that one command made: `conversion.json`."""

    schema_version: int
    source: str
    source_sha256: str
    source_form: str
    """What the source is, in words."""
    files: tuple[MadeVariant, ...]
    calibration: QuantiserCalibration | None
    made_by: Mapping[str, str]
    """Package -> version."""
    notes: tuple[str, ...]
    """What whoever uses the files must know."""
