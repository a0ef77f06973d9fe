"""The directory here that waits for a run elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from harness.json_records import from_json, to_json
from harness.remote.record import Job
from harness.remote.waiting_directory import wait_for, waits_for, was_told_otherwise
from harness.results.subject import HarnessFacts

PLAN = {"mode": "performance", "runs": [{"spec": 0, "seconds": 0.1}], "specs": [{"task": "kws"}], "peak": None}
JOB = Job(("run.sh", "--task", "kws"), PLAN, "/out", "here", HarnessFacts("0.1.0", None), {"/dev/a": "/here/a"})


def test_a_device_that_tells_another_job_than_it_was_handed_is_found_out(tmp_path: Path) -> None:
    wait_for(tmp_path, "a", JOB)
    assert waits_for(tmp_path, "a")
    back = from_json(Job, json.loads(json.dumps(to_json(JOB))))
    assert not was_told_otherwise(tmp_path, "a", back)
    other = replace(JOB, plan={**PLAN, "specs": [{"task": "ad"}]})
    for lie in (other, replace(JOB, came_from={"/dev/a": "/etc"}), replace(JOB, out="/elsewhere")):
        assert was_told_otherwise(tmp_path, "a", lie)
    # Of another run, or of a directory that waits for none, nothing is known here.
    assert not was_told_otherwise(tmp_path, "b", other)
    assert not was_told_otherwise(tmp_path / "nothing", "a", other)


def test_a_note_of_an_earlier_version_waits_all_the_same(tmp_path: Path) -> None:
    (tmp_path / ".waits.json").write_text('{"run": "a"}')
    assert waits_for(tmp_path, "a")
    assert not was_told_otherwise(tmp_path, "a", JOB)
