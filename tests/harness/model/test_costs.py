"""What models cost: published figures found again, small ones counted by hand."""

from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.litert.model_file import Operator, OperatorCode, Subgraph, Tensor
from backends.litert.model_reader import read_model
from harness.model.allocation import allocate
from harness.model.costs import arena_bytes, costs, operator_multiply_adds


def test_a_small_graph_is_counted_as_by_hand(small: Path) -> None:
    model = read_model(small)
    allocated = allocate(small)
    assert allocated.why == ""
    counted = costs(model, allocated.shapes)
    assert counted.multiply_adds == 8 * 6 * 4 * 3 * 3 * 3 + 8 * 6 * 4 * 5 * 5
    assert counted.parameters == 4 * 3 * 3 * 3 + 4 + 5 * 5 * 4  # the shared bias once
    assert counted.complete
    # Input 576 bytes, always alive; two of the three [1, 8, 6, 4] of 768 bytes at a time.
    assert counted.arena_bytes == 576 + 2 * 768


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
    counted = costs(read_model(path), allocate(path).shapes)
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
        assert model.main.inputs, path
        assert model.main.operators, path
    refused = allocate(zoo / "models/tflite_micro/person_detect.tflite")
    assert refused.shapes is None
    assert "quantized_dimension" in refused.why


def tensor(shape: tuple[int, ...]) -> Tensor:
    return Tensor("t", shape, (), False, "int8", 0, 0, False)


def code(name: str) -> OperatorCode:
    return OperatorCode(getattr(schema.BuiltinOperator, name), "", 1)


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
    operator = Operator(code(name), tuple(range(len(inputs))), (len(inputs),))
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
    operators = tuple(Operator(code("ADD"), tuple(ins), tuple(outs)) for ins, outs in zip(read, made, strict=True))
    graph = Subgraph("", tuple(tensor((size,)) for size, _, _ in spans), operators, (), ())
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
