"""What doctor says of a machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from harness.commands.doctor import _cores
from harness.config.registry import BACKENDS
from harness.machine.topology import Core, Topology

Cli = Callable[..., subprocess.CompletedProcess[str]]


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
    # No model of the doctor's own is compiled for one.
    assert "compiled" not in (rows["edgetpu"]["why"] or "")
    assert found["machine"]["usable_cpus"] >= 1
    assert found["machine"]["allowed_cpus"]
    assert found["machine"]["memory_bytes"] > 0
    listed = {cpu for kind in found["machine"]["topology"]["kinds"] for core in kind["cores"] for cpu in core}
    assert listed == set(found["machine"]["allowed_cpus"])
    for reason in found["unstable"]:
        assert set(reason) == {"what", "figure", "fix"}


def test_a_backend_that_crashes_is_a_row_that_says_so(cli: Cli, plug_in: Callable[[str, str], dict[str, str]]) -> None:
    env = plug_in("fatal", "import os\nclass Backend:\n    def __init__(self, model, *, threads): os.abort()\n")
    done = cli("doctor", "--json", env=env)
    assert done.returncode == 0, done.stderr
    row = next(row for row in json.loads(done.stdout)["backends"] if row["name"] == "fatal")
    assert row["why"] == "it takes its process down, which was killed by SIGABRT"


def test_the_table_is_for_people(cli: Cli) -> None:
    done = cli("doctor")
    assert done.returncode == 0
    assert "available" in done.stdout
    assert "CPUs usable" in done.stdout


def test_the_cores_are_told_with_their_hardware_threads_by_kind() -> None:
    big = (Core((0, 1), "intel_core", 1024.0), Core((2, 3), "intel_core", 1024.0))
    little = (Core((4,), "intel_atom", 700.0),)
    assert _cores(Topology((big, little), known=True, quota=2.5).facts()) == (
        "2 cores (intel_core, speed 1024, CPU 0+1 2+3), then 1 core (intel_atom, speed 700, CPU 4), a quota of 2.5 CPUs"
    )
    assert (
        _cores(Topology(((Core((0,)), Core((1,))),), known=False).facts()) == "not known: each of 2 CPUs counts as one"
    )
