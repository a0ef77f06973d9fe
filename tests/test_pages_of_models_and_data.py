"""docs/models.md and docs/data-sets.md: what they list is what the program takes, all of it and nothing else."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml

from accuracy.truth.boxes.stored_boxes import ClassForm
from backends.base import TensorSpec
from harness.config.invocation import Invocation
from harness.config.registry import task_class, task_names
from harness.config.schema import Benchmark
from tasks import classification, segmentation
from tasks.base import ModelMismatch
from tasks.pictures import folders, records
from tasks.pictures.pixels import decoding, inputs
from tasks.sets import hub, record_sets
from tasks.tensors import samples, truth

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODELS, DATA_SETS = ((DOCS / name).read_text(encoding="utf-8") for name in ("models.md", "data-sets.md"))
FILLED_IN = {"file_mean", "file_std", "packed_names"}
"""By the program, from what the model's file says."""
GROUPS = {
    "pictures": ["classification", "detection", "yolo_detection", "segmentation", "super_resolution", "landmarks"],
    "detectors": ["detection", "yolo_detection"],
}


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = text.split(f"{heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n?)+", below, re.MULTILINE)
    assert table, heading
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[0].splitlines()[2:]]


def listed() -> dict[str, dict[str, Any]]:
    """The page's options, kind -> name -> default."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in task_names()}
    for names, kinds, default, _ in rows(MODELS, "## Every option of a task"):
        for word in kinds.split(", "):
            for kind in GROUPS.get(word, [word]):
                for name in re.findall(r"`(\w+)`", names):
                    assert name not in found[kind], (kind, name)
                    found[kind][name] = yaml.safe_load(default.strip("`"))
    return found


def default_of(field: dataclasses.Field[Any]) -> Any:
    """As YAML has it."""
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("kind", task_names())
def test_every_option_of_a_kind_is_listed_with_its_default_and_no_other(kind: str) -> None:
    options = {field.name: default_of(field) for field in dataclasses.fields(task_class(kind).Options)}
    assert listed()[kind] == {name: value for name, value in options.items() if name not in FILLED_IN}


def test_every_way_to_invoke_a_model_is_on_the_page() -> None:
    assert all(re.search(rf"`(?:--set model\.)?{name}\b|model\.{name}\b", MODELS) for name in Invocation.model_fields)


def test_the_types_of_a_picture_input_are_those_that_are_taken() -> None:
    said = {word for row in rows(MODELS, "layout, order of channels") for word in re.findall(r"\w+", row[0])}
    types = {word for row in _tables(MODELS) if row[0].startswith(("float32", "uint8")) for word in _type_words(row[0])}
    assert said >= {"mean", "std", "float_range", "layout", "channel_order", "crop"}
    assert types == set(inputs._TYPES)
    for dtype in (np.int64, np.float64, np.bool_):
        with pytest.raises(ModelMismatch, match="of one of the types"):
            inputs.bind_input([TensorSpec("x", (1, 8, 8, 3), np.dtype(dtype))], inputs.PictureOptions(), "a test")


def _tables(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.split("|")[1:-1]]


def _type_words(cell: str) -> list[str]:
    return [word for word in re.findall(r"[a-z]+\d+", cell) if word in inputs._TYPES]


@pytest.mark.parametrize("text", [MODELS, DATA_SETS], ids=["models", "data-sets"])
def test_every_piece_of_a_config_on_the_pages_is_one(text: str) -> None:
    pieces = re.findall(r"(?:^    (?!\./run\.sh).*\n)+", text, re.MULTILINE)
    configs = [yaml.safe_load(re.sub(r"^    ", "", piece, flags=re.MULTILINE)) for piece in pieces]
    for config in (each for each in configs if isinstance(each, dict)):
        found = Benchmark.model_validate({"title": "t", "task": "classification", **config})
        extra = {**(found.model.model_extra or {}), **(found.dataset.model_extra or {})}
        assert set(extra) <= set(listed()[found.task])
    assert "model" in str(configs) or text is DATA_SETS


def test_the_kinds_of_files_are_those_that_are_read() -> None:
    pictures = rows(DATA_SETS, "## Pictures")
    suffixes = re.findall(r"`(\.\w+)`", pictures[0][0])
    assert set(suffixes) == {*folders.SUFFIXES, *decoding.RAW_SUFFIXES}
    shards = next(row[0] for row in pictures if row[0].startswith("TFRecord"))
    assert set(re.findall(r"`(\.\w+)`", shards)) == set(record_sets._SUFFIXES)
    arrays = next(row for row in _tables(DATA_SETS) if row[0].startswith("any model"))
    assert set(re.findall(r"`(\.\w+)`", arrays[1])) == set(samples.SUFFIXES)
    assert set(re.findall(r"`(\.\w+)`", arrays[2])) == set(truth.SUFFIXES)


def test_the_splits_and_the_files_of_labels_are_those_that_are_looked_for() -> None:
    splits = re.search(r"takes the split (.*), whichever comes first", DATA_SETS)
    assert splits
    assert tuple(re.findall(r"`(\w+)`", splits[1])) == hub.EVALUATION_SPLITS
    labels = {
        name for row in rows(DATA_SETS, "## Labels of classification") for name in re.findall(r"`(\w+\.\w+)`", row[0])
    }
    assert labels == set(classification._TRUTH_PATTERNS)
    assert all(f"`{form}`" in DATA_SETS or f"={form}`" in DATA_SETS for form in get_args(ClassForm))


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        (r"more than (134)\s+million pixels", decoding._MAX_PIXELS),
        (r"the first (67) million pixels", segmentation._LOOKED_AT),
        (r"the first (268) MB are read", truth._LOOKED_AT),
        (r"those of the first (17) MB", records._VERIFIED_BEHIND),
    ],
)
def test_a_limit_is_the_one_in_force(said: str, limit: int) -> None:
    found = re.search(said, DATA_SETS)
    assert found
    assert int(found[1]) == round(limit / 1e6)
