"""A far end that answers anything at all: broken, of another version, or hostile. Every answer ends in a sentence."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError, HarnessError, RunFailed
from harness.remote import device, ssh
from harness.remote.device import Device
from harness.remote.far_end import wire
from harness.remote.far_end.machine import facts
from harness.remote.record import Job
from harness.remote.target import ssh_target
from harness.results.subject import HarnessFacts
from tests.harness.remote.conftest import program

Says = Callable[..., Any]
TARGET = "ssh://board"
JOB = asdict(Job(("run.sh",), {}, "/out", "here", HarnessFacts("0.1.0", None)))
RESULT = b"a result"
LEFT = [
    {"files": [{"name": "a/result.json", "size": len(RESULT)}]},
    RESULT,
    {"sha256": hashlib.sha256(RESULT).hexdigest()},
]
ASKED: dict[str, tuple[list[Any], Callable[[Device, Path], object]]] = {
    "jobs": ([{"jobs": [{"name": "a", "state": "running"}]}], lambda there, _: there.jobs()),
    "job": ([{"job": JOB}], lambda there, _: there.job("a")),
    "install": ([{"deps": True, "env": True}], lambda there, _: there.install(())),
    "have": ([{"missing": []}], lambda there, _: there.have(())),
    "log": ([{"log": "a line\n", "at": 7}], lambda there, _: there.told(1)),
    "end": ([{"ended": {"state": "ended", "ended": {"status": 0, "complaint": ""}}}], lambda there, _: there.told(1)),
    "fetch": (LEFT, lambda there, out: there.fetch("a", out / "in")),
    "remove": ([{"ok": True}], lambda there, _: there.remove("a")),
    "clean": ([{"freed_bytes": 3}], lambda there, _: there.clean()),
    "refused": ([{"error": "a", "kind": "unknown"}, {"jobs": []}], lambda there, _: there.remove("a")),
}
"""What is asked of a device -> what a sound one says, and how it is asked."""
LETTERS = "ab./\n\0{\xe9"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 1 << 70),
    st.floats(),
    st.text(LETTERS, max_size=8),
    st.sampled_from(["../../x", "/etc/x", "\ud800", "a\0b", "ended", "error"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS, max_size=5), inner, max_size=3),
)


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Connects to a far end that says these bytes behind its greeting, whatever it is asked."""
    place = tmp_path / "says"
    place.mkdir()
    # It reads on, so that what is sent to it never breaks.
    program(place / "ssh", f'#!/bin/sh\ncat "{place}/words"\nexec >&-\nexec cat >/dev/null\n')
    monkeypatch.setenv("PATH", str(place), prepend=":")
    monkeypatch.setattr(ssh, "_GRACE_S", 0.02)
    monkeypatch.setattr(wire, "LONGEST_LINE", 1 << 16)
    monkeypatch.setattr(device, "own_wheel", lambda _: b"a wheel")
    monkeypatch.setattr(device, "get_wheels", _no_wheels)

    @contextmanager
    def connected(words: bytes, told: object = None) -> Iterator[Device]:
        greeting = {"tflite_loadgen": facts(tmp_path / "there") if told is None else told}
        (place / "words").write_bytes(json.dumps(greeting).encode() + b"\n" + words)
        with Device(ssh_target(TARGET), lambda _: None, tmp_path / "cache") as there:
            yield there

    return connected


def _no_wheels(*_: object) -> object:
    raise ConfigError("no wheels in this test")


def _lines(answers: list[Any]) -> bytes:
    return b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in answers)


