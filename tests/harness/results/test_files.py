"""How result.json is written, kept and read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError, RunFailed
from harness.results.files import Reserve, folder_of_run, keep, read_result
from harness.results.record import Result
from harness.whole_file import write_json

KILLED = """
import os, sys
from pathlib import Path
from harness.whole_file import write_json
real = getattr(os, sys.argv[1])
def killed(*words, **more):
    os.kill(os.getpid(), 9)
setattr(os, sys.argv[1], killed)
write_json(Path("result.json"), {"status": "valid", "filler": "x" * 100_000})
"""


@pytest.mark.parametrize(
    ("directory", "found"),
    [("1-performance-cpu", "1-performance-cpu"), ("kws/1-cpu", "kws/1-cpu"), ("../../etc", "etc"), ("/etc/x", "x")],
)
def test_a_run_of_a_series_is_followed_nowhere_outside_of_it(directory: str, found: str) -> None:
    assert folder_of_run(Path("series"), directory) == Path("series") / found


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_process_killed_while_it_writes_leaves_the_old_result(
    step: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    write_json(tmp_path / "result.json", {"status": "started"})
    done = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, step], cwd=tmp_path, env=environment, check=False, timeout=600
    )
    assert done.returncode == -signal.SIGKILL
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == {"status": "started"}


def test_what_cannot_be_written_leaves_nothing_behind(mount: Callable[[str], Path], run_result: Result) -> None:
    disk = mount("size=16k")
    write_json(disk / "result.json", {"status": "started"})
    big = {"status": "valid", "filler": "x" * 100_000}
    with pytest.raises(OSError, match="No space left"):
        write_json(disk / "result.json", big)
    with pytest.raises(RunFailed, match=r"cannot write .*No space left on device"):
        keep(disk, replace(run_result, warnings=("x" * 100_000,)))
    assert [path.name for path in disk.iterdir()] == ["result.json"]
    assert read_json(disk / "result.json") == {"status": "started"}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_number_that_json_does_not_have_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "result.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_others_may_read_a_result(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_json(tmp_path / "result.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "result.json").stat().st_mode & 0o777 == 0o644


def test_the_reserve_leaves_room_for_the_result_on_a_full_disk(mount: Callable[[str], Path]) -> None:
    disk = mount("size=128k")
    reserve = Reserve(disk)
    reserve.take()
    with pytest.raises(OSError, match="No space left"):
        (disk / "filler").write_bytes(bytes(1 << 20))
    result = {"status": "failed", "filler": "x" * 20_000}
    with pytest.raises(OSError, match="No space left"):
        write_json(disk / "result.json", result)
    reserve.release()
    write_json(disk / "result.json", result)
    assert read_json(disk / "result.json") == result
    reserve.release()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "is not a run's directory"),
        ("", "is not a result: it is empty. Put back the file that the run wrote, or run once more with another --out"),
        ("\0\0\0", "is not a result: it is not text.*Put back the file .* or run once more"),
        ('{"schema_version": 2, ', "is not a result: Expecting property name.*Put back the file .* or run once more"),
        ("[]", "is not a result of version 1 or 2. Put back the file that the run wrote, or run once more"),
        ("{}", "is not a result of version 1 or 2. Put back the file that the run wrote, or run once more"),
        ('{"schema_version": 3}', "is not a result of version 1 or 2: it says 3"),
        ('{"schema_version": true}', "is not a result of version 1 or 2: it says True"),
        ('{"schema_version": 2}', r"is not whole, or was changed by hand \(status is missing\)"),
        ('{"schema_version": 1}', r"is not whole, or was changed by hand \(status is missing\)"),
        ('{"schema_version": NaN}', "is not a result: NaN is no number"),
        ("[" * 100_000, "is not a result"),
        ("\ud800", "is not a result"),
    ],
)
def test_what_is_no_result_is_refused(text: str | None, says: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "result.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match=says):
        read_result(tmp_path)


def test_a_folder_of_runs_is_refused_with_the_names_of_some(tmp_path: Path) -> None:
    for name in "fedcba":
        (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match=r"directory$"):
        read_result(tmp_path)
    for name in "fedcba":
        (tmp_path / name / "result.json").touch()
    with pytest.raises(ConfigError, match=r"runs lie in it: a, b, c, d, \.\.\.$"):
        read_result(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_lies_in_the_place_of_the_reserve_is_taken_away(kind: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("dear", encoding="ascii")
    place = tmp_path / ".result.json.reserve"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(mine)
    reserve = Reserve(tmp_path)
    reserve.take()
    assert place.is_file()
    assert not place.is_symlink()
    reserve.release()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert mine.read_text(encoding="ascii") == "dear"
