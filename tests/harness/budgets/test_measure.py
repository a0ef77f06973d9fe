"""The figures of a row are all of one file, or there are none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.budgets import measure
from harness.budgets.file import read_budget
from harness.budgets.measure import RowMeter
from harness.budgets.models import RowModel
from harness.errors import FilesChanged, HarnessError, RunFailed
from harness.spec.any_model import find_any_model


@pytest.fixture
def model(keyword_model: Path, tmp_path: Path) -> Path:
    return shutil.copyfile(keyword_model, tmp_path / "own.tflite")


def meter(model: Path, limits: str) -> RowMeter:
    file = model.with_name("own.yaml")
    file.write_text(f"title: own\nrows: [{{model: own, reference: builtin, limits: {limits}}}]\n")
    (row,) = read_budget(file, {}, {}).rows
    return RowMeter(row, RowModel(find_any_model(str(model), model.parent), ""), model.parent, lambda _: None)


def test_a_model_that_is_written_while_a_figure_is_measured_is_no_reason_of_that_figure_alone(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> Any:
        model.write_bytes(model.read_bytes())
        raise HarnessError("it broke")

    monkeypatch.setattr(measure, "difference", breaks)
    with pytest.raises(FilesChanged, match=r"own.tflite changed during the run: it was written or touched"):
        meter(model, "{size: 5MB, difference.avg_error: 1e-6}").measure()


def test_what_only_the_other_process_has_seen_changed_ends_it_too(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> Any:
        raise FilesChanged("what is opened there is not what was hashed")

    monkeypatch.setattr(measure, "difference", breaks)
    with pytest.raises(FilesChanged):
        meter(model, "{difference.avg_error: 1e-6}").measure()


def test_a_difference_that_broke_is_a_figure_without_a_value(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> Any:
        raise RunFailed("it was killed by SIGSEGV")

    monkeypatch.setattr(measure, "difference", breaks)
    found = meter(model, "{size: 5MB, difference.avg_error: 1e-6}").measure()
    assert found["size"].value == model.stat().st_size
    assert found["difference.avg_error"].why == "it was killed by SIGSEGV"
