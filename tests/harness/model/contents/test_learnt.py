"""Which constants count as learnt: models made here, whose parameters are counted by hand, and real ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.litert.file.model_reader import read_model
from harness.model.contents.learnt import parameters
from tests.graphs import Files, OneGraph

ONES, ZEROS = np.ones((1, 16), np.float32), np.zeros((1, 16), np.float32)
WEIGHTS = np.ones((16, 16), np.float32)


def of(make: Callable[[Files, OneGraph], None], path: Path) -> int:
    files = Files()
    make(files, files.graph())
    return parameters(read_model(files.write(path)), range(len(files.graphs)))


@pytest.mark.parametrize(("state", "learnt"), [(ZEROS, 0), (ONES, 16)])
def test_a_state_to_begin_with_is_learnt_only_where_it_is_not_zero(
    state: np.ndarray, learnt: int, tmp_path: Path
) -> None:
    def cell(_: Files, graph: OneGraph) -> None:
        # One step of a cell written out, as PyTorch's exporter does: the state is multiplied by weights and by a gate.
        hidden, weights, gate = graph.constant(state), graph.constant(WEIGHTS), graph.tensor((1, 16))
        product, kept = graph.tensor((1, 16)), graph.tensor((1, 16))
        graph.op("FULLY_CONNECTED", [hidden, weights, -1], [product], schema.FullyConnectedOptionsT())
        graph.op("MUL", [gate, hidden], [kept], schema.MulOptionsT())
        graph.inputs, graph.outputs = [gate], [product, kept]

    assert of(cell, tmp_path / "cell.tflite") == 16 * 16 + learnt


def test_what_a_loop_hands_on_is_learnt_and_the_zeros_that_it_begins_with_are_not(tmp_path: Path) -> None:
    def loop(files: Files, graph: OneGraph) -> None:
        body, condition = files.graph(), files.graph()
        state, weights, bias = graph.constant(ZEROS), graph.constant(WEIGHTS), graph.constant(np.zeros(16, np.float32))
        outs = [graph.tensor((1, 16)), graph.tensor((16, 16)), graph.tensor((16,))]
        options = schema.WhileOptionsT(condSubgraphIndex=2, bodySubgraphIndex=1)
        graph.op("WHILE", [state, weights, bias], outs, options)
        graph.outputs = outs[:1]
        body.inputs = [body.tensor((1, 16)), body.tensor((16, 16)), body.tensor((16,))]
        made = body.tensor((1, 16))
        body.op("FULLY_CONNECTED", body.inputs, [made], schema.FullyConnectedOptionsT())
        body.outputs = [made, *body.inputs[1:]]
        condition.inputs = [condition.tensor((1, 16)), condition.tensor((16, 16)), condition.tensor((16,))]
        condition.outputs = [condition.constant(np.zeros(1, np.bool_))]

    # The bias is zero too, and learnt.
    assert of(loop, tmp_path / "loop.tflite") == 16 * 16 + 16


def test_bounds_and_factors_of_a_single_number_are_not_learnt(tmp_path: Path) -> None:
    def bounded(_: Files, graph: OneGraph) -> None:
        picture, more, less, slope = (graph.tensor((1, 4, 4, 1)) for _ in range(4))
        graph.op("ADD", [picture, graph.constant(np.float32(1e-3))], [more], schema.AddOptionsT())
        graph.op("MINIMUM", [more, graph.constant(np.full(1, 6, np.float32))], [less], schema.MaximumMinimumOptionsT())
        graph.op("PRELU", [less, graph.constant(np.full((1, 1, 1), 0.25, np.float32))], [slope])
        graph.inputs, graph.outputs = [picture], [slope]

    assert of(bounded, tmp_path / "bounded.tflite") == 1


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # Without the 1,917 x 4 numbers of its anchors.
        ("ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite", 4_055_112 + 8_919 + 33_480 + 3_720),
        # Without the 255 that its MINIMUM ends at.
        ("mlperf_mobile/edsr_f32b5_fp32.tflite", 105_696 + 396),
    ],
)
def test_anchors_and_bounds_of_real_models_are_no_parameters(model: str, expected: int, zoo: Path) -> None:
    assert parameters(read_model(zoo / "models" / model), (0,)) == expected


def test_a_keras_lstm_has_the_parameters_that_keras_counts_but_for_the_bias_that_its_exporter_drops(zoo: Path) -> None:
    path = zoo.parent / "wild/keras_lstm_kws.tflite"
    if not path.exists():
        pytest.skip("no odd models beside the real ones")
    # 4 gates of 16 from 10 features and 16 states with a bias, and 12 classes of 16; Keras's own count has 12 more.
    assert parameters(read_model(path), range(3)) == 4 * 16 * (10 + 16 + 1) + 12 * 16


WEIGHTS_OF: dict[str, tuple[int, ...]] = {
    "ADD": (1,),
    "CONV_2D": (1, 2),
    "Convolution2DTransposeBias": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "DEQUANTIZE": (0,),
    "FULLY_CONNECTED": (1, 2),
    "MUL": (1,),
    "PRELU": (1,),
    "SVDF": (1, 2, 3),
    "TRANSPOSE_CONV": (1, 3),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": tuple(range(1, 18)),
}
"""Where the weights of each kind of op stand in the real models."""


def test_the_parameters_of_all_real_models_are_those_of_a_count_by_op_and_place(zoo: Path) -> None:
    for path in sorted((zoo / "models").rglob("*.tflite")):
        model = read_model(path)
        counted = {
            model.main.tensors[index].buffer: math.prod(model.main.tensors[index].shape)
            for operator in model.main.operators
            for place, index in enumerate(operator.inputs)
            if index >= 0 and model.main.tensors[index].constant and place in WEIGHTS_OF.get(operator.name, ())
        }
        assert parameters(model, (0,)) == sum(counted.values()), path
