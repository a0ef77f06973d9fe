"""How a model's time divides between an accelerator and the CPU, node by node.

The runtime's Python interface has no profiler. A delegate that claims no op is shown every node of the graph, through the C
interface that delegates are written against (LRT tflite/core/c/common.h); here it puts a clock around each node's kernel.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from backends.base import TimeShare
from backends.litert.file.schema import CUSTOM, builtin_operators

_DYNAMIC = 1
"""kTfLiteDelegateFlagsAllowDynamicTensors: the graph may be planned already."""
_DELEGATE = 51
"""kTfLiteBuiltinDelegate: the node of a partition."""
_BUDGET_NS, _MAX_RUNS = 500_000_000, 200
UNSEEN = TimeShare(None, "the runtime does not call the accelerator's nodes by the interface that is measured")
_Pointer = ctypes.c_void_p


class _IntArray(ctypes.Structure):
    _fields_ = (("size", ctypes.c_int), ("data", ctypes.c_int * 0))


class _Registration(ctypes.Structure):
    """The first fields, which every version of the interface has had."""

    _fields_ = (
        ("init", _Pointer),
        ("free", _Pointer),
        ("prepare", _Pointer),
        ("invoke", _Pointer),
        ("profiling_string", _Pointer),
        ("builtin_code", ctypes.c_int32),
        ("custom_name", ctypes.c_char_p),
    )


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
    clocks = NodeClocks()
    try:
        interpreter._interpreter.ModifyGraphWithDelegate(clocks.address)
        clocks.check()
        run_for_a_while(clocks, invoke)
    except (RuntimeError, ValueError) as error:
        return TimeShare(None, f"the runtime lets nobody look at its nodes: {error}")
    finally:
        clocks.take_away()
    if not clocks.saw(accelerator_nodes):
        return UNSEEN
    return TimeShare(clocks.without_ns(accelerator_nodes) / clocks.without_ns(()))


def run_for_a_while(clocks: NodeClocks, invoke: Callable[[], object]) -> int:
    """Half a second, or 200 runs, after one that does not count.

    Returns:
        How long all runs together took, in ns.
    """
    invoke()  # the first run after a change of the graph is no measure
    clocks.spent.update(dict.fromkeys(clocks.spent, 0))
    began = now = time.perf_counter_ns()
    for _ in range(_MAX_RUNS):
        invoke()
        now = time.perf_counter_ns()
        if now - began > _BUDGET_NS:
            break
    return now - began


class NodeClocks:
    """A delegate that claims no node and puts a clock around each that it sees. It must outlive the graph it was applied to."""

    def __init__(self) -> None:
        """Ready to be applied."""
        self.spent: dict[int, int] = {}
        """What each node of the plan took, in ns."""
        self.delegate_names: dict[int, str] = {}
        """Nodes that stand for the partition of a delegate -> the delegate's name."""
        self.op_names: dict[int, str] = {}
        """All other nodes -> their op, as the schema names it, custom ones by their own name."""
        self._kernels: list[tuple[Any, int, int]] = []
        self._kept: list[Any] = []
        self._failure: Exception | None = None
        self._delegate = _Delegate(prepare=_Prepare(self._prepare), flags=_DYNAMIC)

    @property
    def address(self) -> int:
        """Of the delegate."""
        return ctypes.addressof(self._delegate)

    def check(self) -> None:
        """After it was applied.

        Raises:
            RuntimeError: It could not see the nodes.
        """
        if self._failure is not None:
            raise RuntimeError(str(self._failure))

    def saw(self, nodes: Collection[int]) -> bool:
        """Whether every node was called, and these (at least one) are among them."""
        return bool(nodes) and set(nodes) <= self.spent.keys() and all(self.spent.values())

    def without_ns(self, nodes: Collection[int]) -> int:
        """What all nodes but these took."""
        return sum(time_ns for node, time_ns in self.spent.items() if node not in nodes)

    def take_away(self) -> None:
        """Gives every node its own kernel back."""
        for registration, kernel, _ in self._kernels:
            registration.invoke = kernel

    def put_back(self) -> None:
        """Puts the clocks around them once more."""
        for registration, _, clocked in self._kernels:
            registration.invoke = clocked

    def _prepare(self, context: Any, _: Any) -> int:
        try:
            for node, registration in _nodes(context):
                self.spent[node] = 0
                custom = (registration.custom_name or b"").decode(errors="replace")
                if registration.builtin_code == _DELEGATE:
                    self.delegate_names[node] = custom
                else:
                    self.op_names[node] = _op_name(registration.builtin_code, custom)
                self._kept.append(_clocked(node, _Invoke(registration.invoke), self.spent))
                clocked = ctypes.cast(self._kept[-1], _Pointer).value or 0
                self._kernels.append((registration, registration.invoke, clocked))
                registration.invoke = clocked
        except Exception as error:
            # No exception may pass through the runtime.
            self._failure = error
        return 0


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


def _op_name(builtin: int, custom: str) -> str:
    known = builtin_operators().get(builtin, f"operator {builtin}")
    return (custom or "unnamed custom op") if builtin == CUSTOM else known


def _clocked(number: int, kernel: Any, spent: dict[int, int]) -> Any:
    now = time.perf_counter_ns

    def invoke(context: int | None, node: int | None) -> int:
        began = now()
        status: int = kernel(context, node)
        spent[number] += now() - began
        return status

    return _Invoke(invoke)
