"""The verb `tune`, with the real runtime and a real, small model."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]

FEW = ["--set", "backend.options.engine=Interpreter", "--budget", "600"]
"""Few candidates, and time enough for them on any machine."""


@pytest.fixture
def tune(keyword_model: Path, keyword_data: Path) -> list[str]:
    """The words of a search, --budget and --out apart."""
    return ["tune", "--task", "kws", "--model", str(keyword_model), "--dataset", str(keyword_data)]


def test_the_best_is_written_as_a_config_that_run_takes(
    call: Cli, tune: list[str], short: list[str], tmp_path: Path, read_result: Read
) -> None:
    file = tmp_path / "best" / "kws.yaml"
    done = call(*tune, *FEW, "--out", file, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = {row["name"]: row for row in found["rows"]}
    assert next(iter(rows)) == "default"
    measured = [row for row in found["rows"] if row["ratio"]]
    assert measured
    for row in measured:
        assert row["latency_ns"] > 0
        assert row["samples_per_second"] > 0
        assert row["peak_rss_bytes"] > 10_000_000
    assert set(found["front"]) <= set(rows)
    assert found["file"] == str(file)
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert config["inherits"] == "kws"
    assert config["load"] == {"scenario": "SingleStream"}
    assert config["backend"]["threads"] == found["fields"]["backend.threads"]
    run = call("--task", file, *short[2:], "--out", tmp_path / "run")
    assert run.returncode == 0, run.stderr
    result = read_result(tmp_path / "run")
    assert result["scenario"] == "SingleStream"
    assert result["backend"]["threads"] == found["fields"]["backend.threads"]
    assert result["backend"]["instances"] == found["fields"]["backend.instances"]
    assert result["backend"]["engine"] == found["fields"]["backend.options"]["engine"]
    assert result["model"]["name"] == "keywords"


def test_the_table_names_every_candidate_and_how_sure_the_best_is_of_which_a_pool_is_one(
    call: Cli, tune: list[str], short: list[str], tmp_path: Path, read_result: Read
) -> None:
    file = tmp_path / "best.yaml"
    done = call(*tune, *FEW, "--scenario", "Offline", "--out", file)
    assert done.returncode == 0, done.stderr
    for text in ("default", "memory MB", "95 % interval", "engine=Interpreter, no XNNPACK", "best"):
        assert text in done.stdout
    assert "CompiledModel" not in done.stdout
    assert done.stdout.endswith(f"./run.sh --task {file}\n")
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert config["load"] == {"scenario": "Offline"}
    run = call("--task", file, *short[2:], "--out", tmp_path / "run")
    assert run.returncode == 0, run.stderr
    result = read_result(tmp_path / "run")
    assert result["scenario"] == "Offline"
    assert result["backend"]["threads"] == config["backend"]["threads"]
    assert result["backend"]["instances"] == config["backend"]["instances"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "kwz"], "did you mean 'kws'"),
        (["--budget", "0"], "--budget is more than 0 and at most a day, as --budget 2m, not '0'"),
        (["--budget", "soon"], "not 'soon'"),
        (["--budget", "-3"], "not '-3'"),
        (["--budget", "nan"], "not 'nan'"),
        (["--budget", "1e9"], "--budget must be a span of time such as 90, 90s, 45m or 2h, not '1e9'"),
        (["--budget", "0.001"], "not tried were "),
        (["--backend", "edgetpu"], "edgetpu"),
        (["--backend", "fpga"], "unknown backend 'fpga'"),
        (["--scenario", "Sometimes"], "Sometimes"),
        (["--set", "backend.theads=2"], "backend.theads"),
        (["--model", "/nowhere.tflite"], "no model file at /nowhere.tflite"),
    ],
)
def test_what_cannot_be_tuned_is_refused_and_nothing_is_written(
    words: list[str], said: str, call: Cli, tune: list[str], tmp_path: Path, complaint: Any
) -> None:
    done = call(*tune, *words, "--out", tmp_path / "best.yaml", "--json")
    assert done.returncode == 2
    assert said in complaint(done)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_before_the_search(
    call: Cli, tune: list[str], complaint: Any
) -> None:
    done = call(*tune, "--out", "/proc/nowhere/best.yaml")
    assert done.returncode == 2
    assert complaint(done).startswith("cannot write /proc/nowhere/best.yaml: ")
    assert "opening" not in done.stderr


def test_a_file_that_is_there_is_never_written_over(call: Cli, tune: list[str], tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("title: mine\n", encoding="ascii")
    done = call(*tune, "--out", file)
    assert done.returncode == 2
    assert "never writes over a file" in done.stderr
    assert file.read_text(encoding="ascii") == "title: mine\n"


def test_a_backend_that_takes_its_process_down_is_said_to(
    call: Cli, tune: list[str], plug_in: Callable[[str, str], dict[str, str]], tmp_path: Path
) -> None:
    env = plug_in("fatal", "import os\nclass Backend:\n    def __init__(self, model, *, threads): os.abort()\n")
    done = call(*tune, "--backend", "fatal", "--out", tmp_path / "best.yaml", env=env)
    assert done.returncode == 3
    assert "killed by SIGABRT" in done.stderr
    assert not (tmp_path / "best.yaml").exists()


def test_an_interrupted_search_leaves_no_file_no_folder_and_no_process(
    start: Callable[..., Any], tune: list[str], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = start(*tune, "--out", tmp_path / "best.yaml", env={"TMPDIR": str(folder)})
    eventually(lambda: len(list(folder.glob("tflite-loadgen-tune.*/spec.yaml"))) >= 2, "two candidates are open")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "stopped by SIGINT" in said
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "best.yaml").exists()
    # One that was only just being started sees that its parent has gone, and goes too.
    eventually(lambda: not [text for text in _directories() if str(folder) in text], "no candidate is left")


def _directories() -> list[str]:
    """The current directories of all processes that can be asked."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found.append(str(place.readlink()))
        except OSError:
            continue
    return found


def test_a_config_inherits_all_that_it_does_not_say_itself(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    (tmp_path / "base.yaml").write_text("inherits: kws\nbackend: {threads: 2, options: {engine: Interpreter}}\n")
    (tmp_path / "mine.yaml").write_text("inherits: ./base.yaml\nbackend: {options: {xnnpack: false}}\n")
    words = [tmp_path / "mine.yaml" if word == "kws" else word for word in keywords]
    words = [word for place, word in enumerate(words) if "--threads" not in (word, words[place - 1])]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert result["title"].startswith("Keyword spotting")
    assert (result["backend"]["threads"], result["backend"]["delegate"]) == (2, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inherits: mine.yaml\n", "inherits from this file in turn"),
        ("inherits: nope\n", "unknown task 'nope'"),
        ("inherits: ./nope.yaml\n", "no config file at"),
        ("inherits: [kws]\n", "must be a benchmark's name or a path"),
    ],
)
def test_a_config_that_inherits_from_nothing_is_refused(
    text: str, said: str, call: Cli, tmp_path: Path, complaint: Any
) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="ascii")
    done = call("--task", tmp_path / "mine.yaml")
    assert done.returncode == 2
    assert said in complaint(done)
