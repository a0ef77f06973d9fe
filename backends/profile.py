"""How an interpreter's time divides between an accelerator and the CPU, node by node.

The runtime's Python interface has no profiler. A delegate that claims no op is shown every node of the graph, through the C
interface that delegates are written against (LRT tflite/core/c/common.h); here it puts a clock around each node's kernel.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from backends.base import TimeShare

_DYNAMIC = 1
"""kTfLiteDelegateFlagsAllowDynamicTensors: the graph may be planned already."""
_BUDGET_NS, _MAX_RUNS = 500_000_000, 200
_Pointer = ctypes.c_void_p


class _IntArray(ctypes.Structure):
    _fields_ = (("size", ctypes.c_int), ("data", ctypes.c_int * 0))


class _Registration(ctypes.Structure):
    """The first four fields, which every version of the interface has had."""

    _fields_ = (("init", _Pointer), ("free", _Pointer), ("prepare", _Pointer), ("invoke", _Pointer))


class _Context(ctypes.Structure):
    _fields_ = (
        ("tensors_size", ctypes.c_size_t),
        ("get_execution_plan", _Pointer),
        ("tensors", _Pointer),
        ("impl", _Pointer),
        ("resize_tensor", _Pointer),
        ("report_error", _Pointer),
        ("add_tensors", _Pointer),
        ("get_node_and_registration", _Pointer),
    )


_Plan = ctypes.POINTER(_IntArray)
_GetPlan = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Context), ctypes.POINTER(_Plan))
_GetNode = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(_Context),
    ctypes.c_int,
    ctypes.POINTER(_Pointer),
    ctypes.POINTER(ctypes.POINTER(_Registration)),
)
_Prepare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Context), _Pointer)
_Invoke = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, _Pointer)


class _Delegate(ctypes.Structure):
    _fields_ = (
        ("data", _Pointer),
        ("prepare", _Prepare),
        ("copy_from", _Pointer),
        ("copy_to", _Pointer),
        ("free_buffer", _Pointer),
        ("flags", ctypes.c_int64),
        ("opaque_builder", _Pointer),
    )


def cpu_time_share(interpreter: Any, accelerator_nodes: Collection[int], invoke: Callable[[], object]) -> TimeShare:
    """Runs the model for about half a second with a clock around each node. Clocks are taken away again.

    Args:
        interpreter: `ai_edge_litert.interpreter.Interpreter`, allocated.
        accelerator_nodes: Nodes of its plan that stand for the accelerator's partitions; all others are the CPU's.
        invoke: Runs the model once.
    """
    spent: dict[int, int] = {}
    try:
        with _clocks(interpreter, spent):
            invoke()  # the first run after a change of the graph is no measure
            spent.update(dict.fromkeys(spent, 0))
            end = time.perf_counter_ns() + _BUDGET_NS
            for _ in range(_MAX_RUNS):
                invoke()
                if time.perf_counter_ns() > end:
                    break
    except (RuntimeError, ValueError) as error:
        return TimeShare(None, f"the runtime lets nobody look at its nodes: {error}")
    silent = [node for node, time_ns in spent.items() if not time_ns]
    if silent or not accelerator_nodes or not set(accelerator_nodes) <= spent.keys():
        return TimeShare(None, "the runtime does not call the accelerator's nodes by the interface that is measured")
    total = sum(spent.values())
    return TimeShare(sum(time_ns for node, time_ns in spent.items() if node not in accelerator_nodes) / total)


@contextmanager
def _clocks(interpreter: Any, spent: dict[int, int]) -> Iterator[None]:
    """Adds up in `spent`, in ns, what each node of the plan takes, while the body runs."""
    kernels: list[tuple[Any, int]] = []
    kept: list[Any] = []
    failures: list[Exception] = []

    def prepare(context: Any, _: Any) -> int:
        try:
            for node, registration in _nodes(context):
                kernels.append((registration, registration.invoke))
                spent[node] = 0
                kept.append(_clocked(node, _Invoke(registration.invoke), spent))
                registration.invoke = ctypes.cast(kept[-1], _Pointer).value
        except Exception as error:
            # No exception may pass through the runtime.
            failures.append(error)
        return 0

    delegate = _Delegate(prepare=_Prepare(prepare), flags=_DYNAMIC)
    try:
        interpreter._interpreter.ModifyGraphWithDelegate(ctypes.addressof(delegate))
        if failures:
            raise RuntimeError(str(failures[0]))
        yield
    finally:
        for registration, kernel in kernels:
            registration.invoke = kernel


def _nodes(context: Any) -> Iterator[tuple[int, _Registration]]:
    """The nodes of the plan in order, with what the runtime calls for them."""
    plan = _Plan()
    if _GetPlan(context.contents.get_execution_plan)(context, ctypes.byref(plan)):
        raise RuntimeError("it gives no execution plan")
    first = ctypes.addressof(plan.contents) + _IntArray.data.offset
    # Copied: the next call may use the array again.
    numbers = list((ctypes.c_int * plan.contents.size).from_address(first))
    get_node = _GetNode(context.contents.get_node_and_registration)
    for number in numbers:
        node, registration = _Pointer(), ctypes.POINTER(_Registration)()
        if get_node(context, number, ctypes.byref(node), ctypes.byref(registration)):
            raise RuntimeError(f"it does not show node {number}")
        if registration.contents.invoke:
            yield number, registration.contents


def _clocked(number: int, kernel: Any, spent: dict[int, int]) -> Any:
    now = time.perf_counter_ns

    def invoke(context: int | None, node: int | None) -> int:
        began = now()
        status: int = kernel(context, node)
        spent[number] += now() - began
        return status

    return _Invoke(invoke)
