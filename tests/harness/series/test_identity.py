"""Two planned runs are the same only where nothing that can change a figure differs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark, read_config
from harness.machine import facts
from harness.series.identity import identity_of
from harness.spec.resolve import resolve
from harness.spec.schema import Spec

Planned = Callable[..., Spec]


@pytest.fixture
def planned(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Planned:
    """A keyword run on copies of the model and the data, with fields of the config set."""

    def plan(folder: str = "one", **fields: Any) -> Spec:
        place = tmp_path / folder
        if not place.exists():
            shutil.copytree(keyword_data, place / "data", copy_function=shutil.copy2)
            shutil.copy2(keyword_model, place / "m.tflite")
        given = [("model.use", str(place / "m.tflite")), ("dataset.use", str(place / "data"))]
        given += [(name.replace("__", "."), value) for name, value in fields.items()]
        return resolve(read_config(find_benchmark("kws")), given, tmp_path)

    return plan


def test_where_the_files_lie_is_no_part_of_it(planned: Planned) -> None:
    assert identity_of(planned("one")) == identity_of(planned("one"))
    assert identity_of(planned("one")) == identity_of(planned("two"))


@pytest.mark.parametrize(
    "fields",
    [
        {"load__scenario": "Offline"},
        {"load__mode": "accuracy"},
        {"load__preset": "rapid"},
        {"load__rules": "inference-v5.0"},
        {"dataset__count": 7},
        {"backend__threads": 2},
        {"backend__name": "null"},
        {"model__log_dtype": "int64"},
    ],
)
def test_every_setting_is_a_part_of_it(planned: Planned, fields: dict[str, Any]) -> None:
    assert identity_of(planned(**fields)) != identity_of(planned())


def test_so_is_what_the_model_holds(planned: Planned, tmp_path: Path) -> None:
    before = identity_of(planned())
    with (tmp_path / "one" / "m.tflite").open("ab") as file:
        file.write(b"\0" * 16)
    assert identity_of(planned()) != before


def test_so_are_the_data_and_the_ground_truth(planned: Planned, tmp_path: Path) -> None:
    before = identity_of(planned())
    truth = next((tmp_path / "one" / "data").glob("*.csv"))
    state = truth.stat()
    truth.write_bytes(truth.read_bytes().replace(b"0", b"1"))
    os.utime(truth, ns=(state.st_atime_ns, state.st_mtime_ns))
    changed = identity_of(planned())
    assert changed != before
    sample = next(each for each in sorted((tmp_path / "one" / "data").rglob("*.bin")))
    sample.write_bytes(sample.read_bytes()[::-1])
    assert identity_of(planned()) != changed


def test_so_is_a_delegates_library(planned: Planned, tmp_path: Path) -> None:
    library = tmp_path / "libmine.so"
    library.write_bytes(b"one")
    fields = {"backend__name": "external", "backend__options": {"library": str(library)}}
    before = identity_of(planned(**fields))
    library.write_bytes(b"two")
    assert identity_of(planned(**fields)) != before


def test_so_are_the_machine_and_the_versions_but_not_what_the_machine_does(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, machine = planned(), facts.describe()
    monkeypatch.setattr(facts, "describe", lambda: machine)
    before = identity_of(spec)
    monkeypatch.setattr(facts, "describe", lambda: replace(machine, load_average=(9.0,) * 3, argv=("other",)))
    assert identity_of(spec) == before
    monkeypatch.setattr(facts, "describe", lambda: replace(machine, cpu="another"))
    assert identity_of(spec) != before
    monkeypatch.setattr(facts, "describe", lambda: replace(machine, versions={**machine.versions, "numpy": "0"}))
    assert identity_of(spec) != before
