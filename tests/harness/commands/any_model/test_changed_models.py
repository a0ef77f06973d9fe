"""Every verb that measures a model measures the file that it names, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from tests.double import Double

Call = Callable[..., Any]
FEW = ["--num_runs=2", "--min_secs=0", "--max_secs=2", "--warmup_min_secs=0"]
VERBS = {
    "bench": ("harness.bench.session._measure", FEW),
    "diff": ("harness.difference.child.ask", ["--num_runs=2"]),
    "profile": ("harness.profiling.child.ask", ["--num_runs=2", "--no-peak"]),
    "compare-models": ("harness.bench.session._measure", [*FEW, "--openings=1"]),
    "tune": ("harness.tuning.session.TuningSearch._search", ["--budget=3"]),
}
"""Verb -> what it measures by once it knows its model, and few words."""


@pytest.fixture
def model(keyword_model: Path, tmp_path: Path) -> Path:
    """One in a folder of its own."""
    (tmp_path / "models").mkdir()
    return shutil.copyfile(keyword_model, tmp_path / "models" / "own.tflite")


@pytest.fixture
def asked(model: Path, keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Callable[[str], list[str | Path]]:
    """A verb's command with this model."""
    task: list[str | Path] = ["--task=kws", "--dataset", keyword_data, "--out", tmp_path / "out"]
    words: dict[str, list[str | Path]] = {
        "compare-models": [model, keyword_model, *task],
        "tune": ["--model", model, *task],
    }
    return lambda verb: [verb, *words.get(verb, [model]), *VERBS[verb][1]]


@pytest.mark.parametrize("verb", VERBS)
def test_a_model_whose_folder_is_away_while_it_is_opened_is_not_measured(
    verb: str, asked: Callable[[str], list[str | Path]], model: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    double, measure = Double(model), resolve_name(VERBS[verb][0])

    def measured_while_away(*words: Any, **more: Any) -> Any:
        double.put()
        try:
            return measure(*words, **more)
        finally:
            double.take_away()

    monkeypatch.setattr(VERBS[verb][0], measured_while_away)
    done = call(*asked(verb))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "own.tflite changed during the run: what is opened there is not what was hashed" in done.stderr


@pytest.mark.parametrize("verb", ["bench", "diff", "profile"])
def test_a_model_that_was_written_while_it_was_measured_is_said_instead_of_figures(
    verb: str, asked: Callable[[str], list[str | Path]], model: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = resolve_name(VERBS[verb][0])

    def measured_and_touched(*words: Any, **more: Any) -> Any:
        found = measure(*words, **more)
        os.utime(model, ns=(1, 1))
        return found

    monkeypatch.setattr(VERBS[verb][0], measured_and_touched)
    done = call(*asked(verb))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "own.tflite changed during the run: it was written or touched" in done.stderr
