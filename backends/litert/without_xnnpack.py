"""What is said of a model that XNNPACK refuses or aborts on: whether it runs without, and what has it so."""

from __future__ import annotations

OPTION = "use --backend cpu:xnnpack=false"
"""How a command has the runtime's own kernels run everything."""


def runs_without_xnnpack(how: str = OPTION, whose: str = "the model") -> str:
    """The sentence for a model that does.

    Args:
        how: What to do for it, where that is not the command's option.
        whose: Of two that are held against each other, the one that is meant.
    """
    return f"{whose.capitalize()} runs without XNNPACK: {how}"


def nor_without_xnnpack(why: str, whose: str = "the model") -> str:
    """The sentence for one that does not, for this reason."""
    return f"Nor does {whose} run without XNNPACK: {why}"
