"""Whether a model answers on the CPU is tried with the file that was hashed, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.config.files import find_benchmark, read_config
from harness.errors import RunFailed
from harness.run.held import HeldRun
from harness.spec.resolve import resolve
from harness.spec.trial import try_on_cpu
from tests.double import Double


def test_a_model_whose_folder_is_away_is_not_tried(
    keyword_model: Path, keyword_data: Path, warm: None, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    model = shutil.copyfile(keyword_model, tmp_path / "models" / "own.tflite")
    given = [("model.use", str(model)), ("dataset.use", str(keyword_data))]
    spec = resolve(read_config(find_benchmark("kws")), given, tmp_path / "cache")
    hashed, double = HeldRun(spec).hashed, Double(model)
    assert try_on_cpu(spec, hashed, xnnpack=True).why_not is None
    double.put()
    with pytest.raises(RunFailed, match=r"own.tflite changed during the run: what is opened there is not what was"):
        try_on_cpu(spec, hashed, xnnpack=True)
    double.take_away()
