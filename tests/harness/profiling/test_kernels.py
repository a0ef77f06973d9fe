"""Which op of a model an operator of XNNPACK runs."""

from __future__ import annotations

from harness.profiling.kernels import matched, ops_of

CONVOLUTION, POINTWISE = "Convolution (NHWC, QC8) IGEMM", "Fully Connected (NC, QS8, QC8W) GEMM"
DEPTHWISE, RESHAPE = "Convolution (NHWC, QC8) DWConv", "Static Reshape (NC)"


def test_a_depthwise_convolution_is_told_from_others() -> None:
    assert ops_of(DEPTHWISE) == {"DEPTHWISE_CONV_2D"}
    assert "CONV_2D" in ops_of(CONVOLUTION)
    assert ops_of(RESHAPE) == set()


def test_operators_are_matched_kind_by_kind_in_order_past_those_that_no_op_asked_for() -> None:
    operators = [CONVOLUTION, DEPTHWISE, RESHAPE, POINTWISE, "Add (ND)", RESHAPE, POINTWISE]
    ops = ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "RESHAPE", "FULLY_CONNECTED"]
    assert matched(operators, ops) == [0, 1, None, 2, 3, None, 5]


def test_a_kind_of_another_number_is_left_unmatched_and_the_others_are_not() -> None:
    assert matched([POINTWISE, DEPTHWISE], ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]) == [None, 1]


def test_kinds_that_may_be_one_op_are_counted_together() -> None:
    operators = ["Mean (ND) Reduce2", "Average Pooling (NHWC, F32) Average Pooling"]
    assert matched(operators, ["AVERAGE_POOL_2D", "MEAN"]) == [0, 1]


def test_a_depthwise_convolution_of_one_channel_is_matched_though_xnnpack_runs_it_as_another() -> None:
    operators = [CONVOLUTION, DEPTHWISE, POINTWISE, "Add (ND)"]
    assert matched(operators, ["DEPTHWISE_CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD"]) == [0, 1, 2, 3]
    # A depthwise kernel runs no other convolution.
    assert matched([DEPTHWISE, DEPTHWISE], ["DEPTHWISE_CONV_2D", "CONV_2D"]) == [None, None]
