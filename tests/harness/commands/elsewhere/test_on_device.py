"""`--target` and what goes with it, as a user meets it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from harness.cli import main


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tool", "x"], "--tool is of a device: it needs --target adb:SERIAL"),
        (["--target", "adb:x"], "give the file, built for the device, by --tool FILE"),
        (["--target", "adb:", "--tool", "x"], "is no serial number"),
        (["--target", "adb:-s", "--tool", "x"], "is no serial number"),
        (["--target", "usb:x", "--tool", "x"], "this verb measures on adb:SERIAL"),
        (["--target", "adb:x", "--tool", "x", "--taskset", "0;id"], "a mask of cores in hexadecimal"),
        (["--target", "adb:x", "--tool", "x", "--taskset", "0"], "a mask of cores in hexadecimal"),
        (["--target", "adb:x", "--tool", "x", "--tool-sha256", "12"], "64 hexadecimal digits"),
        (["--target", "adb:x", "--tool", "x", "--advice"], "are of this machine"),
        (["--target", "adb:x", "--tool", "x", "--format", "csv"], "come as table or json"),
        (["--target", "adb:x", "--tool", "nowhere"], "no such file"),
    ],
)
def test_a_mistake_is_named_before_a_device_is_asked(
    words: list[str],
    says: str,
    keyword_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(["bench", str(keyword_model), *words]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--target", "adb:x"], "give the file, built for the device, by --tool FILE"),
        (["--target", "adb:x", "--tool", "x", "--trace", "t.json"], "--trace is of a model on this machine"),
        (["--target", "adb:x", "--tool", "x", "--by", "shape"], "unknown view of a device 'shape'"),
        (["--target", "adb:x", "--tool", "nowhere", "--by", "order"], "no such file"),
    ],
)
def test_a_mistake_of_profile_is_named_too(
    words: list[str],
    says: str,
    keyword_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(["profile", str(keyword_model), *words]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("verb", "says"),
    [("tune", "fleet, set:"), ("suite", "--mode submission --target"), ("list", "it is of this machine")],
)
def test_a_verb_that_runs_nowhere_else_says_what_to_do_instead(
    verb: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main([verb, "--target", "ssh://pi@board"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"{verb} has no --target" in said
    assert says in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--attach", "--count", "3"], "--attach stands beside --target alone (and --out)"),
        (["run", "--attach", "--preset", "rapid"], "not --preset"),
        (["run", "--clean", "--out", "x"], "not --out"),
        (["run", "--clean", "--attach"], "not --attach"),
        (["sustained", "--minutes", "1", "--task", "kws", "--attach"], "--attach is of run alone"),
    ],
)
def test_what_picks_a_run_up_or_cleans_takes_no_option_that_it_would_forget(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main([*words, "--target", "ssh://pi@board"]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
