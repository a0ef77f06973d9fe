"""What models cost: published figures found again, small ones counted by hand."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.litert.allocated import AllocatedGraph
from backends.litert.file.model_file import (
    Blockwise,
    FileTensor,
    ModelFile,
    Operator,
    OperatorCode,
    Quantisation,
    Subgraph,
)
from backends.litert.file.model_reader import read_model
from harness.model.contents.allocation import allocate
from harness.model.contents.costs import arena_bytes, costs
from harness.model.contents.multiply_adds import operator_multiply_adds
from tests.graphs import Files


def test_a_small_graph_is_counted_as_by_hand(small: Path) -> None:
    model = read_model(small)
    allocated = allocate(small)
    assert allocated.why == ""
    counted = costs(model, allocated.graphs)
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
    counted = costs(read_model(path), allocate(path).graphs)
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
    assert refused.graphs is None
    assert "quantized_dimension" in refused.why


def tensor(shape: tuple[int, ...], **fields: Any) -> FileTensor:
    return replace(FileTensor("t", shape, (), False, "int8", 0, 0, False), **fields)


def constant(shape: tuple[int, ...], buffer: int, dtype: str = "float32", **fields: Any) -> FileTensor:
    return tensor(shape, buffer=buffer, dtype=dtype, stored_bytes=4 * math.prod(shape), **fields)


def model(*subgraphs: Subgraph) -> ModelFile:
    return ModelFile(Path("made.tflite"), 0, 3, "", (), subgraphs, (), ())


LSTM: list[tuple[int, ...]] = [*[(20, 9)] * 4, *[(20, 20)] * 4, *[()] * 3, *[(20,)] * 4, (), ()]
STATES: list[tuple[int, ...]] = [(4, 20), (4, 20)]
"""As the op has them, without what it may leave out: peepholes and a projection."""


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
        ("CONV_3D_TRANSPOSE", [(5,), (3, 3, 3, 5, 2), (1, 4, 4, 4, 2)], (1, 8, 8, 8, 5), 4**3 * 2 * 27 * 5),
        ("RNN", [(1, 10), (16, 10), (16, 16), (16,), (1, 16)], (1, 16), 16 * 26),
        ("UNIDIRECTIONAL_SEQUENCE_RNN", [(1, 7, 10), (16, 10), (16, 16), (16,), (1, 16)], (1, 7, 16), 7 * 16 * 26),
        (
            "BIDIRECTIONAL_SEQUENCE_RNN",
            [(1, 7, 10), (16, 10), (16, 16), (16,), (1, 16), (8, 10), (8, 8), (8,), (1, 8)],
            (1, 7, 16),
            7 * (16 * 26 + 8 * 18),
        ),
        # As well with another input beside the first, of 6 features, which has weights for either direction.
        (
            "BIDIRECTIONAL_SEQUENCE_RNN",
            [
                *[(1, 7, 10), (16, 10), (16, 16), (16,), (1, 16), (8, 10), (8, 8), (8,), (1, 8)],
                *[(1, 7, 6), (16, 6), (8, 6)],
            ],
            (1, 7, 16),
            7 * (16 * 32 + 8 * 24),
        ),
        # 4 sequences at once: their states, [4, 20], are no weights.
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", [(4, 28, 9), *LSTM, *STATES], (4, 28, 20), 4 * 28 * 4 * 20 * 29),
        ("LSTM", [(4, 9), *LSTM, *STATES], (4, 20), 4 * 4 * 20 * 29),
        ("LSTM", [(4, 9), (4, 20), (80, 29), (80,), (4, 20)], (4, 20), 4 * 4 * 20 * 29),
        ("LSTM", [(1, 9), *[(1, 9)] * 4, *[(1, 1)] * 4], (1, 1), 4 * 10),
        ("BIDIRECTIONAL_SEQUENCE_LSTM", [(4, 5, 9), *LSTM, *LSTM, *STATES, *STATES], (4, 5, 20), 4 * 5 * 8 * 20 * 29),
        ("ADD", [(4, 4), (4, 4)], (4, 4), 0),
        # What is not known, or not what such an operator has: a filter of one dimension, a scalar, no shape at all.
        ("FULLY_CONNECTED", [(2, 10), ()], (), None),
        ("CONV_2D", [(1, 8, 8, 1), (4,), (1,)], (1, 8, 8, 1), None),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 1), (4, 4), (1,)], (1, 8, 8, 1), None),
        ("TRANSPOSE_CONV", [(4,), (8, 2, 2, 3), ()], (1, 10, 10, 8), None),
    ],
)
def test_multiply_adds_of_single_operators(
    name: str, inputs: list[tuple[int, ...]], output: tuple[int, ...], expected: int | None
) -> None:
    operator = Operator(code(name), tuple(range(len(inputs))), (len(inputs),))
    assert operator_multiply_adds(operator, [*inputs, output]) == expected


def counted_to(limit: int | None, products: int = 1) -> ModelFile:
    """A main graph whose WHILE multiplies by a [64, 64] matrix until a counter, from 0 in steps of 1, meets the limit."""
    bound = tensor((), buffer=2 if limit is not None else 0, dtype="int32", stored_bytes=4, value=limit)
    zero, one = (tensor((), buffer=3, dtype="int32", stored_bytes=4, value=value) for value in (0, 1))
    row, weights = tensor((1, 64), dtype="float32"), constant((64, 64), 1)
    counter = tensor((), dtype="int32")
    loop = Operator(code("WHILE"), (0, 1), (2, 3), (1, 2))
    main = Subgraph("main", (zero, row, counter, row), (loop,), (1,), (3,))
    less = Operator(code("LESS"), (0, 2), (3,))
    condition = Subgraph("cond", (counter, row, bound, tensor((), dtype="bool")), (less,), (0, 1), (3,))
    steps = [Operator(code("ADD"), (0, 2), (3,)), *[Operator(code("FULLY_CONNECTED"), (1, 4, -1), (5,))] * products]
    body = Subgraph("body", (counter, row, one, counter, weights, row), tuple(steps), (0, 1), (3, 5))
    return model(main, condition, body)


def test_the_body_of_a_loop_counts_as_often_as_it_runs() -> None:
    assert costs(counted_to(10)).multiply_adds == 10 * 64 * 64
    assert costs(counted_to(0)).multiply_adds == 0
    assert costs(counted_to(10)).complete
    assert costs(counted_to(10)).parameters == 64 * 64


def test_a_loop_whose_turns_depend_on_the_input_counts_once_and_says_so() -> None:
    counted = costs(counted_to(None))
    assert counted.multiply_adds == 64 * 64
    assert "the turns of a WHILE" in counted.uncounted[0]


def test_a_loop_that_never_ends_ends_the_count() -> None:
    endless = counted_to(10)
    main, condition, body = endless.subgraphs
    stands_still = replace(body, outputs=(0, 5))
    assert not costs(model(main, condition, stands_still)).complete


def test_a_graph_that_calls_itself_does_not_end_in_a_traceback() -> None:
    itself = Operator(code("IF"), (0,), (0,), (0, 0))
    assert costs(model(Subgraph("", (tensor((1,)),), (itself,), (0,), (0,)))).multiply_adds == 0


def test_graphs_that_are_not_run_do_not_count_and_the_longer_branch_of_an_if_does() -> None:
    row, weights, more = tensor((1, 8), dtype="float32"), constant((8, 8), 1), constant((8, 8), 2)
    once = Operator(code("FULLY_CONNECTED"), (0, 1, -1), (3,))
    short = Subgraph("short", (row, weights, more, row), (once,), (0,), (3,))
    twice = Subgraph("twice", (row, weights, more, row), (once, replace(once, inputs=(0, 2, -1))), (0,), (3,))
    other = Subgraph("another signature's", (row, weights, more, row), (once,) * 5, (0,), (3,))
    either = Operator(code("IF"), (0, 1), (2,), (1, 2))
    main = Subgraph("main", (tensor((), dtype="bool"), row, row), (either,), (0, 1), (2,))
    whole = model(main, short, twice, other)
    assert costs(whole).multiply_adds == 2 * 64
    assert costs(whole).parameters == 2 * 64
    assert costs(whole, main=3).multiply_adds == 5 * 64
    assert costs(whole, main=3).parameters == 64


def test_weights_that_are_prepared_once_are_parameters_and_no_work() -> None:
    row, weights = tensor((1, 8), dtype="float32"), constant((8, 8), 1)
    prepare = Subgraph("init", (row, weights, row), (Operator(code("FULLY_CONNECTED"), (0, 1, -1), (2,)),), (), ())
    main = Subgraph("main", (row,), (Operator(code("CALL_ONCE"), (), (), (1,)),), (0,), (0,))
    assert costs(model(main, prepare))[:2] == (64, 0)


def test_shared_weights_are_parameters_once_and_blockwise_ones_are_parameters() -> None:
    row = tensor((1, 32), dtype="float32")
    shared = Quantisation((), (), 0, Blockwise(5, -1, 32))
    weights = constant((32, 32), 1, "int4", quantisation=shared)
    layers = (Operator(code("FULLY_CONNECTED"), (0, 1, 3), (2,)), Operator(code("FULLY_CONNECTED"), (2, 1, 3), (0,)))
    bias = constant((32,), 2, "int32")
    graph = Subgraph("", (row, weights, row, bias), layers, (0,), (0,))
    assert costs(model(graph)).parameters == 32 * 32 + 32


def test_shapes_and_axes_are_no_parameters() -> None:
    reshape = Operator(code("RESHAPE"), (0, 1), (2,))
    graph = Subgraph("", (tensor((4,)), constant((2,), 1, "int32"), tensor((2, 2))), (reshape,), (0,), (2,))
    assert costs(model(graph)).parameters == 0


def test_custom_ops_are_named_where_they_may_multiply() -> None:
    custom = OperatorCode(schema.BuiltinOperator.CUSTOM, "DISPATCH_OP", 1)
    known = OperatorCode(schema.BuiltinOperator.CUSTOM, "TFLite_Detection_PostProcess", 1)
    graph = Subgraph("", (tensor((1,)),), (Operator(custom, (0,), (0,)), Operator(known, (0,), (0,))), (0,), (0,))
    assert costs(model(graph)).uncounted == ("the custom op DISPATCH_OP",)


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


def test_what_depends_on_sizes_that_nobody_knows_is_not_in_the_counts() -> None:
    tensors = (
        tensor((1, 1), dtype="float32", shape_signature=(-1, -1)),
        constant((8, 4), 1),
        tensor((1, 8), dtype="float32", shape_signature=(-1, -1)),
    )
    graph = Subgraph("main", tensors, (Operator(code("FULLY_CONNECTED"), (0, 1, -1), (2,)),), (0,), (2,))
    assert not costs(model(graph)).complete
    assert costs(model(graph), [AllocatedGraph({0: (1, 4), 1: (8, 4), 2: (1, 8)})]).complete
    # A batch alone is one.
    alone = replace(
        graph,
        tensors=(
            replace(tensors[0], shape_signature=(-1, 4)),
            tensors[1],
            replace(tensors[2], shape_signature=(-1, 8)),
        ),
    )
    assert costs(model(alone)).complete


def test_a_branch_that_two_ops_run_with_other_shapes_counts_where_its_shapes_are_known_and_the_rest_is_said(
    tmp_path: Path,
) -> None:
    files = Files()
    main, product, same = files.graph(), files.graph(), files.graph()
    decides, few, many = main.tensor((1,), "BOOL"), main.tensor((2, 16)), main.tensor((50, 16))
    main.inputs, main.outputs = [decides, few, many], [main.tensor((2, 16)), main.tensor((50, 16))]
    options = schema.IfOptionsT(thenSubgraphIndex=1, elseSubgraphIndex=2)
    for rows, made in zip((few, many), main.outputs, strict=True):
        main.op("IF", [decides, rows], [made], options)
    product.inputs, product.outputs = [product.tensor((2, 16))], [product.tensor((2, 16))]
    weights = product.constant(np.ones((16, 16), np.float32))
    product.op("FULLY_CONNECTED", [*product.inputs, weights, -1], product.outputs, schema.FullyConnectedOptionsT())
    same.inputs, same.outputs = [same.tensor((2, 16))], [same.tensor((2, 16))]
    same.op("TANH", same.inputs, same.outputs)
    path = files.write(tmp_path / "twice.tflite")
    counted = costs(read_model(path), allocate(path).graphs)
    # The runtime has its tensors as the second needs them; 2 rows more would be 512 more.
    assert counted.multiply_adds == 50 * 16 * 16
    assert counted.uncounted == ("an IF whose graph another op runs with inputs of other shapes",)


def test_a_bound_that_runs_over_its_type_is_not_followed(tmp_path: Path) -> None:
    files = Files()
    main, condition, body = files.graph(), files.graph(), files.graph()
    # 300 is 44 in 8 bits, so that the loop turns 44 times.
    condition.inputs = [condition.tensor((), "INT32"), condition.tensor((1, 8))]
    narrow, wide = condition.tensor((), "INT8"), condition.tensor((), "INT32")
    condition.op("CAST", [condition.constant(np.int32(300))], [narrow], schema.CastOptionsT())
    condition.op("CAST", [narrow], [wide], schema.CastOptionsT())
    condition.outputs = [condition.tensor((), "BOOL")]
    condition.op("LESS", [condition.inputs[0], wide], condition.outputs, schema.LessOptionsT())
    body.inputs, body.outputs = [body.tensor((), "INT32"), body.tensor((1, 8))], []
    more, product = body.tensor((), "INT32"), body.tensor((1, 8))
    body.op("ADD", [body.inputs[0], body.constant(np.int32(1))], [more], schema.AddOptionsT())
    weights = body.constant(np.ones((8, 8), np.float32))
    body.op("FULLY_CONNECTED", [body.inputs[1], weights, -1], [product], schema.FullyConnectedOptionsT())
    body.outputs = [more, product]
    main.inputs, count = [main.tensor((1, 8))], main.tensor((), "INT32")
    main.outputs = [main.tensor((1, 8))]
    options = schema.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=2)
    main.op("WHILE", [main.constant(np.int32(0)), *main.inputs], [count, *main.outputs], options)
    counted = costs(read_model(files.write(tmp_path / "over.tflite")))
    assert counted.multiply_adds == 64
    assert "the turns of a WHILE" in counted.uncounted[0]
