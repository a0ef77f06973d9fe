"""A rack: this machine, a board by a real ssh, a phone by a real adb, and one that is not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.fleet.outcome import DeviceOutcome, read_outcome, write_outcome
from harness.fleet.perform import perform_fleet
from harness.fleet.plan import PlannedDevice
from harness.report.screen import Screen
from harness.results.files import read_result
from harness.results.own_directory import alone_in
from harness.series.journal import read_journal
from tests.harness.devices.conftest import Device
from tests.harness.remote.conftest import Board
from tests.reserved_port import reserved_port

Call = Callable[..., subprocess.CompletedProcess[str]]


def test_what_one_machine_has_to_do_takes_turns_whatever_folder_or_user_the_targets_name() -> None:
    machines = [
        PlannedDevice("x", target, False, (), "").machine
        for target in ("ssh://pi@board/a", "ssh://root@Board/b", "ssh://board:22", "ssh://board:2222", "local", "adb:X")
    ]
    assert machines == ["board:22", "board:22", "board:22", "board:2222", "local", "adb:X"]


def test_a_rack_at_which_another_command_is_at_work_is_left_alone(tmp_path: Path) -> None:
    with alone_in(tmp_path / "rack"):
        with pytest.raises(ConfigError, match=r"another command is at work in .*rack: wait until it has ended"):
            perform_fleet([], tmp_path / "rack", Screen(quiet=True))
        assert list((tmp_path / "rack").iterdir()) == []


@pytest.mark.parametrize("place", ["folder", "pipe", "link"])
def test_what_lies_in_the_place_of_the_journal_is_named(place: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    if place == "folder":
        journal.mkdir()
    elif place == "pipe":
        os.mkfifo(journal)
    else:
        journal.symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"cannot read .*journal\.jsonl.*begin the others with another"):
        perform_fleet([], tmp_path, Screen(quiet=True))


def test_how_a_device_ended_is_not_waited_for_where_it_is_a_pipe(tmp_path: Path) -> None:
    write_outcome(tmp_path, "board", DeviceOutcome(0, ""))
    assert read_outcome(tmp_path, "board") == DeviceOutcome(0, "")
    (tmp_path / "board.json").unlink()
    os.mkfifo(tmp_path / "board.json")
    assert read_outcome(tmp_path, "board") is None


@pytest.mark.ssh
def test_one_of_three_that_is_broken_keeps_nothing_from_the_others_and_is_all_that_runs_again(
    call: Call, device: Device, reached: Board, tool: Path, keywords: list[str], tmp_path: Path
) -> None:
    (tmp_path / "tool").symlink_to(tool)
    devices: dict[str, Any] = {
        "here": "local",
        "board": f"ssh://127.0.0.1:{reserved_port()}",
        "phone": {"target": f"adb:{device.serial}", "tool": "tool", "taskset": "1"},
    }
    file = tmp_path / "devices.yaml"
    file.write_text(json.dumps({"devices": devices}))
    words = ["fleet", file, *keywords, "--out", "rack"]
    first = call(*words, "--json")
    assert first.returncode == 2, first.stderr
    rows = {row["device"]: row for row in json.loads(first.stdout)["rows"]}
    assert [(name, row["exit_status"], row["status"]) for name, row in rows.items()] == [
        ("here", 0, "valid"), ("board", 2, "failed"), ("phone", 0, "measured")
    ]  # fmt: skip
    assert "does not answer" in rows["board"]["why"]
    assert (rows["phone"]["measured_by"], rows["phone"]["mean_ns"]) == ("benchmark_model", pytest.approx(2_942_270))
    assert rows["phone"]["machine"] == "Makers Model X's 5, QTI SM8550, arm64-v8a"
    assert json.loads(first.stdout)["comparison"] is None
    # The board is put right, and the same command goes on.
    devices["board"] = reached.target()
    file.write_text(json.dumps({"devices": devices}))
    before = (tmp_path / "rack" / "here" / "result.json").stat().st_mtime_ns
    again = call(*words)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "rack" / "here" / "result.json").stat().st_mtime_ns == before
    assert "here: is there already" in again.stderr
    assert "board: begins on ssh://" in again.stderr
    began = [line.run for line in read_journal(tmp_path / "rack") if line.what == "began"]
    assert sorted(began) == ["board", "board", "here", "phone"]
    result = read_result(tmp_path / "rack" / "board")
    assert result.target is not None
    assert result.target.name == reached.target()
    kept = json.loads((tmp_path / "rack" / "fleet.json").read_text())
    (pair,) = kept["comparison"]["pairs"]
    assert (Path(pair["base"]).name, Path(pair["new"]).name) == ("here", "board")
    assert "p90" in [figure["name"] for figure in pair["figures"]]
    assert kept["not_compared"] == "1 without a result of LoadGen's is left out"
    assert "phone: by TFLite's benchmark_model, not LoadGen" in again.stdout
    # Other settings are never mixed with what is there.
    other = call(*words, "--scenario", "Offline")
    assert (other.returncode, "was begun with other settings: of here" in other.stderr) == (2, True)


def test_devices_of_one_target_wait_for_each_other_and_a_signal_reaches_them_all(
    start: Callable[..., Any], keywords: list[str], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    (tmp_path / "devices.yaml").write_text(json.dumps({"devices": {"a": "local", "b": "local"}}))
    long = ("--scenario", "Server", "--set", "load.target_qps=1", "--set", "load.min_duration_ms=3600000")
    process = start("fleet", "devices.yaml", *keywords, *long, "--out", "rack")
    asks = tmp_path / "rack" / "a" / "mlperf_log_detail.txt"
    eventually(lambda: process.poll() is not None or asks.exists(), "LoadGen asks")
    os.kill(process.pid, signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, said
    assert "goes on" in said
    assert not (tmp_path / "rack" / "b").exists(), "the second was to wait"
    (ended,) = (line for line in read_journal(tmp_path / "rack") if line.what == "ended")
    assert (ended.run, ended.status) == ("a", str(128 + signal.SIGTERM))
    assert read_result(tmp_path / "rack" / "a").status == "failed"


def test_what_is_of_one_run_alone_is_refused(call: Call, tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text("devices: {here: local}")
    done = call("fleet", "devices.yaml", "--task", "kws", "--target", "ssh://board")
    assert (done.returncode, "--target is of one run" in done.stderr) == (2, True)
    done = call("fleet", "devices.yaml", "--task", "kws", "--attach")
    assert (done.returncode, "--attach is of one run" in done.stderr) == (2, True)
    done = call("fleet", "devices.yaml", "--task", "kws", "--scenario", "Nonsense")
    assert done.returncode == 2
    assert not (tmp_path / "results").exists()
