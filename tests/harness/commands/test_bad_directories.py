"""What the command line says of directories it cannot write or read: one message, the exit status, no result."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.spec.schema import Spec, write_spec

Cli = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]
Read = Callable[[Path], dict[str, Any]]


def test_of_two_runs_that_are_given_one_directory_one_is_refused(
    call: Cli, keywords: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint: Complaint
) -> None:
    """The other came in the moment between looking at the directory and writing to it."""
    out = tmp_path / "run"

    def too_late(spec: Spec, folder: Path) -> None:
        (folder / "spec.yaml").write_text("another's", encoding="ascii")
        (folder / "result.json").write_text("another's", encoding="ascii")
        write_spec(spec, folder)

    monkeypatch.setattr("harness.run.execute.write_spec", too_late)
    done = call(*keywords, "--out", out)
    assert done.returncode == 2
    assert f"{out} is not empty" in complaint(done)
    assert {path.name: path.read_text(encoding="ascii") for path in out.iterdir()} == dict.fromkeys(
        ("spec.yaml", "result.json"), "another's"
    )


@pytest.mark.parametrize("series", [[], ["--repeat", "2"]])
def test_a_run_that_is_refused_before_it_began_leaves_no_directory(
    series: list[str], call: Cli, keywords: list[str], tmp_path: Path
) -> None:
    done = call(*keywords, *series, "--max-sample-memory", "100", "--json")
    assert done.returncode == 2
    assert "not one sample fits into memory" in json.loads(done.stdout)["reasons"][0]["what"]
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("code", "status", "log"),
    [
        ("print('the driver is too old'); raise BackendUnavailable('no driver')", 2, "the driver is too old\n"),
        ("raise RuntimeError('a bug')", 3, "Traceback"),
    ],
)
def test_what_could_tell_why_a_run_never_began_stays(
    code: str, status: int, log: str, call: Cli, keywords: list[str], plug_in: Any, tmp_path: Path
) -> None:
    source = "from backends.base import BackendUnavailable\nclass Backend:\n    def __init__(self, model, *, threads): "
    done = call(*keywords, "--backend", "strange", env=plug_in("strange", source + code + "\n"))
    assert done.returncode == status
    (run,) = (tmp_path / "results").iterdir()
    assert log in (run / "run.log").read_text(encoding="utf-8")
    assert (run / "result.json").exists()


def test_a_backend_that_refuses_without_another_word_leaves_no_directory(
    cli: Cli, keywords: list[str], plug_in: Any, tmp_path: Path
) -> None:
    source = (
        "from backends.base import BackendUnavailable\nclass Backend:\n"
        "    def __init__(self, model, *, threads): raise BackendUnavailable('no driver')\n"
    )
    done = cli(*keywords, "--backend", "silent", env=plug_in("silent", source))
    assert done.returncode == 2
    assert "no driver" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_directory_that_is_not_empty_is_left_as_it_is(
    call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "result.json").write_text("mine", encoding="ascii")
    for mode in ("performance", "submission"):
        done = call(*keywords, "--out", out, "--mode", mode)
        assert done.returncode == 2
        assert f"{out} is not empty" in complaint(done)
    assert [path.name for path in out.iterdir()] == ["result.json"]
    assert (out / "result.json").read_text(encoding="ascii") == "mine"


@pytest.mark.parametrize("mode", ["performance", "submission"])
def test_a_directory_under_a_file_cannot_be_made(
    mode: str, call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    for out in (tmp_path / "file" / "run", tmp_path / "file"):
        done = call(*keywords, "--out", out, "--mode", mode)
        assert done.returncode == 2
        assert f"cannot write the run's directory {out}: " in complaint(done)


@pytest.mark.parametrize("mode", ["performance", "submission"])
def test_a_directory_on_a_read_only_disk_cannot_be_made(
    mode: str, call: Cli, keywords: list[str], mount: Callable[[str], Path], complaint: Complaint
) -> None:
    disk = mount("ro,size=64k")
    for words in (["--out", disk / "run"], []):
        done = call(*keywords, *words, "--mode", mode, cwd=disk)
        assert done.returncode == 2
        assert "cannot write the run's directory " in complaint(done)
        assert complaint(done).endswith(": Read-only file system")


def test_a_disk_that_is_full_before_the_run_starts_is_the_users_to_fix(
    call: Cli, keywords: list[str], mount: Callable[[str], Path], complaint: Complaint
) -> None:
    disk = mount("size=16k")
    done = call(*keywords, "--out", disk / "run")
    assert done.returncode == 2
    assert complaint(done) == f"cannot write the run's directory {disk / 'run'}: No space left on device"


def test_a_disk_that_fills_during_the_run_is_a_failed_run(
    call: Cli, keywords: list[str], mount: Callable[[str], Path], complaint: Complaint, read_result: Read
) -> None:
    disk = mount("size=512k")
    # A trace of so many queries fills it on any machine.
    many = ("--set", "load.enable_trace=true", "--set", "load.min_query_count=5000")
    done = call(*keywords, *many, "--out", disk / "run")
    assert done.returncode == 3
    message = complaint(done)
    assert "mlperf_log_detail.txt is cut" in message
    assert "bytes are free there" in message
    # The last blocks were kept for this.
    assert read_result(disk / "run")["status"] == "failed"


@pytest.mark.parametrize(
    ("kilobytes", "mode"),
    [(80, "accuracy"), (96, "performance"), (112, "accuracy"), (116, "performance"), (124, "accuracy")],
)
def test_however_small_the_disk_is_what_is_called_valid_is_whole(
    kilobytes: int, mode: str, call: Cli, keywords: list[str], mount: Callable[[str], Path], read_result: Read
) -> None:
    disk = mount(f"size={kilobytes}k")
    out = disk / "run"
    done = call(*keywords, "--mode", mode, "--out", out)
    assert "Traceback" not in done.stderr
    status = read_result(out)["status"] if (out / "result.json").exists() else None
    if done.returncode == 0:
        assert status == "valid"
        assert mode == "performance" or call("score", out).stdout.split()[:3] == ["top1", "80.00", "%"]
    else:
        assert done.returncode in (2, 3)
        assert status in (None, "failed", "started")
        assert status != "started", "the directory was written but the failure was not"


@pytest.mark.parametrize("verb", ["score", "show"])
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "is not a run's directory"),
        ({"result.json": "{", "spec.yaml": "a: ["}, ""),
        ({"result.json": "[]", "spec.yaml": "[]"}, ""),
        ({"result.json": '{"schema_version": 99}', "spec.yaml": "schema_version: 99"}, ""),
    ],
)
def test_a_folder_that_is_no_runs_directory_is_refused(
    verb: str, files: dict[str, str], says: str, call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
    done = call(verb, folder)
    assert done.returncode == 2
    assert str(folder) in complaint(done)
    assert says in complaint(done)


@pytest.mark.parametrize(
    "text", ['"status": "valid"', '"status": "valid", "accuracy": {}', '"reasons": 1', '"runs": 1']
)
def test_a_result_with_parts_missing_is_not_shown_and_not_taken_for_an_invalid_run(
    text: str, call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    (tmp_path / "result.json").write_text(f'{{"schema_version": 1, {text}}}', encoding="ascii")
    done = call("show", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path / 'result.json'} is not whole, or was changed by hand" in complaint(done)


def test_a_performance_run_cannot_be_scored(
    call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    assert call(*keywords, "--out", tmp_path / "run").returncode == 0
    done = call("score", tmp_path / "run")
    assert done.returncode == 2
    assert "holds a performance run" in complaint(done)
