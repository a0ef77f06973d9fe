"""How a model is invoked: by which of its signatures, with inputs of which shapes, and what it keeps from query to query."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from harness.config.truth_values import NoTruthForNumbers

Size = Annotated[int, Field(ge=1, le=1 << 20)]
"""Of one axis."""
Shape = tuple[Size, ...]


def _height_and_width(value: Any) -> Any:
    """One number is a square's side; a text is read as a list, which `--set` and a YAML file write alike."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return value


class Invocation(NoTruthForNumbers):
    """Fields of a config's `model` section that every task has."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    signature: str | None = None
    """The signature to run; null: `serving_default`, or the only one."""
    repair: Literal["quantized_dimension"] | None = None
    """What is mended in a copy of a file that the runtime refuses: `quantized_dimension`, an old converter's axis of scales
    that a tensor does not have ("must be in range [0, 1)"); null leaves the file as it is. The result names it."""
    state: Literal["reset", "keep"] = "reset"
    """Of a model that keeps something from one run to the next (recurrent, streaming): `reset` puts it back before every query,
    `keep` lets it live on, in one instance."""
    input_shapes: dict[str, Shape] = Field(default_factory=dict)
    """Input -> the shape it is given, the batch of 1 first. For sizes that the file leaves open."""
    input_size: Annotated[tuple[Size, Size] | None, BeforeValidator(_height_and_width)] = None
    """Height and width of a picture input whose size the file leaves open; one number for a square."""
