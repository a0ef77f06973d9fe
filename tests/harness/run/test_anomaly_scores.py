"""An accuracy run of anomaly detection: on a machine without files it is scored, and keeps each recording's score as a list."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accuracy.auc import score_files


def test_a_run_keeps_a_list_of_scores_that_is_scored_alone_to_the_same_areas(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    done = call("--task", "ad", "--mode", "accuracy", "--scenario", "Offline", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    listed = tmp_path / "run" / "anomaly_score.csv"
    assert len(listed.read_text().splitlines()) == 32
    found = score_files(listed, listed)
    assert result["accuracy"]["auc_pooled"]["value"] == pytest.approx(found["auc"])
    assert result["accuracy"]["pauc_pooled"]["value"] == pytest.approx(found["pauc"])
    assert result["model"]["source"] == "standin"
    told = call("score", "--metric", "auc", "--predictions", listed, "--truth", listed, "--json")
    assert json.loads(told.stdout) == found
