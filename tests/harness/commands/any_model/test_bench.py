"""The verb `bench`, as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]
FEW = ["--num_runs=3", "--min_secs=0", "--warmup_min_secs=0"]


def test_a_model_is_told_by_its_times_its_memory_and_its_costs(small: Path, call: Call) -> None:
    done = call("bench", small, *FEW)
    assert done.returncode == 0, done.stderr
    named = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert named == [
        "model",
        "backend",
        "signature",
        "input",
        "load",
        "first",
        "warm-up",
        "steady",
        "timed",
        "memory",
        "size",
        "work",
        "measured",
    ]
    for text in ("mean of 3 runs", "p90", "at load", "after gzip", "9,984 multiply-adds", "without LoadGen", "3 ops"):
        assert text in done.stdout


def test_several_take_turns_and_the_first_that_runs_is_what_the_others_are_held_against(
    small: Path, adds_model: Path, edgetpu_model: Path, call: Call
) -> None:
    done = call("bench", edgetpu_model, small, adds_model, *FEW, "--max_secs=2", "--json")
    assert done.returncode == 2
    assert "Edge TPU" in done.stderr
    found = json.loads(done.stdout)
    refused, first, rival = found["rows"]
    assert refused["refusal"]["kind"] == "refused"
    assert refused["found"] is None
    assert (first["speed"], first["standing"]) == (None, None)
    assert rival["speed"]["median"] > 0
    assert rival["standing"] in ("quicker", "slower", "same", "not told apart")
    for row in (first, rival):
        assert row["found"]["latency"]["runs"] >= 3
        assert row["found"]["memory"]["overall_bytes"] >= row["found"]["memory"]["load_bytes"]
        assert row["description"]["gzip_bytes"] > 0
    assert found["pace"]["num_runs"] == 3
    assert "LoadGen" in found["measured_by"]


def test_values_of_an_input_are_read_from_no_pipe_and_no_device_without_end(
    small: Path, tmp_path: Path, call: Call
) -> None:
    os.mkfifo(tmp_path / "pipe")
    name = json.loads(call("inspect", small, "--json").stdout)["inputs"][0]["name"]
    for place, said in ((tmp_path / "pipe", "it is a pipe, not a file"), ("/dev/zero", "it is a device, not a file")):
        done = call("bench", small, *FEW, "--input-file", f"{name}={place}")
        assert done.returncode == 2
        assert said in done.stderr


def test_a_stated_range_is_what_an_input_is_drawn_from(small: Path, call: Call) -> None:
    done = call("bench", small, *FEW, "--input-range", "picture=2,3", "--json")
    assert done.returncode == 0, done.stderr
    (fed,) = json.loads(done.stdout)["rows"][0]["opened"]["inputs"]
    assert fed["fed"].startswith("random from 2 to 3")


def test_a_spreadsheet_gets_a_line_a_row(small: Path, call: Call) -> None:
    done = call("bench", small, *FEW, "--format=csv")
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert (row["model"], row["backend"], row["threads"], row["runs"]) == ("small", "cpu", "1", "3")
    assert float(row["mean_ns"]) > 0
    assert row["speed"] == row["refusal"] == ""


def test_a_stand_in_is_never_taken_for_the_model_of_its_name(call: Call) -> None:
    done = call("bench", "lstm", *FEW)
    assert done.returncode == 0, done.stderr
    assert "stand-in            of our own, since no official file is here" in done.stdout
    assert "state               4 variable tensors: put back before every run" in done.stdout


def test_what_each_op_takes_follows_where_benchmark_models_flag_asks_for_it(
    small: Path, call: Call, tmp_path: Path
) -> None:
    words = [
        "--enable_op_profiling",
        "--op_profiling_output_mode=csv",
        "--op_profiling_output_file",
        tmp_path / "ops.csv",
    ]
    done = call("bench", small, *FEW, *words, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["rows"][0]["found"]["latency"]["runs"] == 3
    (profile,) = found["profiles"]
    assert profile["ops"]
    lines = csv.DictReader(io.StringIO((tmp_path / "ops.csv").read_text(encoding="utf-8")))
    assert len(list(lines)) == len(profile["ops"])


def test_what_the_runtime_refuses_has_its_reason_and_no_table(edgetpu_model: Path, call: Call) -> None:
    done = call("bench", edgetpu_model)
    assert (done.returncode, done.stdout) == (2, "")
    assert "was compiled for an Edge TPU" in done.stderr


def test_a_backend_that_takes_its_process_down_is_said_to(
    small: Path, call: Call, plug_in: Callable[[str, str], dict[str, str]]
) -> None:
    env = plug_in("fatal", "import os\nclass Backend:\n    def __init__(self, model, *, threads): os.abort()\n")
    done = call("bench", small, "--backend", "fatal", env=env)
    assert done.returncode == 3
    assert "killed by SIGABRT" in done.stderr
