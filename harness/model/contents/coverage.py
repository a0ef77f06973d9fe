"""How much of a model an accelerator takes, and of its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.base import Array, Backend, BackendInfo, BackendUnavailable, TimeShare

_NAMED_OPS = 8


_LONGEST_PROFILED_NS = 2_000_000_000


def judge_coverage(info: BackendInfo, require_full: float | None) -> list[str]:
    """Refuses a backend that left the model to the CPU.

    Args:
        info: The backend with the model loaded.
        require_full: The share of the ops that must be in the delegate; None for any but nothing.

    Returns:
        Warnings: what an accelerator left to the CPU.

    Raises:
        BackendUnavailable: No op runs in the accelerator, or fewer than required.
    """
    coverage = info.coverage
    if coverage is None:
        if require_full is not None:
            raise BackendUnavailable(
                f"backend {info.name} does not tell which ops it runs, so --require-full cannot be answered"
            )
        return []
    named = _names(coverage.cpu_ops)
    if info.accelerator and not coverage.delegated_nodes:
        raise BackendUnavailable(
            f"backend {info.name} ({info.delegate}) takes none of the model's {coverage.nodes} ops, so all would run on the "
            f"CPU: {named}. Use --backend cpu for that, or a model whose ops and types it supports."
        )
    if require_full is not None and coverage.share < require_full:
        raise BackendUnavailable(
            f"backend {info.name} runs {coverage.delegated_nodes} of {coverage.nodes} ops ({coverage.share:.1%}) in "
            f"{info.delegate or 'no delegate'}, {require_full:.1%} are required; left on the CPU: {named}"
        )
    if info.accelerator and coverage.delegated_nodes < coverage.nodes:
        return [f"{info.delegate} runs {coverage.delegated_nodes} of {coverage.nodes} ops; left on the CPU: {named}"]
    return []


def time_share(backend: Backend, info: BackendInfo, inputs: Sequence[Array], service_time_ns: int) -> TimeShare:
    """What part of the time goes to the ops that an accelerator left to the CPU. Takes half a second, or two runs.

    Args:
        backend: An instance that is needed no more.
        info: What it said of itself.
        inputs: One sample.
        service_time_ns: How long one run takes.
    """
    coverage = info.coverage
    if not info.accelerator or coverage is None:
        return TimeShare(None, "no accelerator is promised")
    if coverage.delegated_nodes == coverage.nodes:
        return TimeShare(0.0)
    if service_time_ns > _LONGEST_PROFILED_NS:
        return TimeShare(None, f"one run takes {service_time_ns / 1e9:.1f} s, which is too long to profile")
    return backend.time_share(inputs)


def _names(ops: Mapping[str, int]) -> str:
    often = sorted(ops, key=lambda op: (-ops[op], op))
    text = ", ".join(f"{op} ({ops[op]})" if ops[op] > 1 else op for op in often[:_NAMED_OPS])
    return (
        text + (f" and {len(often) - _NAMED_OPS} more kinds" if len(often) > _NAMED_OPS else "")
    ) or "ops it does not name"
