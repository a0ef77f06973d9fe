"""One conversion, as the command asks for it: what the source is, what calibrates, the files and what is written of them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.conversion.child import make_variants
from harness.conversion.first_file import FirstFile
from harness.conversion.made_files import Making
from harness.conversion.quantiser.calibration import Chosen, choose
from harness.conversion.record import (
    CALIBRATED,
    AskedVariants,
    Conversion,
    MadeVariant,
    MadeVariants,
    QuantiserCalibration,
    SourceKind,
    Variant,
)
from harness.conversion.source_model import kind_of
from harness.errors import ConfigError, ModelCrashed
from harness.messages.conversation import Hear
from harness.model.subject import held_files
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.spec.trial import has_xnnpack, try_on_cpu, without_xnnpack
from harness.zoo.files.official import hash_file

SCHEMA_VERSION = 1
DEFAULT_SAMPLES = 100
_QUANTISER = "litert_quantizer"
_SILENCE_S = 3600.0
"""A large model may be asked for long before its process says more."""
_DATA_THAT_SCORE = (
    "the ranges of activations were seen on some of the samples that are scored: other data to see them on are named with "
    "--calibration-data, a list of samples with --calibration-list"
)


@dataclass(frozen=True, slots=True)
class Calibrating:
    """What calibrates: the task on its data, and which of its samples."""

    spec: Spec
    count: int
    listed: Path | None
    is_scored: bool
    """Whether the same data score the variants."""


def convert(
    source: FirstFile,
    variants: Sequence[Variant],
    making: Making,
    stem: str,
    calibrating: Calibrating | None,
    hear: Hear,
    *,
    before: Sequence[MadeVariant] = (),
) -> Conversion:
    """Makes the files `STEM_VARIANT.tflite` and `conversion.json`, and puts them into their folder.

    Args:
        source: What is converted.
        variants: To make, each once.
        making: Where they are made, and where they go.
        stem: How their names begin.
        calibrating: None where nothing was named.
        hear: Is told how far it is.
        before: Files that were made of the source's own form already.

    Raises:
        ConfigError: What is asked cannot be made of this model, or lacks a sample, a package or data; or a file is there.
        RunFailed: The process that converts broke.
    """
    kind = kind_of(source.path, source.original)
    if before and not variants:
        return making.settle(_recorded(source, kind, before, None, None))
    chosen = _check(source.path, kind, variants, calibrating)
    places = {variant: making.place(f"{stem}_{variant}.tflite") for variant in variants}
    asked = AskedVariants(
        source.path.resolve(),
        kind,
        tuple(variants),
        making.aside,
        calibrating.spec.model_dump(mode="json") if calibrating and chosen else None,
        chosen.indices if chosen else (),
    )
    found = _made(asked, calibrating.spec if calibrating and chosen else None, hear)
    for one in found.made:
        one.file.replace(places[one.variant])
    files = (*before, *(replace(one, file=places[one.variant]) for one in found.made))
    calibration = _calibration(calibrating, chosen, found.inputs_sha256)
    return making.settle(_recorded(source, kind, files, calibration, calibrating if chosen else None))


def _made(asked: AskedVariants, spec: Spec | None, hear: Hear) -> MadeVariants:
    """See `make_variants`; what XNNPACK takes down where samples are asked is said with what the model does without it."""
    try:
        return make_variants(asked, hear, timeout_s=_SILENCE_S)
    except ModelCrashed as crash:
        if spec is None or not has_xnnpack(spec.backend):
            raise
        held = held_files(spec.model.path, spec.model.sha256, spec.backend)
        if try_on_cpu(spec, held, xnnpack=True).why_not is None:
            raise
        raise without_xnnpack(spec, held).told_of(crash) from None


def _recorded(
    source: FirstFile,
    kind: SourceKind,
    files: Sequence[MadeVariant],
    calibration: QuantiserCalibration | None,
    calibrating: Calibrating | None,
) -> Conversion:
    return Conversion(
        SCHEMA_VERSION,
        str(source.original or source.path),
        hash_file(source.original or source.path).sha256,
        source.form or {"float": "a float TFLite model", "uint8": "a TFLite model in uint8, a scale a tensor"}[kind],
        tuple(files),
        calibration,
        {**_versions(kind), **source.versions},
        tuple(_notes(files, calibrating)),
    )


def _check(path: Path, kind: SourceKind, variants: Sequence[Variant], calibrating: Calibrating | None) -> Chosen | None:
    """What can be seen before anything is made; gives the samples that are asked, None where none are."""
    if kind == "uint8":
        if others := [variant for variant in variants if variant != "int8"]:
            raise ConfigError(f"{path} is quantised in uint8: of it only int8 can be made, not {', '.join(others)}")
        return None
    if "float32" in variants:
        raise ConfigError(f"{path} is a float TFLite model already: leave out float32")
    if importlib.util.find_spec(_QUANTISER) is None:
        raise ConfigError(
            "a float model is quantised by litert-quantizer, which is not installed: ./run.sh install convert"
        )
    if not (seen := [variant for variant in variants if variant in CALIBRATED]):
        return None
    if calibrating is None:
        raise ConfigError(
            f"{', '.join(seen)} needs samples to see the ranges of activations on: name a task and its data with --task "
            "and --dataset"
        )
    spec = calibrating.spec
    task = open_task(spec.task, spec.options, spec.dataset)
    return choose(task, count=calibrating.count, listed=calibrating.listed)


def _calibration(
    asked: Calibrating | None, chosen: Chosen | None, inputs_sha256: str | None
) -> QuantiserCalibration | None:
    if asked is None or chosen is None:
        return None
    return QuantiserCalibration(
        asked.spec.benchmark,
        str(asked.spec.dataset.path),
        chosen.how,
        str(asked.listed) if asked.listed else None,
        chosen.list_sha256,
        chosen.names,
        inputs_sha256,
    )


def _versions(kind: SourceKind) -> dict[str, str]:
    found = {"tflite-loadgen": importlib.metadata.version("tflite-loadgen")}
    if kind == "float" and importlib.util.find_spec(_QUANTISER) is not None:
        found |= {name: importlib.metadata.version(name) for name in ("litert-quantizer", "ai-edge-litert")}
    return found


def _notes(files: Sequence[MadeVariant], calibrating: Calibrating | None) -> list[str]:
    notes = [
        f"{one.variant}: no weight was made smaller: the quantiser found no op that it takes, or only small ones"
        for one in files
        if not one.quantised_weights and one.variant != "float32"
    ]
    if calibrating is not None and calibrating.is_scored and calibrating.listed is None:
        notes.append(_DATA_THAT_SCORE)
    return notes
