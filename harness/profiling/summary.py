"""Ops by kind and by shape, and what to say of a profile as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.profiling.record import Op, OpRow

_COARSE_US = 200.0
"""From here on whole microseconds are fine enough for shares."""
_WITHIN = 0.05
"""How far the ops' sum may be from the unprofiled run, from a millisecond on."""
_LEAST_US = 1000.0
_TINY_US = 20.0
"""Of a run that is shorter, what lies between the ops is most of it."""


def by_type(ops: Sequence[Op], peaks: Mapping[str, float]) -> tuple[OpRow, ...]:
    """A row for each kind of op, the slowest first."""
    return _rows(ops, peaks, lambda op: op.name)


def by_shape(ops: Sequence[Op], peaks: Mapping[str, float]) -> tuple[OpRow, ...]:
    """A row for each kind of op and shape, the slowest first."""
    return _rows(ops, peaks, lambda op: f"{op.name} {op.shape}".rstrip())


def _rows(ops: Sequence[Op], peaks: Mapping[str, float], name: Callable[[Op], str]) -> tuple[OpRow, ...]:
    groups: dict[str, list[Op]] = {}
    for op in ops:
        groups.setdefault(name(op), []).append(op)
    found: list[OpRow] = []
    cumulated = 0.0
    for group, members in sorted(groups.items(), key=lambda each: -sum(op.avg_us for op in each[1])):
        share = sum(op.share for op in members)
        cumulated += share
        rated = [op for op in members if op.multiply_adds_per_s is not None]
        work, spent = sum(op.multiply_adds or 0 for op in rated), sum(op.avg_us for op in rated)
        kinds = {op.peak_of for op in rated}
        peak = peaks.get(kinds.pop() or "") if len(kinds) == 1 else None
        rate = work / spent * 1e6 if spent else None
        found.append(
            OpRow(
                group,
                tuple(dict.fromkeys(op.kernel for op in members)),
                len(members),
                sum(op.avg_us for op in members),
                share,
                cumulated,
                sum(op.multiply_adds or 0 for op in members),
                rate,
                rate / peak if rate and peak else None,
            )
        )
    return tuple(found)


def warnings_for(unprofiled_us: float, ratio: float, *, events: bool, runs: int, asked: int) -> tuple[str, ...]:
    """What is to be kept in mind.

    Args:
        unprofiled_us: The median run without the profiler.
        ratio: The ops' sum over that.
        events: Whether times are whole microseconds.
        runs: How many were made.
        asked: How many were asked for.
    """
    found = []
    if events and unprofiled_us < _COARSE_US:
        found.append(
            f"a run takes {unprofiled_us:.0f} us and the profiler counts whole microseconds: shares of single ops mean nothing"
        )
    if not events and unprofiled_us < _TINY_US:
        found.append(f"a run takes {unprofiled_us:.0f} us, most of which is not in its ops: their shares mean nothing")
    if unprofiled_us >= _LEAST_US and abs(ratio - 1) > _WITHIN:
        found.append(
            f"the ops add up to {ratio:.1%} of an unprofiled run: the machine was busy, or something runs that is no op "
            "(profile again with more --num_runs)"
        )
    if runs < asked:
        found.append(f"{runs} of {asked} runs were made in the time there was (--max_secs)")
    return tuple(found)
