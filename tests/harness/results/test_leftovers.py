"""What a killed run has left is swept by who next reads its directory, and only where its owner is dead."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from harness.errors import ConfigError
from harness.results.files import read_result

LIVES = """
import sys, time
from pathlib import Path
from harness.results.files import Reserve
from harness.whole_file import replacing
folder = Path(sys.argv[1])
reserve = Reserve(folder)
reserve.take()
with replacing(folder / "result.json") as file:
    file.write(b"half")
    file.flush()
    print("there", flush=True)
    time.sleep(3600)
"""


def _left(folder: Path) -> list[str]:
    with contextlib.suppress(ConfigError):
        read_result(folder)
    return sorted(path.name.partition("-")[0] for path in folder.iterdir())


def test_leftovers_stay_while_their_owner_lives_and_go_when_it_was_killed(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[3])
    words = [sys.executable, "-P", "-c", LIVES, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        assert _left(tmp_path) == [".result.json", ".result.json.reserve"]
        process.send_signal(signal.SIGKILL)
    assert _left(tmp_path) == []
