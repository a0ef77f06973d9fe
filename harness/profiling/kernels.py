"""Which ops of a model XNNPACK's operators may be. It names them by its own kernels, and has some that no op asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_DEPTHWISE = "DWConv"
_WORK = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_MAY_BE: Mapping[bool, frozenset[str]] = {True: frozenset({"DEPTHWISE_CONV_2D"}), False: _WORK}
"""What a kernel may run, by whether it is a depthwise one."""
_OPS: Mapping[str, frozenset[str]] = {
    name: frozenset(ops.split())
    for name, ops in {
        "Abs": "ABS",
        "Add": "ADD",
        "ArgMax Pooling": "MaxPoolingWithArgmax2D",
        "Average Pooling": "AVERAGE_POOL_2D MEAN",
        "Bankers Rounding": "ROUND",
        "Batch Matrix Multiply": "BATCH_MATMUL",
        "Ceiling": "CEIL",
        "Clamp": "RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1",
        "Constant Pad": "PAD PADV2",
        "Convolution": "CONV_2D FULLY_CONNECTED",
        "Convert": "QUANTIZE DEQUANTIZE",
        "Cosine": "COS",
        "Deconvolution": "TRANSPOSE_CONV Convolution2DTransposeBias",
        "Depth To Space": "DEPTH_TO_SPACE",
        "Divide": "DIV",
        "Dynamic Fully Connected": "BATCH_MATMUL FULLY_CONNECTED",
        "ELU": "ELU",
        "Exp": "EXP",
        "Floor": "FLOOR",
        "Fully Connected": "CONV_2D FULLY_CONNECTED",
        "GELU": "GELU",
        "Gelu": "GELU",
        "Global Average Pooling": "AVERAGE_POOL_2D MEAN",
        "HardSwish": "HARD_SWISH",
        "Leaky ReLU": "LEAKY_RELU",
        "LeakyReLU": "LEAKY_RELU",
        "Log": "LOG",
        "Max Pooling": "MAX_POOL_2D",
        "Maximum": "MAXIMUM",
        "Mean": "MEAN AVERAGE_POOL_2D",
        "Minimum": "MINIMUM",
        "Multiply": "MUL",
        "Negate": "NEG",
        "PReLU": "PRELU",
        "Reciprocal Square Root": "RSQRT",
        "Resize Bilinear": "RESIZE_BILINEAR",
        "Sigmoid": "LOGISTIC",
        "Sine": "SIN",
        "Slice": "SLICE STRIDED_SLICE",
        "Softmax": "SOFTMAX",
        "Space To Depth": "SPACE_TO_DEPTH",
        "Square": "SQUARE",
        "Square Root": "SQRT",
        "Squared Difference": "SQUARED_DIFFERENCE",
        "Subtract": "SUB",
        "Sum": "SUM",
        "TanH": "TANH",
        "Tanh": "TANH",
        "Transpose": "TRANSPOSE",
        "Unpooling": "MaxUnpooling2D",
    }.items()
}


def base_name(operator: str) -> str:
    """`Convolution` of `Convolution (NHWC, QC8) IGEMM`."""
    return operator.partition(" (")[0]


def ops_of(operator: str) -> frozenset[str]:
    """The names of the ops that an operator of XNNPACK may stand for; none where nothing is known of it.

    Args:
        operator: Its whole name.
    """
    if operator.endswith(_DEPTHWISE):
        return frozenset({"DEPTHWISE_CONV_2D"})
    return _OPS.get(base_name(operator), frozenset())


def matched(operators: Sequence[str], ops: Sequence[str]) -> list[int | None]:
    """For each operator of XNNPACK the op that it runs, by its place; None where that cannot be told.

    Both run in the same order, but XNNPACK has copies and reshapes that are no op's, and fuses others away. So operators are
    matched kind by kind, and only where there are as many of a kind as there are ops of it.

    Args:
        operators: Names, in the order in which they run.
        ops: Names of the ops that XNNPACK took, in their order.
    """
    found: list[int | None] = [None] * len(operators)
    kinds = dict.fromkeys(map(ops_of, operators))
    for kind in _joined([each for each in kinds if each]):
        ours = [place for place, name in enumerate(operators) if ops_of(name) and ops_of(name) <= kind]
        theirs = [place for place, name in enumerate(ops) if name in kind]
        if len(ours) == len(theirs):
            for place, other in zip(ours, theirs, strict=True):
                found[place] = other
    return (
        found if None not in (found[place] for place in _convolutions(operators)) else _by_work(operators, ops, found)
    )


def _by_work(operators: Sequence[str], ops: Sequence[str], found: list[int | None]) -> list[int | None]:
    """All convolutions and products as one kind: of a single channel, a depthwise convolution is any other to XNNPACK."""
    ours = _convolutions(operators)
    theirs = [place for place, name in enumerate(ops) if name in _WORK]
    if len(ours) != len(theirs) or any(
        ops[other] not in _MAY_BE[operators[place].endswith(_DEPTHWISE)]
        for place, other in zip(ours, theirs, strict=True)
    ):
        return found
    pairs = dict(zip(ours, theirs, strict=True))
    return [pairs.get(place, other) for place, other in enumerate(found)]


def _convolutions(operators: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(operators) if ops_of(name) & _WORK]


def _joined(kinds: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Kinds that share an op are one: an average may be a pooling or a mean."""
    found: list[frozenset[str]] = []
    for kind in kinds:
        shared = [each for each in found if each & kind]
        found = [each for each in found if not each & kind] + [kind.union(*shared)]
    return found
