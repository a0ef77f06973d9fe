"""Seeded noise for weights, the same bits on every machine and under every version of numpy."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import numpy.typing as npt

_WORD_MAX = 0xFFFF
_SPREAD = math.sqrt(4 * ((_WORD_MAX + 1) ** 2 - 1) / 12)
"""Standard deviation of the sum of four 16-bit integers."""


def normal_noise(key: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Close to normal noise with mean 0 and variance 1 that never passes 3.5: float32 of `shape`.

    Four 16-bit integers are added for each value. Of numpy's generator only the integers are used, which numpy promises
    to keep, while its distributions may change between versions; the rest is integer arithmetic and one rounding.

    Args:
        key: Names the noise: each key has a generator of its own, so that asking for one leaves the others alone.
        shape: Of the result.
    """
    entropy = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")
    words = np.random.PCG64(entropy).random_raw(math.prod(shape))
    total = np.full(words.shape, -2 * _WORD_MAX, np.int32)
    for shift in (0, 16, 32, 48):
        total += ((words >> np.uint64(shift)) & np.uint64(_WORD_MAX)).astype(np.int32)
    return (total.astype(np.float32) * np.float32(1.0 / _SPREAD)).reshape(shape)