@st.composite
def _damaged(draw: st.DrawFn, value: Any) -> Any:
    """A value with one thing in it that is another, lacks, or is there besides."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.booleans()):
            return {key: each for key, each in value.items() if key != name}
        return {
            **value,
            name: draw(_damaged(value[name])),
            **draw(st.dictionaries(st.text(LETTERS, max_size=3), SCALARS, max_size=1)),
        }
    if isinstance(value, list) and value and draw(st.booleans()):
        return [draw(_damaged(value[0])), *value[1:]]
    return draw(ANYTHING)


@pytest.mark.parametrize("asked", ASKED)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_far_end_answers_ends_in_the_error_tree(asked: str, says: Says, tmp_path: Path, data: Any) -> None:
    answers, ask = ASKED[asked]
    place = data.draw(st.integers(0, len(answers) - 1))
    odd = data.draw(
        st.binary(max_size=30) | st.sampled_from([b"[" * 20_000 + b"\n", b"x" * (1 << 17)])
        if isinstance(answers[place], bytes) or data.draw(st.booleans())
        else _damaged(answers[place])
    )
    words = _lines([*answers[:place], odd, *answers[place + 1 :]])
    try:
        with says(words) as there:
            ask(there, tmp_path)
    except (HarnessError, OSError):
        # OSError: it cannot be written here, which whoever asks makes a sentence of.
        pass
    finally:
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
    assert not (tmp_path.parent / "x").exists()


@pytest.mark.parametrize("asked", ASKED)
def test_what_a_sound_far_end_answers_is_understood(asked: str, says: Says, tmp_path: Path) -> None:
    answers, ask = ASKED[asked]
    with says(_lines(answers)) as there:
        if asked == "refused":
            with pytest.raises(ConfigError, match="has no run a; it has none"):
                ask(there, tmp_path)
        else:
            ask(there, tmp_path)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_machine_says_of_itself_ends_in_the_error_tree(says: Says, tmp_path: Path, data: Any) -> None:
    told = data.draw(_damaged(facts(tmp_path / "there")))
    try:
        with says(_lines([{"deps": True, "env": True}]), told) as there:
            there.install(())
    except HarnessError:
        pass


def test_a_job_of_another_version_names_both_versions_and_what_to_do(says: Says) -> None:
    with (
        says(_lines([{"job": {"novelty": 1, "made_by": {"version": "9.9", "commit": "abc"}}}])) as there,
        pytest.raises(ConfigError) as refused,
    ):
        there.job("20200101-000000-kws-0000")
    here = HarnessFacts.here().version
    assert "was started by another version of the harness (there: 9.9 abc, here: " + here in str(refused.value)
    assert "--target ssh://board --clean" in str(refused.value)


def test_a_file_that_was_cut_on_its_way_is_no_result(says: Says, tmp_path: Path) -> None:
    with says(_lines([LEFT[0], RESULT, {"sha256": ""}])) as there, pytest.raises(RunFailed, match="did not come"):
        there.fetch("a", tmp_path / "in")


def test_a_file_of_less_than_nothing_is_named(says: Says, tmp_path: Path) -> None:
    # Its size would hide that of another from what is held against the room here.
    files = [{"name": "a", "size": -(1 << 60)}, {"name": "b", "size": 1 << 60}]
    with (
        says(_lines([{"files": files}])) as there,
        pytest.raises(RunFailed, match=r"says that 'a' has -1,152,921,504,606,846,976 bytes"),
    ):
        there.fetch("a", tmp_path / "in")


def test_more_than_there_is_room_for_is_not_even_begun(says: Says, tmp_path: Path) -> None:
    with (
        says(_lines([{"files": [{"name": "a", "size": 1 << 60}]}])) as there,
        pytest.raises(OSError, match=r"are to come, and .* are free"),
    ):
        there.fetch("a", tmp_path / "in")


def test_a_device_without_room_says_how_much_is_wanted(says: Says, tmp_path: Path) -> None:
    told = {**facts(tmp_path), "free_bytes": 3_100_000}
    with says(_lines([{"deps": False, "env": False}]), told) as there, pytest.raises(ConfigError) as refused:
        there.install(())
    assert "is full: what the harness needs takes about 400.0 MB there, and 3.1 MB are free" in str(refused.value)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"no_programs": True}, "mounted noexec: name a folder on another one: ssh://HOST/FOLDER"),
        ({"python": "3.x"}, "says of itself what no machine is"),
        ({"folder": "relative"}, "says of itself what no machine is"),
        ({"glibc": None}, "has another C library"),
    ],
)
def test_a_machine_on_which_nothing_of_ours_can_run_says_why(
    told: dict[str, Any], message: str, says: Says, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message), says(b"", {**facts(tmp_path), **told}):
        pass


def test_a_clock_that_is_off_is_said(says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    with says(b"", {**facts(tmp_path), "clock_s": 0.0}) as there:
        monkeypatch.setattr(there, "_say", heard.append)
        there._compare_clocks()
    assert "behind this machine's; results bear its times" in heard[0]
