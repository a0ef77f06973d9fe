"""A run's directory from a device that says anything at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ConfigError, RunFailed
from harness.remote.answers import inside
from harness.remote.brought_back import brought_back
from harness.remote.device import End
from harness.remote.luggage.relocated import put_back
from harness.remote.record import Ended, Job
from harness.results.subject import HarnessFacts

PLAN = {"mode": "performance", "runs": [], "specs": [], "retry": False, "peak": None}
JOB = Job(("run.sh",), PLAN, "/out", "here", HarnessFacts("0.1.0", None))
END = End("ended", Ended(0, ""))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spec.yaml", "a: ["),
        ("spec.yaml", "!!python/object/apply:os.system [touch pwned]"),
        ("samples.json", "{"),
        ("samples.json", "\xff"),
        ("samples.json", "[" * 100_000),
        ("samples.json", "[]"),
        ("result.json", "{}"),
        ("result.json", json.dumps({"schema_version": 2, "status": "valid"})),
        ("journal.jsonl", "no line\n"),
        ("journal.jsonl", '{"what": "ended", "run": "../other", "identity": "", "status": "valid", "digest": "x"}\n'),
    ],
)
def test_what_no_run_leaves_is_refused_in_a_sentence(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises((RunFailed, ConfigError)):
        brought_back(tmp_path, JOB, END, {}, "ssh://board")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ".."])
def test_a_file_that_would_lie_outside_of_the_runs_directory_is_refused(name: str) -> None:
    with pytest.raises(RunFailed, match="which no run leaves"):
        inside(name)


def test_paths_are_ours_again_wherever_a_text_names_them() -> None:
    there = {"model": {"path": "/dev/trees/1/m.tflite"}, "why": ["no labels in /dev/trees/1/data", 3, None]}
    assert put_back(there, {"/dev/trees/1": "/here/a b"}) == {
        "model": {"path": "/here/a b/m.tflite"},
        "why": ["no labels in /here/a b/data", 3, None],
    }
