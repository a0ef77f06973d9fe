"""What inspect says of model files: real ones, small ones counted by hand, and corrupt ones."""

import contextlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import ModelRejected
from backends.litert.model_file import check_model_file
from harness.model.costs import arena_bytes, costs, load, operator_multiply_adds
from harness.model.file import GraphInfo, NotAModel, OperatorInfo, TensorInfo, read_model
from harness.zoo.graph.writer import Graph


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 8, 6, 3] -> CONV_2D 4 of 3x3 -> DEPTHWISE_CONV_2D 5x5 -> ADD to itself."""
    graph = Graph("small")
    picture = graph.input("picture", (1, 8, 6, 3), np.float32)
    kernel = graph.constant("kernel", np.ones((4, 3, 3, 3), np.float32))
    bias = graph.constant("bias", np.zeros(4, np.float32))
    first = graph.tensor("first", (1, 8, 6, 4), np.float32)
    options = schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideW=1, strideH=1)
    graph.operator("CONV_2D", [picture, kernel, bias], [first], options)
    depth = graph.constant("depth", np.ones((1, 5, 5, 4), np.float32))
    second = graph.tensor("second", (1, 8, 6, 4), np.float32)
    depthwise = schema.DepthwiseConv2DOptionsT(
        padding=schema.Padding.SAME, strideW=1, strideH=1, depthMultiplier=1, dilationWFactor=1, dilationHFactor=1
    )
    graph.operator("DEPTHWISE_CONV_2D", [first, depth, bias], [second], depthwise)
    third = graph.tensor("third", (1, 8, 6, 4), np.float32)
    graph.operator("ADD", [second, second], [third], schema.AddOptionsT())
    graph.output(third)
    path = tmp_path_factory.mktemp("small") / "small.tflite"
    with path.open("wb") as file:
        graph.write(file)
    return path


def test_a_small_graph_is_counted_as_by_hand(small: Path) -> None:
    model = read_model(small)
    loaded = load(small)
    assert loaded.why == ""
    counted = costs(model, loaded.shapes)
    assert counted.multiply_adds == 8 * 6 * 4 * 3 * 3 * 3 + 8 * 6 * 4 * 5 * 5
    assert counted.parameters == 4 * 3 * 3 * 3 + 4 + 5 * 5 * 4  # the shared bias once
    assert counted.complete
    # Input 576 bytes, always alive; two of the three [1, 8, 6, 4] of 768 bytes at a time.
    assert counted.arena_bytes == 576 + 2 * 768


def test_tensors_and_operators_are_read_as_written(small: Path) -> None:
    model = read_model(small)
    assert [(tensor.name, tensor.shape, tensor.dtype) for tensor in model.inputs] == [
        ("picture", (1, 8, 6, 3), "float32")
    ]
    assert [tensor.name for tensor in model.outputs] == ["third"]
    names = [(operator.name, operator.version, operator.custom) for operator in model.graphs[0].operators]
    assert names == [("CONV_2D", 1, False), ("DEPTHWISE_CONV_2D", 1, False), ("ADD", 1, False)]


@pytest.mark.parametrize(
    ("model", "multiply_adds", "parameters"),
    [
        # Sandler et al. 2018, table 4: 300 M multiply-adds, 3.4 M parameters; 1001 classes add 1,281.
        ("coral/mobilenet_v2_1.0_224_quant.tflite", 300e6, 3.48e6),
        # Howard et al. 2017 and the published table of MobileNet v1 models: 14 M, 0.47 M for 0.25 at 128.
        ("coral/mobilenet_v1_0.25_128_quant.tflite", 13.6e6, 0.47e6),
        # MobileNetEdgeTPU's own table: 990 M multiply-adds, 4.07 M parameters.
        ("mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite", 990e6, 4.07e6),
    ],
)
def test_published_costs_are_found_again(zoo: Path, model: str, multiply_adds: float, parameters: float) -> None:
    path = zoo / "models" / model
    counted = costs(read_model(path), load(path).shapes)
    assert counted.multiply_adds == pytest.approx(multiply_adds, rel=0.01)
    assert counted.parameters == pytest.approx(parameters, rel=0.01)


def test_a_file_that_leaves_shapes_out_says_that_its_counts_are_too_low(zoo: Path) -> None:
    model = read_model(zoo / "models/mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite")
    without = costs(model)
    assert not without.complete
    assert without.multiply_adds < 0.9 * 990e6


def test_every_model_of_the_zoo_can_be_read_and_its_refusal_told(zoo: Path) -> None:
    for path in sorted((zoo / "models").rglob("*.tflite")):
        model = read_model(path)
        assert model.inputs, path
        assert model.graphs[0].operators, path
    refused = load(zoo / "models/tflite_micro/person_detect.tflite")
    assert refused.shapes is None
    assert "quantized_dimension" in refused.why


def tensor(shape: tuple[int, ...], *, constant: bool = False) -> TensorInfo:
    return TensorInfo("t", shape, "int8", None, None, 0, constant, False, math.prod(shape) if constant else 0)


@pytest.mark.parametrize(
    ("name", "inputs", "output", "expected"),
    [
        ("FULLY_CONNECTED", [(2, 10), (7, 10), (7,)], (2, 7), 2 * 10 * 7),
        ("BATCH_MATMUL", [(3, 4, 5), (3, 5, 6)], (3, 4, 6), 3 * 4 * 5 * 6),
        ("BATCH_MATMUL", [(3, 5, 4), (3, 5, 6)], (3, 4, 6), 3 * 4 * 5 * 6),
        ("TRANSPOSE_CONV", [(4,), (8, 2, 2, 3), (1, 5, 5, 3)], (1, 10, 10, 8), 5 * 5 * 3 * 2 * 2 * 8),
        ("CONV_3D", [(1, 4, 4, 4, 2), (3, 3, 3, 2, 5)], (1, 4, 4, 4, 5), 4 * 4 * 4 * 5 * 27 * 2),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", [(1, 28, 9), *[(20, 9)] * 4, *[(20, 20)] * 4], (1, 28, 20), 28 * 4 * 20 * 29),
        ("ADD", [(4, 4), (4, 4)], (4, 4), 0),
        ("FULLY_CONNECTED", [(2, 10), ()], (), 0),
    ],
)
def test_multiply_adds_of_single_operators(
    name: str, inputs: list[tuple[int, ...]], output: tuple[int, ...], expected: int
) -> None:
    operator = OperatorInfo(name, 1, False, tuple(range(len(inputs))), (len(inputs),))
    assert operator_multiply_adds(operator, [*inputs, output]) == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=12))
def test_the_arena_is_never_smaller_than_what_lives_at_once_nor_larger_than_all(
    spans: list[tuple[int, int, int]],
) -> None:
    # Tensor i is made at one step and last read at another; operators in between touch nothing.
    steps = 13
    made: list[list[int]] = [[] for _ in range(steps)]
    read: list[list[int]] = [[] for _ in range(steps)]
    for index, (_, one, other) in enumerate(spans):
        made[min(one, other)].append(index)
        read[max(one, other)].append(index)
    operators = tuple(
        OperatorInfo("ADD", 1, False, tuple(ins), tuple(outs)) for ins, outs in zip(read, made, strict=True)
    )
    graph = GraphInfo(tuple(tensor((size,)) for size, _, _ in spans), operators, (), ())
    sizes = [-(-size // 64) * 64 for size, _, _ in spans]
    alive = [
        sum(
            size
            for size, (_, one, other) in zip(sizes, spans, strict=True)
            if min(one, other) <= step <= max(one, other)
        )
        for step in range(steps)
    ]
    assert max(alive) <= arena_bytes(graph, [(size,) for size, _, _ in spans]) <= sum(sizes)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_corrupt_model_is_refused_or_read_but_nothing_else(
    data: st.DataObject, small: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = bytearray(small.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(8, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    path = tmp_path_factory.mktemp("corrupt") / "model.tflite"
    path.write_bytes(whole[:cut] if data.draw(st.booleans()) else whole)
    with contextlib.suppress(NotAModel):
        costs(read_model(path))


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
    assert f"work       {data['multiply_adds'] / 1e6:.2f} M multiply-adds an inference" in text


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


def test_a_file_that_is_no_model_is_refused_in_the_words_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "y_labels.csv"
    path.write_bytes(b"abcd0000, 12, 3\n")
    with pytest.raises(ModelRejected) as of_run:
        check_model_file(path)
    with pytest.raises(NotAModel) as of_inspect:
        read_model(path)
    words = f"{path} is not a TFLite model: bytes 4 to 8 are b'0000', not b'TFL3'"
    assert str(of_run.value).startswith(words)
    assert str(of_inspect.value).startswith(words)
