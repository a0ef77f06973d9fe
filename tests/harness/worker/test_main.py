"""The worker's process: how it begins, and what it tells where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.run.hearing import RUN_LOG
from harness.run.launch import run_worker


class Unseen:
    """Progress that nobody looks at."""

    def progress(self, *_: Any) -> None:
        return

    def end_progress(self) -> None:
        return


def test_a_worker_whose_parent_died_before_it_woke_ends_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_bytes(bytes(8 * 512))
    read, write = os.pipe()
    with page.open("r+b") as control:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "harness.worker.main", str(write), str(control.fileno()), "0", "1"],
            cwd=tmp_path,
            env=environment,
            pass_fds=(write, control.fileno()),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    os.close(write)
    os.close(read)
    assert done.returncode == 1
    assert done.stderr == "the parent was gone before its death could be heard of\n"


def test_a_worker_without_a_spec_says_so_and_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    report = run_worker(tmp_path, Unseen(), 600)
    assert isinstance(report.end, ConfigError)
    assert "cannot read spec.yaml" in str(report.end)
    assert (report.opened, report.proven, report.memory, report.latency_drift) == (None, None, None, None)
    assert "Traceback" in (tmp_path / RUN_LOG).read_text(encoding="utf-8")


_CHECKS_SPECS = """
import harness.worker.main
from harness.spec.schema import Spec
print(Spec.__pydantic_complete__)
"""


def test_a_worker_in_waiting_has_what_checks_its_spec(environment: dict[str, str]) -> None:
    words = [sys.executable, "-P", "-c", _CHECKS_SPECS]
    assert subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout == "True\n"
