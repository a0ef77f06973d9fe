"""Tensors as a bare interpreter tells of them, as a codec takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backends.base import TensorSpec


def specs_of(details: Sequence[dict[str, Any]]) -> list[TensorSpec]:
    """Of `get_input_details` or `get_output_details`."""
    return [
        TensorSpec(
            each["name"],
            tuple(map(int, each["shape"])),
            np.dtype(each["dtype"]),
            float(each["quantization"][0]),
            int(each["quantization"][1]),
        )
        for each in details
    ]
