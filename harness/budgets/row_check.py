"""A row's words held against its model and its run before anything is measured: a slip is none that could not be measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backends.base import ModelRejected
from backends.litert.file.model_reader import read_model
from harness.bench.inputs import check_names
from harness.budgets.file import AccuracySection, RowSection
from harness.config.files import find_benchmark, kind_overrides, load_benchmark, read_config
from harness.errors import ConfigError, UnknownName, unknown
from harness.model.file_tensors import described_inputs
from harness.model.input_shapes import choose_input_shapes
from harness.model.run_file import find_run_file
from harness.spec.any_model import NamedModel, invocation_of
from harness.spec.data_source import find_dataset
from harness.spec.resolve import resolve
from harness.spec.task import open_task
from tasks.base import DataMissing, ModelMismatch
from tasks.tensors.random_inputs import InputRange, ranges_of


def row_overrides(section: RowSection) -> list[tuple[str, Any]]:
    """How the row has its model invoked, as fields of a config."""
    found: list[tuple[str, Any]] = [("model.state", section.state)]
    if section.signature is not None:
        found.append(("model.signature", section.signature))
    if section.input_shapes:
        found.append(("model.input_shapes", section.input_shapes))
    return found


def accuracy_overrides(asked: AccuracySection) -> list[tuple[str, Any]]:
    """The run that measures a row's accuracy, as fields of its config."""
    given = {"dataset.use": asked.dataset, "dataset.truth": asked.truth, "dataset.count": asked.count}
    set_here = [(field, value) for field, value in given.items() if value is not None]
    return [*kind_overrides(asked.task), ("load.mode", "accuracy"), *set_here]


def mistakes(section: RowSection, found: NamedModel, cache_dir: Path) -> Iterator[str]:
    """What the row says that its model does not have, or that its run cannot be: each with its field, and a near miss.

    A file that is no model, and data that are not here, are no mistakes of the row: it could not be measured then.
    """
    try:
        yield from _of_the_model(section, found, cache_dir)
        if section.accuracy is not None:
            yield from _of_the_run(section.accuracy, found, cache_dir)
    except ConfigError as error:
        yield str(error)


def _of_the_model(section: RowSection, found: NamedModel, cache_dir: Path) -> Iterator[str]:
    try:
        names = [signature.key for signature in read_model(found.ref.path).signatures]
    except ModelRejected:
        return
    if section.signature is not None and section.signature not in names:
        yield f"signature: {unknown('signature', section.signature, names) if names else 'the model has none: leave it out'}"
        return
    asked = invocation_of(found, row_overrides(section))
    try:
        run = find_run_file(
            found.ref.path,
            found.ref.sha256,
            cache_dir,
            signature=asked.signature,
            complete=False,
            repair=bool(asked.repair),
        )
    except ModelRejected as error:
        yield f"signature: {error}"
        return
    model = read_model(run.path)
    inputs = described_inputs(model)
    shapes = [name for name in section.input_shapes if name]
    for field, named in (("input_shapes", shapes), ("ranges", [name for name in section.ranges if name])):
        try:
            check_names(inputs, named)
        except ConfigError as error:
            yield f"{field}: {error}"
            return
    try:
        choose_input_shapes(model, inputs, asked, None)
    except ModelRejected as error:
        yield f"input_shapes: {error}"
    try:
        ranges_of(inputs, {name: InputRange(*ends) for name, ends in section.ranges.items()})
    except ModelMismatch as error:
        yield f"ranges: {error}"


def _of_the_run(asked: AccuracySection, found: NamedModel, cache_dir: Path) -> Iterator[str]:
    overrides = [*accuracy_overrides(asked), ("model.use", str(found.ref.path))]
    config = find_benchmark(asked.task)
    try:
        find_dataset(load_benchmark(config, overrides), cache_dir)
        spec = resolve(read_config(config), overrides, cache_dir)
    except UnknownName as error:
        yield f"accuracy: {error}"
        return
    except (ConfigError, DataMissing):
        return
    try:
        open_task(spec.task, spec.options, spec.dataset.model_copy(update={"count": None}))
    except DataMissing:
        return
    try:
        open_task(spec.task, spec.options, spec.dataset)
    except DataMissing as error:
        yield f"accuracy: count: {error}"
