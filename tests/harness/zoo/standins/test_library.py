from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from harness.errors import ConfigError, UnknownName
from harness.zoo.files.official import writing_cache
from harness.zoo.standins import library as standins
from harness.zoo.standins.library import STANDINS, Standin, standin_path

_ROOT = Path(__file__).resolve().parents[4]
_CONTENT = b"a model" * 1000


class _Maker:
    """A stand-in that counts how often it is made."""

    def __init__(self, content: bytes = _CONTENT) -> None:
        self.content = content
        self.made = 0

    def __call__(self, file: BinaryIO) -> None:
        self.made += 1
        file.write(self.content)


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> _Maker:
    maker = _Maker()
    monkeypatch.setitem(STANDINS, "counted", Standin(maker, ("graph/noise",)))
    return maker


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_stand_in_is_made_once(maker: _Maker, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    first, second = standin_path("counted", folder), standin_path("counted", folder)
    assert first == second
    assert maker.made == 1
    assert first.path == folder / "counted.tflite"
    assert first.path.read_bytes() == _CONTENT
    assert first.sha256 == hashlib.sha256(_CONTENT).hexdigest()
    assert _files(folder) == {"counted.tflite", "counted.json", "counted.lock"}


def _truncate(path: Path) -> None:
    os.truncate(path, 100)


def _corrupt(path: Path) -> None:
    path.write_bytes(_CONTENT[:-1] + b"!")


def _forget_stamp(path: Path) -> None:
    path.with_suffix(".json").unlink()


def _garble_stamp(path: Path) -> None:
    path.with_suffix(".json").write_text('{"sha256": ')


def _age_stamp(path: Path) -> None:
    stamp = path.with_suffix(".json")
    stamp.write_text(json.dumps({"version": 0} | json.loads(stamp.read_text())))


@pytest.mark.parametrize("harm", [_truncate, _corrupt, Path.unlink, _forget_stamp, _garble_stamp, _age_stamp])
def test_a_spoilt_cache_is_made_again(maker: _Maker, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path, sha256 = standin_path("counted", tmp_path)
    harm(path)
    assert standin_path("counted", tmp_path) == (path, sha256)
    assert maker.made == 2
    assert path.read_bytes() == _CONTENT
    standin_path("counted", tmp_path)
    assert maker.made == 2, "and is good from then on"


def test_a_file_that_was_only_touched_is_kept(maker: _Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sha256 = standin_path("counted", tmp_path)
    os.utime(path)
    assert standin_path("counted", tmp_path).sha256 == sha256
    assert maker.made == 1
    monkeypatch.setattr(standins, "_sha256", lambda _: pytest.fail("hashed a second time"))
    standin_path("counted", tmp_path)


def test_another_generator_makes_it_again(maker: _Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = standin_path("counted", tmp_path)
    other = _Maker(b"another model")
    monkeypatch.setitem(STANDINS, "counted", Standin(other, ("graph/noise", "graph/writer")))
    after = standin_path("counted", tmp_path)
    assert after.path.read_bytes() == b"another model"
    assert after.sha256 != before.sha256


def test_a_change_in_a_source_file_is_noticed(maker: _Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    (source / "graph").mkdir(parents=True)
    (source / "graph" / "noise.py").write_text("SPREAD = 1")
    monkeypatch.setattr(standins, "_ZOO", source)
    standin_path("counted", tmp_path)
    standin_path("counted", tmp_path)
    assert maker.made == 1
    (source / "graph" / "noise.py").write_text("SPREAD = 2")
    standin_path("counted", tmp_path)
    assert maker.made == 2


def test_a_whole_cache_is_only_read(maker: _Maker, tmp_path: Path) -> None:
    standin_path("counted", tmp_path)
    (tmp_path / "counted.lock").unlink()
    standin_path("counted", tmp_path)
    assert _files(tmp_path) == {"counted.tflite", "counted.json"}


def test_an_unknown_stand_in_suggests_a_near_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="unknown stand-in 'mobilebert_int4'; did you mean 'mobilebert_int8'"):
        standin_path("mobilebert_int4", tmp_path)


def _python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


_SLOW = """
import os, sys, time
from pathlib import Path
from harness.zoo.standins.library import STANDINS, Standin, standin_path

def write(file):
    with open(sys.argv[1] + ".made", "a") as log:
        log.write("made\\n")
    file.write(b"half ")
    file.flush()
    time.sleep(0.5)
    file.write(b"and half")

STANDINS["slow"] = Standin(write, ("graph/noise",))
found = standin_path("slow", Path(sys.argv[1]))
print(found.sha256, found.path.read_bytes().decode())
"""


def test_of_two_processes_one_makes_the_file_and_the_other_waits(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    processes = [_python(_SLOW, folder) for _ in range(2)]
    answers = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert answers[0][0].endswith(" half and half\n")
    assert (tmp_path / "cache.made").read_text() == "made\n"


_SEVERAL = 3


def test_without_locks_all_make_the_file_and_none_spoils_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")  # as a network file system without a lock service

    monkeypatch.setattr("fcntl.flock", flock)
    both_write = threading.Barrier(_SEVERAL)

    def write(file: BinaryIO) -> None:
        file.write(_CONTENT[:3000])
        both_write.wait(timeout=600)
        file.write(_CONTENT[3000:])

    monkeypatch.setitem(STANDINS, "shared", Standin(write, ("graph/noise",)))
    with ThreadPoolExecutor(_SEVERAL) as pool:
        found = list(pool.map(lambda _: standin_path("shared", tmp_path), range(_SEVERAL)))
    assert {made.sha256 for made in found} == {hashlib.sha256(_CONTENT).hexdigest()}
    assert found[0].path.read_bytes() == _CONTENT
    assert _files(tmp_path) == {"shared.tflite", "shared.json", "shared.lock"}
    assert standin_path("shared", tmp_path) == found[0], "without making it once more"


_NO_SPACE = """
import resource, sys
from pathlib import Path
from harness.zoo.standins.library import standin_path

resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    standin_path("mobilenet_edgetpu_int8", Path(sys.argv[1]))
except OSError as error:
    print(error.errno, error.filename, error.strerror, sep="|")
"""


def test_a_disk_without_room_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    out, problems = _python(_NO_SPACE, tmp_path).communicate(timeout=600)
    assert not problems
    number, name, reason = out.strip().split("|")
    assert int(number) == errno.EFBIG
    assert name == str(tmp_path / "mobilenet_edgetpu_int8.tflite")
    assert reason == os.strerror(errno.EFBIG)
    assert _files(tmp_path) == {"mobilenet_edgetpu_int8.lock"}


def test_an_interrupted_build_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setitem(STANDINS, "interrupted", Standin(write, ("graph/noise",)))
    with pytest.raises(KeyboardInterrupt):
        standin_path("interrupted", tmp_path)
    assert _files(tmp_path) == {"interrupted.lock"}


def test_a_failed_rebuild_keeps_no_file_that_passes_for_good(
    maker: _Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, _ = standin_path("counted", tmp_path)
    _truncate(path)

    def write(_: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(STANDINS, "counted", Standin(write, ("graph/noise",)))
    for _attempt in range(2):
        with pytest.raises(OSError, match=r"No space left on device.*counted\.tflite"):
            standin_path("counted", tmp_path)


_MODULES = """
import sys
from pathlib import Path
from harness.zoo.standins.library import STANDINS, standin_path

folder, job, *names = sys.argv[1:]
for name in names:
    standin = STANDINS[name]
    with Path("/dev/null").open("wb") as file:
        if job == "build":
            standin.write(file)
        else:
            standin_path(name, Path(folder))
    folders = {"builtin", "files", "graph", "standins"}
    zoo = (module for module in sys.modules if module.startswith("harness.zoo."))
    loaded = {module.removeprefix("harness.zoo.").replace(".", "/") for module in zoo}
    loaded -= folders | {"standins/library", "files/locks"}
    print(name, *sorted(loaded - set(standin.modules)), "ai_edge_litert" in sys.modules)
"""
_FAMILIES = [
    [name for name, standin in STANDINS.items() if standin.modules == modules]
    for modules in dict.fromkeys(standin.modules for standin in STANDINS.values())
]
"""Those that the same modules make."""


@pytest.mark.parametrize("names", _FAMILIES)
def test_the_hash_covers_every_module_that_makes_a_stand_in(tmp_path: Path, names: list[str]) -> None:
    out, problems = _python(_MODULES, tmp_path, "build", *names).communicate(timeout=600)
    assert not problems
    assert [line.split() for line in out.splitlines()] == [[name, "True"] for name in names]


def test_a_cached_stand_in_is_found_without_loading_the_generator(made: Callable[[str, str], Path]) -> None:
    (folder,) = {made("standins", name).parent for name in STANDINS}
    out, problems = _python(_MODULES, folder, "find", *STANDINS).communicate(timeout=600)
    assert not problems
    assert [line.split() for line in out.splitlines()] == [[name, "False"] for name in STANDINS]


def test_a_file_that_was_damaged_under_its_old_size_and_time_is_made_anew_for_what_is_scored(tmp_path: Path) -> None:
    path, sha256 = standin_path("kws_ds_cnn_int8", tmp_path)
    whole, times = path.read_bytes(), path.stat()
    path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert standin_path("kws_ds_cnn_int8", tmp_path, every_byte=True) == (path, sha256)
    assert path.read_bytes() == whole


def test_a_file_of_another_time_is_left_alone_since_a_run_may_hold_it(tmp_path: Path) -> None:
    path, sha256 = standin_path("kws_ds_cnn_int8", tmp_path)
    os.utime(path, ns=(1, 1))
    before = path.stat()
    assert standin_path("kws_ds_cnn_int8", tmp_path) == (path, sha256)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (before.st_ino, 1, before.st_ctime_ns)


def test_a_folder_where_the_file_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "standins" / "kws_ds_cnn_int8.tflite").mkdir(parents=True)
    with (
        pytest.raises(ConfigError, match=r"kws_ds_cnn_int8.tflite is a folder, where a file is kept; remove it"),
        writing_cache(tmp_path),
    ):
        standin_path("kws_ds_cnn_int8", tmp_path / "standins")
