"""The plug-in in a pytest of its own: a test that has what it requires passes, and one that misses it fails with the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
def test_latency(loadgen):
    short = {"load.min_duration_ms": 0, "load.min_query_count": 100, "load.warm_up_s": 0}
    asked = dict(task="kws", model=MODEL, dataset=DATA, preset="rapid", settings=short | {"allow_short": True})
    result = loadgen.run(**asked, require=["p90<=100s"], labels={"build": "7"})
    assert result.performance.query_count >= 100
    assert result.labels == {"build": "7"}
    loadgen.run(**asked, require="p90<=1ns")
"""


def test_a_test_passes_what_it_requires_and_fails_with_the_runs_table(
    keyword_model: Path, keyword_data: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    code = CODE.replace("MODEL", repr(str(keyword_model))).replace("DATA", repr(str(keyword_data)))
    (tmp_path / "test_it.py").write_text(code, encoding="utf-8")
    words = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-p",
        "harness.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "test_it.py",
    ]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "VALID, but MISSED: p90" in done.stdout
    assert "p90<=1ns" in done.stdout
    assert "1 failed" in done.stdout
