"""What the command line says of names, options and configs it cannot use: one message, the exit status, no result."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

Cli = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]
Read = Callable[[Path], dict[str, Any]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--task", "kwz"], "unknown task 'kwz'; did you mean 'kws'?"),
        (["--task", "zzzzzz"], "unknown task 'zzzzzz'; known: "),
        (["--task", "nowhere/kws.yaml"], "no config file at nowhere/kws.yaml"),
        (["--task", "kws", "--scenario", "Offlin"], "unknown scenario 'Offlin'; did you mean 'Offline'?"),
        (["--task", "kws", "--scenario", "offline"], "unknown scenario 'offline'; did you mean 'Offline'?"),
        (["--task", "kws", "--mode", "accurracy"], "unknown mode 'accurracy'; did you mean 'accuracy'?"),
        (["--task", "kws", "--preset", "quik"], "unknown preset 'quik'; did you mean 'quick'?"),
        (["--task", "kws", "--round", "v9.9"], "unknown round 'v9.9'"),
        (["--task", "kws", "--rules", "mobile-v6"], "unknown rule set 'mobile-v6'; did you mean 'mobile-v6.0'?"),
        (["--task", "kws", "--round", "v6.1"], "v6.1 is no round of the mobile suite: use --rules inference-v6.1"),
        (["--task", "ssd_mobilenet_v2", "--round", "v6.0"], "round v6.0 has no SSD-MobileNetV2 on COCO; it is in v0.7"),
        (["--task", "kws", "--backend", "cpuu"], "unknown backend 'cpuu'; did you mean 'cpu'?"),
        (["--task", "kws", "--scenarios", "Offline"], "unknown option --scenarios; did you mean --scenario?"),
        (["--task", "kws", "Offline"], "unexpected word 'Offline'"),
        (["--task", "kws", "--scen", "Offline"], "unknown option --scen; did you mean --scenario?"),
        (["--scenario", "Offline"], "--task"),
        (["--task", "kws", "--out"], "--out"),
        (["rnu", "--task", "kws"], "unknown verb 'rnu'; did you mean 'run'?"),
        (["--task", "kws", "--set", "load.target_qps"], "write it as FIELD=VALUE"),
        (["--task", "kws", "--set", "=3"], "write it as FIELD=VALUE"),
        (["--task", "kws", "--set", "load.targt_qps=3"], "unknown field 'targt_qps'; did you mean 'target_qps'?"),
        (["--task", "kws", "--set", "load.target_qps=fast"], "load.target_qps: must be a number, not 'fast'"),
        (
            ["--task", "kws", "--set", "load.target_qps=-1"],
            "load.target_qps: must be at least 0.001",
        ),
        (
            ["--task", "kws", "--set", "load.target_qps=.inf"],
            "load.target_qps: must be a finite number, not inf",
        ),
        (["--task", "kws", "--set", "a..b=1"], "a mistake in the options given: a: unknown field 'a'"),
        (["--task", "kws", "--set", "model.scale=-1"], "scale is -1.0, but must be more than 0"),
        (["--task", "kws", "--set", "load.target_qps=[1"], "load.target_qps: '[1' is no value"),
        (["--task", "kws", "--set", "load=3"], "load: "),
        (["--task", "kws", "--set", "title.x=3"], "title is the value"),
        (["--task", "kws", "--set", "model.scales=3"], "unknown option of the keyword_spotting task 'scales'"),
        (["--task", "kws", "--repeat", "0"], "--repeat must be a whole number of at least 1, not '0'"),
        (["--task", "kws", "--repeat", "two"], "--repeat must be a whole number of at least 1, not 'two'"),
        (["--task", "kws", "--count", "0"], "dataset.count: must be at least 1, not 0"),
        (["--task", "kws", "--count", "many"], "dataset.count: must be a whole number, not 'many'"),
        (["--task", "kws", "--require-full", "2"], "backend.require_full: must be at most 1, not 2"),
        (
            ["--task", "kws", "--cooldown", "5{x"],
            "load.cooldown_s: must be a span of time such as 90, 90s, 45m or 2h, not '5{x'",
        ),
        (["--task", "kws", "--set", "load.query_times=some"], "load.query_times: must be true or false, not 'some'"),
        (["--task", "kws", "--threads", "0"], "backend.threads must be 1 to 1024 or auto, not 0"),
        (["--task", "kws", "--threads", "9999999999"], "backend.threads must be 1 to 1024 or auto, not 9999999999"),
        (["--task", "kws", "--threads", "all"], "backend.threads: must be a whole number or 'auto', not 'all'"),
        (["--task", "kws", "--instances", "-1"], "backend.instances must be 1 to 1024 or auto, not -1"),
        (["--task", "kws", "--batch", "8"], "backend.batch is 8, but SingleStream asks one sample at a time"),
        (["--task", "kws", "--mode", "find-peak"], "find-peak"),
        (["--task", "kws", "--truth", "/nowhere.csv"], "no ground truth at /nowhere.csv"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(
    words: list[str],
    says: str,
    call: Cli,
    keyword_model: Path,
    keyword_data: Path,
    tmp_path: Path,
    complaint: Complaint,
) -> None:
    rest = ["--model", keyword_model, "--dataset", keyword_data] if "--task" in words and "kws" in words else []
    done = call(*words, *rest, cwd=tmp_path)
    assert done.returncode == 2
    assert says in complaint(done)
    assert "literal[" not in complaint(done)
    assert list(tmp_path.iterdir()) == []


def test_all_mistakes_of_a_config_are_reported_together(call: Cli, tmp_path: Path, complaint: Complaint) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(
        "title: Mine\ntask: keyword_spotting\nload:\n  scenario: SinglStream\n  min_query_cout: 3\n"
        "backend:\n  threads: lots\n",
        encoding="utf-8",
    )
    done = call("--task", config, "--out", tmp_path / "run")
    assert done.returncode == 2
    message = complaint(done)
    assert message.startswith(f"3 mistakes in {config}:")
    for part in (
        "load.scenario: unknown scenario 'SinglStream'; did you mean 'SingleStream'?",
        "load.min_query_cout: unknown field 'min_query_cout'; did you mean 'min_query_count'?",
        "backend.threads: must be a whole number or 'auto', not 'lots'",
    ):
        assert f"\n  {part}" in message
    assert not (tmp_path / "run").exists()


def test_mistakes_that_only_show_later_are_reported_together_too(
    call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(
        "title: Mine\ntask: keyword_spoting\nmodel:\n  use: /nowhere.tflite\ndataset:\n  use: /nowhere\n"
        "backend:\n  name: gppu\n  threads: 0\n",
        encoding="utf-8",
    )
    done = call("--task", config, "--out", tmp_path / "run")
    assert done.returncode == 2
    message = complaint(done)
    assert message.startswith("5 mistakes:")
    for part in (
        "unknown task kind 'keyword_spoting'; did you mean 'keyword_spotting'?",
        "unknown backend 'gppu'",
        "backend.threads must be 1 to 1024 or auto, not 0",
        "no model file at /nowhere.tflite",
        "no data set at /nowhere",
    ):
        assert part in message


def test_unknown_options_of_the_task_are_reported_with_mistakes_of_the_schema(
    call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    three = ("load.foo=1", "model.bar=2", "backend.threads=abc")
    done = call("--task", "kws", *(word for text in three for word in ("--set", text)), "--out", tmp_path / "run")
    assert done.returncode == 2
    message = complaint(done)
    assert message.startswith("3 mistakes in the options given:")
    for part in (
        "load.foo: unknown field 'foo'",
        "model.bar: unknown option of the keyword_spotting task 'bar'",
        "backend.threads: must be a whole number or 'auto', not 'abc'",
    ):
        assert f"\n  {part}" in message
    alone = complaint(call("--task", "kws", "--set", "model.bar=2", "--set", "model.log_dtype=7"))
    assert "model.bar: unknown option of the keyword_spotting task 'bar'" in alone
    assert "model.log_dtype: " in alone


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "title: [", "a: b: c", "\0"])
def test_a_config_that_is_no_config_is_refused(text: str, call: Cli, tmp_path: Path, complaint: Complaint) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(text, encoding="utf-8")
    done = call("--task", config)
    assert done.returncode == 2
    assert str(config) in complaint(done)


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_more_queries_than_there_is_memory_for_are_refused_before_loadgen_makes_them(
    scenario: str, call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    words = ["--scenario", scenario, "--set", "load.min_query_count=1000000000000", "--out", tmp_path / "run"]
    done = call(*keywords, *words)
    assert done.returncode == 2
    what = "samples" if scenario == "Offline" else "queries"
    assert f"LoadGen would generate 1,000,000,000,000 {what} beforehand" in complaint(done)


def test_a_plug_in_that_cannot_be_loaded_is_the_users_to_fix(
    call: Cli,
    keywords: list[str],
    plug_in: Callable[[str, str], dict[str, str]],
    tmp_path: Path,
    complaint: Complaint,
) -> None:
    env = plug_in("broken", "import no_such_driver\n")
    done = call(*keywords, "--backend", "broken", "--out", tmp_path / "run", env=env)
    assert done.returncode == 2
    message = complaint(done)
    assert "backend 'broken'" in message
    assert "plug_in_broken:Backend" in message
    assert "No module named 'no_such_driver'" in message


def test_an_option_that_the_backend_does_not_have_is_named(
    call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    done = call(*keywords, "--set", "backend.options={xnpack: false}", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "unknown option of the cpu backend 'xnpack'; did you mean 'xnnpack'?" in complaint(done)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare", "A", "B", "--budget", "1m"], "--budget is of what is measured now: it needs --live"),
        (["compare", "A", "B", "--signature", "x"], "--signature is of what is measured now"),
        (["compare", "A", "B", "--state", "keep"], "--state is of what is measured now"),
        (["compare", "A", "B", "--input-shape", "a=1"], "--input-shape is of what is measured now"),
        (["compare", "A", "B", "--set", "model.input_size=3"], "--set is of what is measured now"),
        (["sustained", "--of", "A", "--task", "kws"], "--task changes nothing beside --of"),
        (["sustained", "--of", "A", "--require", "p90<=5ms"], "--require changes nothing beside --of"),
        (["sustained", "--of", "A", "--format", "csv"], "--format changes nothing beside --of"),
        (["sustained", "--of", "A", "--out", "B"], "--out changes nothing beside --of"),
        (["score", "A", "--truth", "t.txt"], "--truth changes nothing beside a run's directory"),
        (["score", "A", "--rules", "mobile-v5.0"], "--rules changes nothing beside a run's directory"),
        (["score", "A", "--count", "3"], "--count changes nothing beside a run's directory"),
        (["score", "A", "--set", "dataset.count=3"], "--set changes nothing beside a run's directory"),
        (["score", "--metric", "top1", "--predictions", "p", "--truth", "t", "--count", "3"], "beside --metric"),
        (["score", "--log", "l", "--task", "kws", "--predictions", "p"], "--predictions changes nothing beside --log"),
        (
            ["score", "--log", "l", "--task", "kws", "--out", "o"],
            "--out changes nothing beside --log without --convert-to",
        ),
        (
            ["score", "--log", "l", "--task", "kws", "--convert-to", "mobile", "--out", "o", "--require", "top1>=0.5"],
            "--require changes nothing beside --convert-to",
        ),
        (["bench", "m.tflite", "--input_layer", "x"], "--input_layer x needs --input_layer_shape"),
    ],
)
def test_an_option_that_the_chosen_way_of_a_verb_would_forget_is_refused(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err
