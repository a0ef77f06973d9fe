"""Models opened again for what loading takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.bench.result import BenchResult, BenchRow
from harness.bench.session import SCHEMA_VERSION, BenchCase, Settings
from harness.errors import RunFailed
from harness.machine.facts import describe
from harness.report.screen import Screen
from harness.side_by_side.openings import open_in_turns
from harness.spec.any_model import find_any_model, subject_of
from tests.double import Double


def test_a_model_that_is_another_file_when_it_is_opened_again_is_no_opening_less(
    keyword_model: Path, warm: None, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    model = shutil.copyfile(keyword_model, tmp_path / "models" / "own.tflite")
    case = BenchCase(subject_of(find_any_model(str(model), tmp_path), [], tmp_path, threads=1))
    row = BenchRow("own", str(model), case.subject.sha256, "file", "cpu", 1)
    measured = BenchResult(SCHEMA_VERSION, "", describe(), {}, (row,))
    Double(model).put()
    with pytest.raises(RunFailed, match=r"own.tflite changed during the run: what is opened there is not what was"):
        open_in_turns([case], measured, Settings(), 2, Screen(quiet=True))
