"""The command `diff`, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Call = Callable[..., CompletedProcess[str]]


def test_diff_speaks_as_the_tool_does_and_takes_its_words(call: Call, keyword_model: Path, tmp_path: Path) -> None:
    words = ("--num_runs=3", "--num_interpreter_threads=2", "--delegate=xnnpack", "--output_file_path=out.pb")
    done = call("diff", f"--model_file={keyword_model}", *words, "--reference", "builtin")
    assert done.returncode == 0, done.stderr
    assert "Num evaluation runs: 3\nReference run latency: avg=" in done.stdout
    assert "OutputDiff[0]: avg_error=" in done.stdout
    assert "cpu (Interpreter, 2 threads" in done.stdout
    assert (tmp_path / "out.pb").read_bytes()[:2] == b"\x08\x03"  # num_runs = 3
    assert done.stderr == ""


def test_a_delegate_that_crashes_ends_its_own_process_alone(
    call: Call, adds_model: Path, delegate_library: Path
) -> None:
    done = call("diff", adds_model, "--backend", f"external:{delegate_library},crash=invoke", "--json")
    assert done.returncode == 3
    assert "the process that ran the model was killed by SIGSEGV" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["M", "--num_runs", "0"], "--num_runs must be a whole number of at least 1, not '0'"),
        (["M", "--num_interpreter_threads", "x"], "--num_interpreter_threads must be a whole number from 1 to 1,024"),
        (["M", "--reference", "bulitin"], "did you mean 'builtin'?"),
        (["M", "--delegate", "hexagon"], "name its library: --backend external:"),
        (["M", "--delegate", "gpuu"], "did you mean 'gpu'?"),
        (["M", "--delegate", "gpu", "--backend", "cpu"], "name the backend once"),
        (["M", "--delegate", "gpu", "--use_nnapi"], "name the backend once"),
        (["M", "--use_gpu=maybe"], "--use_gpu is true or false, not 'maybe'"),
        (["M", "--graph", "M"], "the model and --graph are both given"),
        ([], "which model?"),
        (["absent.tflite"], "no model file at absent.tflite"),
        (["mobilebert_float3"], "did you mean 'mobilebert_float32'"),
        (["M", "--backend", "cpu:xnpack=false"], "did you mean 'xnnpack'?"),
        (["M", "--signature", "encode"], "has no signature 'encode'"),
        (["M", "--set", "backend.thread=2"], "did you mean 'threads'?"),
        (["M", "--bisect", "--reference-model", "M"], "it cannot be had with --reference-model"),
        (["M", "--tolerance", "2steps"], "--tolerance is for --bisect"),
        (["M", "--bisect", "--tolerance", "2"], "write 2steps for quantised tensors"),
        (["M", "--input_layer_value_range", "x,1"], "write it as NAME,LOW,HIGH"),
        (["M", "--output_file_path", "no/folder/out.pb"], "no such folder"),
    ],
)
def test_a_mistake_is_said_with_what_to_do(words: list[str], said: str, call: Call, keyword_model: Path) -> None:
    done = call("diff", *(str(keyword_model) if word == "M" else word for word in words))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_outputs_without_numbers_exit_1_and_json_holds_none(call: Call, logarithms: Path) -> None:
    done = call("diff", logarithms, "--num_runs", "1", "--json")
    assert done.returncode == 1
    (output,) = json.loads(done.stdout)["outputs"]
    assert output["avg_error"] is None
    assert output["nan_test"] > 0
    assert "the difference could not be measured: output logarithms" in done.stderr
