"""Processes that a child leaves behind end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.machine.offspring import end_group, end_session, none_left
from tests.living import lives

FORKS = """
import os, sys, time
out = sys.argv[1]
def stay(name, apart):
    if os.fork():
        return
    if apart:
        os.setsid()
        if os.fork():
            os._exit(0)
    with open(f"{out}/.{name}", "w") as file:
        file.write(str(os.getpid()))
    os.rename(f"{out}/.{name}", f"{out}/{name}")
    time.sleep(3600)
    os._exit(0)
stay("forked", False)
stay("daemon", True)
while len([name for name in os.listdir(out) if not name.startswith(".")]) < 2:
    time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to who asks for them")
def test_a_forked_process_and_a_daemon_end_with_the_child_that_made_them_and_no_other_child_does(
    tmp_path: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) as bystander:
        with none_left():
            child = subprocess.Popen([sys.executable, "-c", FORKS, str(tmp_path)], start_new_session=True)
            assert child.wait(600) == 0
            pids = [int((tmp_path / name).read_text(encoding="ascii")) for name in ("forked", "daemon")]
            assert all(map(lives, pids))
            end_group(child.pid)
        assert not any(map(lives, pids))
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to who asks for them")
def test_what_another_thread_starts_meanwhilelives_on() -> None:
    with none_left():
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    with other:
        assert other.poll() is None
        other.kill()


def test_our_own_group_is_never_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) as other:
        end_group(os.getpgrp())
        assert other.poll() is None
        other.kill()
        assert other.wait() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_all_processes_of_a_session_end_and_never_those_of_this_one() -> None:
    words = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '3600'])"]
    with subprocess.Popen(words, start_new_session=True) as leader:
        while not Path(f"/proc/{leader.pid}/task/{leader.pid}/children").read_text(encoding="ascii"):
            pass
        child = int(Path(f"/proc/{leader.pid}/task/{leader.pid}/children").read_text(encoding="ascii"))
        end_session(leader.pid)
        assert leader.wait(600) == -9
        while lives(child):
            pass
    end_session(os.getsid(0))
