"""What doctor says of a machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from harness.doctor import unstable
from harness.registry import BACKENDS

Cli = Callable[..., subprocess.CompletedProcess[str]]
QUIET: dict[str, Any] = {
    "governor": "performance",
    "load_average": [0.1, 0.1, 0.1],
    "usable_cpus": 4,
    "cpus": 4,
    "available_memory_bytes": 8 << 30,
}


def test_every_backend_is_there_with_why_not_and_the_default_works(cli: Cli) -> None:
    done = cli("doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = {row["name"]: row for row in found["backends"]}
    assert set(rows) >= set(BACKENDS)
    assert found["works"] is rows["cpu"]["available"] is True
    assert (rows["cpu"]["engine"], rows["cpu"]["delegate"]) == ("Interpreter", "XNNPACK")
    for row in rows.values():
        assert row["available"] or row["why"]
        assert set(row) == {"name", "available", "why", "engine", "delegate", "device"}
    assert found["machine"]["usable_cpus"] >= 1
    assert found["machine"]["allowed_cpus"]
    assert found["machine"]["memory_bytes"] > 0


def test_a_backend_that_crashes_is_a_row_that_says_so(cli: Cli, plug_in: Callable[[str, str], dict[str, str]]) -> None:
    env = plug_in("fatal", "import os\nclass Backend:\n    def __init__(self, model, *, threads): os.abort()\n")
    done = cli("doctor", "--json", env=env)
    assert done.returncode == 0, done.stderr
    row = next(row for row in json.loads(done.stdout)["backends"] if row["name"] == "fatal")
    assert row["why"] == "it takes its process down (exit status -6)"


def test_the_table_is_for_people(cli: Cli) -> None:
    done = cli("doctor")
    assert done.returncode == 0
    assert "available" in done.stdout
    assert "CPUs usable" in done.stdout


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({}, ""),
        ({"governor": None}, ""),
        ({"governor": "powersave"}, "governor is powersave"),
        ({"load_average": [3.0, 0, 0]}, "a load of 3"),
        ({"usable_cpus": 2}, "only 2 of 4 CPUs"),
        ({"available_memory_bytes": 100_000_000}, "only 100 MB"),
    ],
)
def test_what_would_make_runs_unstable_is_said(state: dict[str, Any], says: str) -> None:
    found = unstable(QUIET | state)
    assert (says in found[0]) if says else found == []
