"""Tables of ops, as benchmark_model's releases print them."""

from __future__ import annotations

from harness.devices.tool_ops import read_ops

BEFORE = (
    "Profiling Info for Benchmark Initialization:\n"
    "\t    [node type]\t    [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]\n"
    "\t    AllocateTensors\t    0.000\t    0.147\t    0.147\t100.000%\t100.000%\t     0.000\t    1\tAllocateTensors/0\n"
    "\nOperator-wise Profiling Info for Regular Benchmark Runs:\n"
)
OLD = BEFORE + (
    "============================== Run Order ==============================\n"
    "\t    [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]\n"
    "\t       DEPTHWISE_CONV_2D\t    4.270\t    2.150\t    2.250\t 25.000%\t 25.000%\t     0.000\t    0\t[depthwise/Relu6]\n"
    "\t    CONV_2D\t    6.421\t    6.107\t    6.750\t 75.000%\t100.000%\t     0.000\t    0\t[Conv2d_1/Relu6]\n"
    "\n============================== Top by Computation Time ==============================\n"
    "\t    [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]\n"
    "\t    CONV_2D\t    6.421\t    6.107\t    6.750\t 75.000%\t 75.000%\t     0.000\t    0\t[Conv2d_1/Relu6]\n"
    "\t       DEPTHWISE_CONV_2D\t    4.270\t    2.150\t    2.250\t 25.000%\t100.000%\t     0.000\t    0\t[depthwise/Relu6]\n"
    "\nNumber of nodes executed: 2\n"
    "============================== Summary by node type ==============================\n"
    "\t    [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]\n"
    "\t    CONV_2D\t    1\t     6.750\t    75.000%\t    75.000%\t     0.000\t    1\n"
)
SEVERAL = BEFORE + (
    "Primary graph profile:\n"
    "\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]\n"
    "\tWHILE\t1.0\t1.0\t100.000%\t100.000%\t0.000\t1\t[w]:0\n"
    "\nSubgraph 1 profile:\n"
    "\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]\n"
    "\tADD\t0.5\t0.5\t100.000%\t100.000%\t0.000\t4\t[a]:0\n"
)


def test_the_ops_of_a_run_are_read_once_in_order_without_what_the_start_took() -> None:
    found = read_ops(OLD)
    assert [(op.order, op.type, op.name, op.first_ns, op.avg_ns, op.share) for op in found] == [
        (0, "DEPTHWISE_CONV_2D", "[depthwise/Relu6]", 2_150_000, 2_250_000, 0.25),
        (1, "CONV_2D", "[Conv2d_1/Relu6]", 6_107_000, 6_750_000, 0.75),
    ]


def test_each_graph_has_its_own_ops() -> None:
    assert [(op.graph, op.order, op.type) for op in read_ops(SEVERAL)] == [
        ("Primary graph", 0, "WHILE"),
        ("Subgraph 1", 0, "ADD"),
    ]


def test_a_tool_without_profiling_tells_of_none() -> None:
    assert read_ops(BEFORE.partition("\nOperator-wise")[0]) == ()
    assert read_ops(BEFORE) == ()
