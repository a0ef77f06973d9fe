"""A cluster of a process's own: what is left of those that were killed. `test_ray` starts real ones."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from harness.serving.cluster.own_cluster import _forget_stale_folders


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_folder_of_a_run_that_was_killed_goes_with_the_next_and_no_other_does() -> None:
    # A number that is no process's here, ever: one that has just ended may be another's by now.
    never = 1 << 30
    places = [Path(f"/tmp/ray-{name}-test{os.getpid()}") for name in (never, os.getpid(), f"other{os.getpid()}")]
    try:
        for place in places:
            (place / "logs").mkdir(parents=True)
        _forget_stale_folders()
        assert [place.exists() for place in places] == [False, True, True]
    finally:
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
