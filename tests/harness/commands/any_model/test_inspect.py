"""What `inspect` says of model files, also of corrupt ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from harness.zoo.graph.writer import Graph
from tests.graphs import Files, drawing_in_a_branch, quantised, refused_by_one, reshaped

Call = Callable[..., Any]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7])
def test_a_cut_file_is_refused_by_the_command_without_a_traceback(
    share: float, small: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "cut.tflite"
    whole = small.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    done = cli("inspect", path)
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_inspect_says_the_same_to_people_and_programs(small: Path, cli: Callable[..., Any]) -> None:
    data = json.loads(cli("inspect", small, "--json").stdout)
    assert data["multiply_adds"] == 8 * 6 * 4 * 27 + 8 * 6 * 4 * 25
    assert data["loads"] is True
    assert data["needs"] is None
    text = cli("inspect", small).stdout
    assert "picture: float32 [1, 8, 6, 3]" in text
    assert "CONV_2D v1, DEPTHWISE_CONV_2D v1" in text
    # Less than 0.01 M: as it is.
    assert "work       9,984 multiply-adds an inference\n" in text
    assert data["not_counted"] == []
    assert (data["zero_weights_share"], data["sparse_tensors"]) == (0.0, [])
    assert 0 < data["gzip_bytes"] < data["size_bytes"]
    assert "weights    float32, 0.00% are zero; no tensor is stored sparse\n" in text
    assert "after gzip" in text.splitlines()[0]


def test_what_xnnpack_refuses_does_not_load_and_the_option_without_which_it_runs_is_said(
    call: Call, tmp_path: Path
) -> None:
    done = call("inspect", refused_by_one(tmp_path / "axes.tflite", "XNNPACK"))
    assert done.returncode == 0, done.stderr
    assert "loads      no: the runtime refuses " in done.stdout
    assert "failed to delegate TRANSPOSE" in done.stdout
    assert "The model runs without XNNPACK: use --backend cpu:xnnpack=false" in done.stdout


def test_what_the_kernels_refuse_and_xnnpack_runs_loads(call: Call, tmp_path: Path) -> None:
    path = refused_by_one(tmp_path / "steps.tflite", "the kernels")
    found = json.loads(call("inspect", path, "--json").stdout)
    assert found["loads"] is True
    assert "output->params.scale == 1. / 256" in found["why_not"]
    assert "loads      yes, with XNNPACK alone: the runtime refuses " in call("inspect", path).stdout


def test_a_scale_for_each_channel_is_not_shown_as_the_only_one(tmp_path: Path, cli: Callable[..., Any]) -> None:
    path = reshaped(
        tmp_path / "m.tflite", [1, 4], [1, 4], "UINT8", quantised([1]), quantised([0.1, 0.2, 0.3, 0.4], axis=1)
    )
    assert "t1: uint8 [1, 4], scale 0.1, zero point 0, the first of 4: it does not run" in cli("inspect", path).stdout
    data = json.loads(cli("inspect", path, "--json").stdout)
    assert [data[side][0]["scales"] for side in ("inputs", "outputs")] == [1, 4]


@pytest.mark.parametrize(
    ("seed", "ops", "said"),
    [(0, ["RANDOM_UNIFORM"], "without a seed, so every run refuses it"), (7, [], "put back before")],
)
def test_random_numbers_are_said_to_be_put_back_only_where_they_have_a_seed(
    seed: int, ops: list[str], said: str, call: Call, tmp_path: Path
) -> None:
    path = drawing_in_a_branch(tmp_path / "draws.tflite", seed)
    assert f"random numbers (RANDOM_UNIFORM) from one run to the next: {said}" in call("inspect", path).stdout
    assert json.loads(call("inspect", path, "--json").stdout)["unseeded"] == ops


def test_inspect_names_what_an_edge_tpu_model_needs(zoo: Path, cli: Callable[..., Any]) -> None:
    done = cli("inspect", zoo / "models/coral/mobilenet_v2_1.0_224_quant_edgetpu.tflite", "--json")
    data = json.loads(done.stdout)
    assert data["custom_ops"] == ["edgetpu-custom-op"]
    assert data["loads"] is False
    assert "Edge TPU" in data["needs"]


def test_an_unknown_model_gets_a_near_miss(cli: Callable[..., Any]) -> None:
    done = cli("inspect", "mobilebert_int9")
    assert done.returncode == 2
    assert "did you mean 'mobilebert_int8'" in done.stderr


def test_a_model_of_a_collection_that_is_not_here_says_how_to_get_it(cli: Callable[..., Any]) -> None:
    done = cli("inspect", "selfie_segmentation_landscape_256x256_f32")
    assert done.returncode == 2
    assert "./run.sh fetch ml-test-assets" in done.stderr


@pytest.fixture
def free_size(tmp_path: Path) -> Path:
    """float [1, ?, ?, 3] -> as many pixels of 4, by a convolution: of a file of before sizes were told open."""
    graph = Graph("free size")
    picture, made = graph.input("picture", (1, 1, 1, 3), np.float32), graph.tensor("made", (1, 1, 1, 4), np.float32)
    weights = [graph.constant(name, np.ones(shape, np.float32)) for name, shape in (("w", (4, 3, 3, 3)), ("b", (4,)))]
    options = schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideW=1, strideH=1)
    graph.operator("CONV_2D", [picture, *weights], [made], options)
    graph.output(made)
    with (tmp_path / "free.tflite").open("wb") as file:
        graph.write(file)
    return tmp_path / "free.tflite"


def test_what_keeps_a_model_from_loading_is_said_once(call: Call, tmp_path: Path) -> None:
    graph = Graph("of an accelerator")
    given, made = graph.input("x", (1, 4), np.float32), graph.tensor("y", (1, 4), np.float32)
    graph.operator("NOBODYS_OP", [given], [made])
    graph.output(made)
    with (tmp_path / "accelerated.tflite").open("wb") as file:
        graph.write(file)
    text, data = told(call, tmp_path / "accelerated.tflite")
    assert text.count("no kernel for: NOBODYS_OP") == 1
    assert "NOBODYS_OP" in data["needs"]


def told(call: Call, *words: str | Path) -> tuple[str, dict[str, Any]]:
    """What inspect says to people, and to programs."""
    text, data = call("inspect", *words), call("inspect", *words, "--json")
    assert (text.returncode, data.returncode) == (0, 0), text.stderr
    return text.stdout, json.loads(data.stdout)


def test_figures_of_a_file_that_leaves_sizes_open_are_not_complete_until_they_are_named(
    free_size: Path, call: Call
) -> None:
    text, data = told(call, free_size)
    assert "for input picture [1, 1, 1, 3]: the file leaves sizes open, name them with --input-shape" in text
    assert (data["counts_are_complete"], data["open_inputs"]) == (False, ["picture"])
    assert data["not_counted"] == ["what the sizes that the file leaves open add"]
    for words in (["--input-shape", "picture=1,20,30,3"], ["--set", "model.input_size=[20, 30]"]):
        text, data = told(call, free_size, *words)
        assert "figures    for input picture [1, 20, 30, 3]\n" in text
        assert data["multiply_adds"] == 20 * 30 * 4 * 27
        assert data["counts_are_complete"]
        assert data["input_shapes"] == {"picture": [1, 20, 30, 3]}


def test_figures_for_other_shapes_than_the_files_are_not_complete_where_the_runtime_does_not_load_it(
    call: Call, tmp_path: Path
) -> None:
    files = Files()
    graph = files.graph()
    picture, made, ours = (graph.tensor((1, 1, 1, channels)) for channels in (3, 4, 4))
    weights = [graph.constant(np.ones(shape, np.float32)) for shape in ((4, 3, 3, 3), (4,))]
    graph.op("CONV_2D", [picture, *weights], [made], schema.Conv2DOptionsT(strideW=1, strideH=1))
    # Of no kernel that the runtime has.
    graph.op("CALL", [made], [ours], schema.CallOptionsT(subgraph=1))
    graph.inputs, graph.outputs = [picture], [ours]
    called = files.graph()
    called.inputs = called.outputs = [called.tensor((1, 1, 1, 4))]
    path = files.write(tmp_path / "called.tflite")
    text, data = told(call, path, "--set", "model.input_size=32")
    assert not data["loads"]
    assert data["not_counted"] == [
        "what inputs of other shapes than the file's change, since the runtime does not load it"
    ]
    assert "108 multiply-adds an inference at least, without what inputs of other shapes" in text


def test_inspect_says_of_a_signature_that_is_refused_why_and_quotes_an_empty_name(call: Call, tmp_path: Path) -> None:
    files = Files()
    graph = files.graph()
    graph.inputs, graph.outputs = [graph.tensor((1, 4)), graph.tensor((1, 4))], [graph.tensor((1, 4))]
    graph.op("ADD", graph.inputs, graph.outputs, schema.AddOptionsT())
    named = {"inputs": [schema.TensorMapT(name="left", tensorIndex=0)]}
    answer = [schema.TensorMapT(name="sum", tensorIndex=2)]
    files.more["signatureDefs"] = [schema.SignatureDefT(signatureKey="", outputs=answer, **named)]
    text, data = told(call, files.write(tmp_path / "half.tflite"))
    assert "signature  ''\n" in text
    assert "loads      no: the signature '' of" in text
    assert "does not name all inputs of its graph: it names 'left', and not 't1'" in data["why_not"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--input-shape", "1,8"], "is given without a name, which is for a model with one input"),
        (["--input-shape", "left=0,8"], "a size is 1 or more, not 0"),
        (["--input-shape", "left=-1,8"], "a size is 1 or more, not -1"),
        (["--input-shape", "left=a,8"], "write it as NAME=SIZES"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_for_what_is_wrong_with_it(
    words: list[str], says: str, call: Call, tmp_path: Path
) -> None:
    files = Files()
    graph = files.graph()
    graph.inputs, graph.outputs = [graph.tensor((1, -1)), graph.tensor((1, -1))], [graph.tensor((1, -1))]
    graph.op("ADD", graph.inputs, graph.outputs, schema.AddOptionsT())
    done = call("inspect", files.write(tmp_path / "two.tflite"), *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_an_input_of_one_open_axis_is_asked_for_its_size_and_its_figures_say_it(call: Call, tmp_path: Path) -> None:
    files = Files()
    graph = files.graph()
    graph.inputs, graph.outputs = [graph.tensor((-1,))], [graph.tensor((-1,))]
    graph.op("TANH", graph.inputs, graph.outputs)
    path = files.write(tmp_path / "row.tflite")
    assert "name them with --input-shape t0=N\n" in told(call, path)[0]
    assert "figures    for input t0 [7]\n" in told(call, path, "--input-shape", "7")[0]


def test_inspect_is_of_the_signature_that_would_run(
    small: Path, adds_model: Path, join_models: Callable[..., Path], call: Call, tmp_path: Path
) -> None:
    joined = join_models(tmp_path / "two.tflite", [("auxiliary", adds_model), ("serving_default", small)])
    text, data = told(call, joined)
    assert data["signature"] == "serving_default"
    assert data["signatures"] == ["auxiliary", "serving_default"]
    assert data["multiply_adds"] == 8 * 6 * 4 * 27 + 8 * 6 * 4 * 25
    assert "signature  serving_default" in text
    assert "choose with --signature NAME" in text
    assert {each["name"]: each["count"] for each in data["operators"]} == {
        "ADD": 1,
        "CONV_2D": 1,
        "DEPTHWISE_CONV_2D": 1,
    }
    text, data = told(call, joined, "--signature", "auxiliary")
    assert data["signature"] == "auxiliary"
    assert "CONV_2D" not in text


def test_where_nothing_says_which_signature_runs_all_are_shown_and_how_to_choose(
    small: Path, adds_model: Path, join_models: Callable[..., Path], call: Call, tmp_path: Path
) -> None:
    joined = join_models(tmp_path / "two.tflite", [("encode", adds_model), ("decode", small)])
    text, data = told(call, joined)
    assert [each["signature"] for each in data["by_signature"]] == ["encode", "decode"]
    assert data["by_signature"][1]["multiply_adds"] == 8 * 6 * 4 * 27 + 8 * 6 * 4 * 25
    assert "multiply_adds" not in data
    assert "encode, decode: none is serving_default, so say which runs with --signature NAME" in text
    done = call("inspect", joined, "--signature", "train")
    assert done.returncode == 2
    assert "no signature 'train': it has 'encode', 'decode'" in done.stderr


def test_inspect_says_what_a_model_keeps_and_what_becomes_of_it(recurrent_keyword_model: Path, call: Call) -> None:
    text, data = told(call, recurrent_keyword_model)
    assert (data["state"], data["keeps"]) == ("reset", "1 variable tensor")
    assert "state      1 variable tensor from one run to the next: put back before every query" in text
    text, data = told(call, recurrent_keyword_model, "--state", "keep")
    assert data["state"] == "keep"
    assert "it lives on from query to query" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--state", "kep"], "model.state: unknown state 'kep'; did you mean 'keep'?"),
        (["--input-shape", "nobody=1,8"], "no input 'nobody': it has 'picture'"),
        (["--input-shape", "picture=1,20,30,4"], "does not fit"),
        (["--set", "load.target_qps=3"], "load"),
    ],
)
def test_what_a_model_does_not_have_is_refused(words: list[str], says: str, free_size: Path, call: Call) -> None:
    done = call("inspect", free_size, *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_benchmarks_model_is_inspected_as_its_config_invokes_it(free_size: Path, call: Call, tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(f"inherits: edsr\nmodel: {{use: {free_size}, input_size: [9, 7]}}\n", encoding="utf-8")
    assert told(call, config)[1]["input_shapes"] == {"picture": [1, 9, 7, 3]}
    assert told(call, config, "--set", "model.input_size=[5, 7]")[1]["input_shapes"] == {"picture": [1, 5, 7, 3]}


def test_edsr_costs_what_its_size_says(zoo: Path, call: Call) -> None:
    _, data = told(call, zoo / "models/mlperf_mobile/edsr_f32b5_fp32.tflite")
    assert data["multiply_adds"] == pytest.approx(54_793e6, rel=1e-4)
