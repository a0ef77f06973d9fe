"""The result of a run as a person reads it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report.run import render_run
from harness.results.files import read_result
from harness.results.record import Result

VERSION_1 = Path(__file__).parents[1] / "results/version_1"


@pytest.mark.parametrize(
    ("workers", "instances", "text"),
    [
        ("processes", 2, "2 processes x 1 thread"),
        ("processes", 1, "1 process x 1 thread"),
        ("ray", 1, "1 Ray actor x 1 thread"),
        ("threads", 1, ", 1 x 1 thread"),
    ],
)
def test_who_answers_is_counted_in_words_that_fit(workers: str, instances: int, text: str, tmp_path: Path) -> None:
    shutil.copy(VERSION_1 / "last_server.json", tmp_path / "result.json")
    result = read_result(tmp_path)
    assert isinstance(result, Result)
    assert result.backend.answering is not None
    answering = replace(result.backend.answering, workers=workers, instances=instances, threads=1)
    assert text in render_run(replace(result, backend=replace(result.backend, answering=answering)))
