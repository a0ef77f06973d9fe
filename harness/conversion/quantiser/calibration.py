"""On which samples the ranges of activations are seen, and those samples as a model's inputs."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from accuracy.outside.border import reads
from accuracy.outside.plain_files import read_plain
from accuracy.outside.text_files import NotText, decode_text
from backends.base import Array
from backends.litert.file.hidden_state import HiddenState
from harness.errors import ConfigError
from harness.model.repetition import refuse_unseeded
from harness.spec.opener import opener_of
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.spec.trial import has_xnnpack
from tasks.base import Task

_SHOWN = 3
_NPY = b"\x93NUMPY"
_LONGEST_NUMBER = 9
"""Digits of a place: no data set has more samples."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Samples of a data set."""

    indices: tuple[int, ...]
    names: tuple[str, ...]
    how: str
    list_sha256: str | None = None


def choose(task: Task, *, count: int, listed: Path | None) -> Chosen:
    """Chooses the samples.

    Args:
        task: Bound to the data.
        count: How many, spread evenly over the data; of a list all are taken.
        listed: A file of sample names, a line each, as MLCommons' calibration lists are, or of places in the data set from
            0, as MLPerf Tiny's quant_cal_idxs.txt and calibration_samples_idxs.npy have them; None for none. Numbers that are
            names of samples are names.

    Raises:
        ConfigError: A name or a place in the list that the data do not have, none at all, or one that is there twice.
    """
    names = [Path(name).as_posix() for name in task.sample_names() or ()]
    if listed is None:
        total = len(task)
        taken = min(count, total)
        indices = tuple(place * total // taken for place in range(taken))
        shown = tuple(names[index] if names else f"sample {index}" for index in indices)
        return Chosen(indices, shown, f"{taken:,} of {total:,} samples, spread evenly over the data set")
    lines, digest = _read_list(listed)
    places = _places(names)
    if all(map(_is_number, lines)) and not any(_sought(line, places) for line in lines):
        return _by_place(lines, names, len(task), listed, digest)
    if not names:
        raise ConfigError(
            f"{listed} names samples, but those of this data set have no names: leave --calibration-list out, or give their "
            "places in the data set, a number a line"
        )
    # A name may have blanks; MLCommons' lists have labels behind theirs.
    wanted = [line if line in places or Path(line).name in places else line.split()[0] for line in lines]
    if twice := [name for name, times in Counter(wanted).items() if times > 1]:
        raise ConfigError(f"the calibration list {listed} names {twice[0]} more than once")
    found = [_sought(name, places) for name in wanted]
    if missing := [name for name, place in zip(wanted, found, strict=True) if place is None]:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise ConfigError(
            f"{listed} names {len(missing)} of {len(wanted)} samples that the data set does not have: "
            f"{', '.join(missing[:_SHOWN])}{more}. Name the data that it is for with --calibration-data"
        )
    indices = tuple(place for places_of_one in found for place in places_of_one or ())
    if twice := [names[place] for place, times in Counter(indices).items() if times > 1]:
        raise ConfigError(
            f"the calibration list {listed} names {twice[0]} more than once, in different ways of writing it"
        )
    return Chosen(indices, tuple(names[place] for place in indices), f"all {len(indices):,} of {listed.name}", digest)


def _by_place(lines: Sequence[str], names: Sequence[str], total: int, listed: Path, digest: str) -> Chosen:
    indices = tuple(map(int, lines))
    if outside := [index for index in indices if index >= total]:
        raise ConfigError(
            f"{listed} has numbers, which are places in the data set from 0 to {total - 1:,}, but {outside[0]:,} is none "
            f"({len(outside):,} of {len(indices):,} are not). Name the data that it is for with --calibration-data"
        )
    if twice := [index for index, times in Counter(indices).items() if times > 1]:
        raise ConfigError(f"the calibration list {listed} names place {twice[0]} more than once")
    shown = tuple(names[index] if names else f"sample {index}" for index in indices)
    return Chosen(indices, shown, f"all {len(indices):,} of {listed.name}, places in the data set from 0", digest)


def _is_number(line: str) -> bool:
    return line.isascii() and line.isdigit() and len(line) <= _LONGEST_NUMBER


def _read_list(listed: Path) -> tuple[list[str], str]:
    try:
        data = read_plain(listed)
        lines = _of_array(data) if data.startswith(_NPY) else decode_text(data).split("\n")
    except (OSError, NotText) as error:
        raise ConfigError(f"cannot read the calibration list {listed}: {error}") from None
    digest = hashlib.sha256(data).hexdigest()
    lines = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not lines:
        raise ConfigError(f"the calibration list {listed} names no sample")
    return lines, digest


@reads(NotText, "an array of numbers")
def _of_array(data: bytes) -> list[str]:
    found = np.load(io.BytesIO(data), allow_pickle=False)
    if found.dtype.kind not in "iu" or (found < 0).any():
        raise NotText(
            f"it holds {found.dtype}: an array of a calibration list holds places in the data set, whole numbers from 0"
        )
    return [str(number) for number in found.ravel()]


def _sought(name: str, places: Mapping[str, Sequence[int]]) -> Sequence[int] | None:
    return places.get(name, places.get(Path(name).name, places.get(Path(name).stem)))


def _places(names: Sequence[str]) -> Mapping[str, Sequence[int]]:
    """A sample's whole name -> all places that have it; its last part and that without its ending, where one name has it."""
    whole: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        whole.setdefault(name, []).append(place)
    short: dict[str, list[str]] = {}
    for name in whole:
        for each in dict.fromkeys((Path(name).name, Path(name).stem)):
            short.setdefault(each, []).append(name)
    return {each: whole[owners[0]] for each, owners in short.items() if len(owners) == 1} | whole


@dataclass(frozen=True, slots=True)
class PreparedSamples:
    """Samples as a model takes them."""

    values: tuple[Mapping[str, Array], ...]
    """Input -> its values, a sample each."""
    ranges: Mapping[str, tuple[float, float]]
    """See `tasks.codecs.base.Codec.input_ranges`."""
    sha256: str
    """Of the bytes of all, one behind the other."""
    resets: HiddenState = field(default_factory=HiddenState)
    """What the model keeps from one sample to the next and is put back before each; nothing where it is to live on."""
    xnnpack: bool = True
    """Whether XNNPACK takes its part of the model that is asked."""


NO_SAMPLES = PreparedSamples((), {}, "")


def prepared(spec: Spec, indices: Sequence[int]) -> PreparedSamples:
    """The samples as the model takes them.

    Raises:
        DataMissing: A sample cannot be read; the message names it.
        ModelMismatch: The model cannot be asked this task's question.
        ModelRejected: The runtime refuses it, or it draws random numbers without a seed.
    """
    task = open_task(spec.task, spec.options, spec.dataset)
    opener = opener_of(spec.model, spec.backend, spec.cache_dir, task.input_shapes)
    backend = opener.open(1)
    try:
        keeps = opener.file.keeps
        if not opener.may_live_on:
            refuse_unseeded(spec.model.path, keeps.unseeded, "Export it with a seed: the ranges would be theirs.")
        names = [tensor.name for tensor in backend.inputs]
        codec = task.codec(backend.inputs, backend.outputs)
        digest, samples = hashlib.sha256(), []
        for index in indices:
            values = [np.array(each) for each in codec.preprocess(index)]
            for each in values:
                digest.update(each.tobytes())
            samples.append(dict(zip(names, values, strict=True)))
        ranges = dict(codec.input_ranges())
    finally:
        backend.close()
    resets = keeps if opener.resets else HiddenState()
    return PreparedSamples(tuple(samples), ranges, digest.hexdigest(), resets, has_xnnpack(spec.backend))
