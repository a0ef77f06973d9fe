from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.history.index import Index
from harness.results.files import read_result


def test_a_run_adds_itself_to_the_history_and_is_no_worse_for_one_that_cannot_be_written(
    cli: Callable[..., subprocess.CompletedProcess[str]], keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    given = ("run", "--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--mode", "accuracy")
    done = cli(*given, "--out", tmp_path / "first", env={"TFLITE_LOADGEN_HISTORY": str(tmp_path / "history")})
    assert done.stderr.count("history") == 0
    (entry,) = Index(tmp_path / "history").select({})
    assert Path(entry.path) == (tmp_path / "first").resolve()
    assert entry.accuracy == 0.8

    blocked = tmp_path / "a file"
    blocked.write_text("")
    again = cli(*given, "--out", tmp_path / "second", "--history", blocked)
    assert again.returncode == done.returncode
    assert "not added to the history" in again.stderr
    assert read_result(tmp_path / "second").status == "valid"
