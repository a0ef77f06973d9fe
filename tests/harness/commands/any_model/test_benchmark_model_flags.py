"""benchmark_model's flags: what each means here, and what is refused. Nothing is measured."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from harness.cli import Parser
from harness.commands.any_model import bench
from harness.errors import ConfigError


def parsed(*words: str | Path) -> argparse.Namespace:
    parser = Parser(prog="bench")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    bench.add_arguments(parser)
    return parser.parse_strictly([str(word) for word in words])


def asked(*words: str | Path) -> list[tuple[str, str, int, Any]]:
    """(model, backend, threads, the backend's options) of everything that would be measured."""
    found = bench.asked_of(parsed(*words))
    return [
        (each.subject.name, each.subject.section.name, each.subject.threads, each.subject.section.options)
        for each in found
    ]


def test_a_value_stands_behind_an_equals_sign_or_a_space(small: Path) -> None:
    words = ["--num_runs", "7", "--min_secs=0.5", "--max_secs", "3", "--warmup_runs=2", "--run_delay", "0.01"]
    settings = bench.settings_of(parsed(small, *words))
    assert (settings.num_runs, settings.min_secs, settings.max_secs) == (7, 0.5, 3.0)
    assert (settings.warmup_runs, settings.run_delay, settings.run_frequency) == (2, 0.01, None)
    assert bench.settings_of(parsed(small)).pace()["num_runs"] == 50
    # benchmark_model's own way to say nothing.
    assert bench.settings_of(parsed(small, "--run_delay=-1", "--run_frequency=-1")).run_delay is None


def test_models_are_named_by_graph_by_themselves_or_behind_a_truth_value(small: Path) -> None:
    assert asked("--graph", small) == [("small", "cpu", 1, {})]
    assert [each[0] for each in asked(small, f"--graph={small}")] == ["small", "small"]
    # Options may stand between models.
    assert [each[0] for each in asked(small, "--num_runs=5", small, "--threads=1")] == ["small", "small"]
    assert asked("--use_xnnpack", small) == [("small", "cpu", 1, {})]
    # What is told always, and what is not asked for.
    assert asked(small, "--report_peak_memory_footprint=true", "--use_hexagon=false") == [("small", "cpu", 1, {})]
    with pytest.raises(ConfigError, match="--use_gpu is true or false, not 'perhaps'"):
        asked("--use_gpu=perhaps", small)
    with pytest.raises(ConfigError, match="name a model"):
        asked("--num_runs=5")


@pytest.mark.parametrize(
    ("words", "backend", "options"),
    [
        (["--use_xnnpack=false"], "cpu", {"xnnpack": False}),
        (["--use_xnnpack=true"], "cpu", {}),
        (["--xnnpack_force_fp16"], "cpu", {"force_fp16": True}),
        (["--use_gpu"], "gpu", {}),
        (["--use_gpu=false"], "cpu", {}),
        (["--use_gpu", "true", "--gpu_precision_loss_allowed"], "gpu", {"precision": "fp16"}),
        (["--use_nnapi=1", "--nnapi_accelerator_name=npu"], "nnapi", {"accelerator_name": "npu"}),
        (
            ["--external_delegate_path=/nowhere/mine.so", "--external_delegate_options=a:1;b:c:d"],
            "external",
            {"library": "/nowhere/mine.so", "delegate_options": {"a": "1", "b": "c:d"}},
        ),
    ],
)
def test_a_delegates_flag_is_the_backend_of_that_name(
    words: list[str], backend: str, options: dict[str, Any], small: Path
) -> None:
    assert asked(small, *words) == [("small", backend, 1, options)]


def test_threads_shapes_and_full_delegation_are_our_own_options_by_other_names(small: Path) -> None:
    (found,) = bench.asked_of(
        parsed(
            small, "--num_threads=2", "--require_full_delegation", "--input_layer=a,b", "--input_layer_shape=1,2:1,3,4"
        )
    )
    assert found.subject.threads == 2
    assert found.subject.section.require_full == 1.0
    assert found.subject.invocation["input_shapes"] == {"a": [1, 2], "b": [1, 3, 4]}
    assert asked(small, "--num_threads", "-1")[0][2] == 1
    assert [each[1:3] for each in asked(small, "--backend=cpu", "--backend", "null", "--threads=2")] == [
        ("cpu", 2),
        ("null", 2),
    ]


def test_ranges_and_files_of_inputs_are_taken_under_both_names(small: Path) -> None:
    words = ["--input_layer_value_range=a,0,9:b,-1,1", "--input_layer_value_files=x:one.raw,y::0:two::2.raw"]
    settings = bench.settings_of(
        parsed(small, *words, "--input-range", "c=0,0.5", "--input-file=z=three.npy", "--seed=3")
    )
    assert settings.ranges == {"a": (0.0, 9.0), "b": (-1.0, 1.0), "c": (0.0, 0.5)}
    assert {name: path.name for name, path in settings.files.items()} == {
        "x": "one.raw",
        "y:0": "two:2.raw",
        "z": "three.npy",
    }
    assert all(path.is_absolute() for path in settings.files.values())
    assert settings.seed == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--num_runs=0"], "--num_runs is a whole number of at least 1, not 0"),
        (["--num_runs=1.5"], "--num_runs is a whole number"),
        (["--min_secs=soon"], "'soon' is no number"),
        (["--min_secs=-3"], "--min_secs is 0 or more, not -3"),
        (["--max_secs=0"], "leaves no time for a run"),
        (["--run_delay=-2"], "--run_delay is 0 or more, not -2"),
        (["--threads=0"], "--threads must be a whole number"),
        (["--threads=2", "--num_threads=3"], "--threads 2 and --num_threads 3 contradict each other"),
        (["--use_gpu", "--use_nnapi"], "--use_gpu and --use_nnapi contradict each other"),
        (["--use_gpu", "--use_xnnpack=false"], "contradict each other"),
        (["--use_gpu", "--backend=cpu"], "use one of the two"),
        (["--gpu_precision_loss_allowed"], "says something of --use_gpu, which is not given"),
        (["--external_delegate_options=a:1"], "--external_delegate_path, which is not given"),
        (["--external_delegate_path=a.so", "--external_delegate_options=a"], "'a' is no key:value"),
        (["--input_layer_shape=1,2"], "needs --input_layer"),
        (["--input_layer=a,b", "--input_layer_shape=1,2"], "names 2 inputs, --input_layer_shape has 1 shapes"),
        (["--input_layer=a,a", "--input_layer_shape=1:2"], "names a twice"),
        (["--input_layer_value_range=a,1"], "write it as NAME,LOW,HIGH"),
        (["--input_layer_value_range=a,0,1:a,0,2"], "'a' twice"),
        (["--input_layer_value_files=a"], "'a' is no NAME:FILE"),
        (["--input_layer_value_files=a:x,a:y"], "names the input a twice"),
        (["--input-file", "a=x", "--input-file", "a=y"], "the input a is given two files"),
        (["--input-range=a=1"], "write it as NAME=LOWEST,HIGHEST"),
        (["--seed=-1"], "--seed is a whole number"),
        (["--op_profiling_output_mode=proto"], "is stdout or csv, not 'proto'"),
        (["--op_profiling_output_mode=csv"], "need --enable_op_profiling"),
        (["--enable_op_profiling", "--op_profiling_output_mode=csv"], "go together"),
        (["--enable_op_profiling", "--op_profiling_output_file=ops.csv"], "go together"),
        (["--use_hexagon"], "benchmark_model's --use_hexagon: name its library: --backend external:"),
        (["--list_signatures=true"], "./run.sh inspect MODEL lists them"),
        (["--format=xml"], "unknown format 'xml'; known: "),
        (["--advice=soon"], "--advice takes a span of time above 0, as --advice 20s or 1m, not 'soon'"),
        (["--set=load.target_qps=3"], "load"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_before_anything_runs(words: list[str], said: str, small: Path) -> None:
    arguments = parsed(small, *words)
    with pytest.raises(ConfigError) as caught:
        _both(arguments)
    assert said in str(caught.value)


def _both(arguments: argparse.Namespace) -> None:
    bench.plan_of(arguments)


@pytest.mark.parametrize(
    ("word", "near"),
    [("--num_run=5", "--num_runs"), ("--use_xnpack=true", "--use_xnnpack"), ("--thread=2", "--threads")],
)
def test_an_unknown_flag_is_answered_with_the_nearest(
    word: str, near: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(small, word)
    assert f"did you mean {near}?" in capsys.readouterr().err
