"""The float .tflite file that variants are made of, made of a network in another form, or with more behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.conversion.converters.forms import Foreign
from harness.conversion.converters.run_converter import run_converter
from harness.conversion.darknet.files import Darknet
from harness.conversion.huggingface.checkpoint import Checkpoint
from harness.conversion.made_files import Making
from harness.conversion.record import MadeVariant
from harness.conversion.source_model import kind_of
from harness.errors import ConfigError
from harness.zoo.files.official import hash_file


@dataclass(frozen=True, slots=True)
class FirstFile:
    """A .tflite file to be converted, with what is known of where it came from."""

    path: Path
    form: str = ""
    """In words; empty for a .tflite file that the user named."""
    original: Path | None = None
    """The file in another form that it was made of."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the packages that made it."""


def convert_darknet(network: Darknet, making: Making, stem: str) -> tuple[FirstFile, MadeVariant]:
    """Writes `STEM_float32.tflite`, of which other variants may be made.

    Raises:
        ConfigError: See `harness.conversion.darknet.graph.write_darknet`; or a file is there.
    """
    from harness.conversion.darknet.graph import write_darknet

    made = _first(making, stem, lambda place: write_darknet(network.cfg, network.weights, place))
    form = f"a Darknet network, {network.cfg.name} with {network.weights.name}"
    return FirstFile(made.file, form, network.weights), made


def convert_checkpoint(
    checkpoint: Checkpoint, making: Making, stem: str, *, trusted: bool
) -> tuple[FirstFile, MadeVariant]:
    """The same of a MobileBERT checkpoint of Hugging Face's, in the official model's form.

    Raises:
        ConfigError: See `harness.conversion.huggingface.mobilebert`; pickled weights that nobody trusts; or a file is there.
        RunFailed: The process that reads pickled weights broke.
    """
    from harness.conversion.huggingface.mobilebert import pickled_weights, read_config, safe_weights, write_mobilebert

    _first_place(making, stem)  # What is there already refuses it now.
    # The weights may be large: what the architecture is comes first.
    read_config(checkpoint.config)
    versions: Mapping[str, str] = {}
    if checkpoint.pickled:
        weights, versions = pickled_weights(checkpoint, trusted=trusted)
    else:
        weights = safe_weights(checkpoint)
    made = _first(making, stem, lambda place: write_mobilebert(checkpoint, weights, place))
    return FirstFile(made.file, "a MobileBERT checkpoint of Hugging Face's", checkpoint.weights, versions), made


def convert_foreign(network: Foreign, making: Making, stem: str, *, trusted: bool) -> tuple[FirstFile, MadeVariant]:
    """The same of a network that a converter of its own environment reads.

    Raises:
        ConfigError: See `harness.conversion.converters.run_converter.run_converter`; or a file is there.
        RunFailed: The converter broke.
    """
    versions: dict[str, str] = {}
    made = _first(making, stem, lambda place: versions.update(run_converter(network, place, trusted=trusted).versions))
    original = network.path / "saved_model.pb" if network.path.is_dir() else network.path
    return FirstFile(made.file, network.words, original, versions), made


def with_post_process(
    source: FirstFile, before: Sequence[MadeVariant], options: Path, making: Making, stem: str
) -> tuple[FirstFile, MadeVariant]:
    """The same network with SSD's post-processing behind it, as `STEM_float32.tflite`.

    Args:
        source: A float model.
        before: Its own file, where it was made of another form: that is the one which gets the op.
        options: The file that says what is added.
        making: Where it is made.
        stem: How the name begins.

    Raises:
        ConfigError: See `harness.conversion.ssd.post_process.add_post_process`; or a file is there.
    """
    from harness.conversion.ssd.options import read_post_process
    from harness.conversion.ssd.post_process import OP, add_post_process

    asked = read_post_process(options)
    if kind_of(source.path, source.original) != "float":
        raise ConfigError(f"{source.original or source.path} is quantised: {OP} is added to float models")
    form = f"{source.form or 'a float TFLite model'}, with {OP} by {options.name}"
    if before:
        (made,) = before
        add_post_process(made.file, asked, made.file, source.original)
        changed = replace(made, sha256=hash_file(made.file).sha256, size_bytes=made.file.stat().st_size)
        return replace(source, form=form), changed
    made = _first(making, stem, lambda place: add_post_process(source.path, asked, place))
    return FirstFile(made.file, form, source.path), made


def _first(making: Making, stem: str, write: Callable[[Path], object]) -> MadeVariant:
    place = _first_place(making, stem)
    began = time.perf_counter()
    write(place)
    took_s = time.perf_counter() - began
    return MadeVariant("float32", place, hash_file(place).sha256, place.stat().st_size, took_s, 0, 0)


def _first_place(making: Making, stem: str) -> Path:
    return making.place(f"{stem}_float32.tflite")
