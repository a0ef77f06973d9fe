"""A Darknet .weights file: a header, then float32 layer by layer, in the order of the .cfg.

The header is int32 major, minor and revision, then how many pictures were seen, as int64 from version 0.2 on, before as int32.
Each convolution has its biases, then where it is normalised scales, means and variances, then weights [filters, channels of a
group, size, size] (src/parser.c, load_convolutional_weights).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.outside.plain_files import read_plain
from harness.conversion.darknet.layers import Convolution, DarknetNetwork
from harness.errors import ConfigError

Floats = npt.NDArray[np.float32]
_VERSION = struct.Struct("<iii")
_SEEN_WIDE_FROM = 2
"""major * 10 + minor."""
_FLOAT_BYTES = 4
_EPSILON = 1e-5
"""Added to variances (src/blas.c)."""


@dataclass(frozen=True, eq=False, slots=True)
class Folded:
    """A convolution with its normalisation multiplied into it."""

    weight: Floats
    """[filters, channels of a group, size, size]."""
    bias: Floats


def read_weights(path: Path, network: DarknetNetwork) -> dict[int, Folded]:
    """Every convolution's weights, by the layer's place.

    Raises:
        ConfigError: The file cannot be read, or has another length than the network says, or holds what is no number.
    """
    try:
        data = read_plain(path)
    except OSError as error:
        raise ConfigError(f"cannot read the weights {path}: {error.strerror}") from None
    if len(data) < _VERSION.size + _FLOAT_BYTES:
        raise ConfigError(f"{path} has {len(data)} bytes: less than the header of a .weights file")
    major, minor, _ = _VERSION.unpack_from(data)
    header = _VERSION.size + (8 if major * 10 + minor >= _SEEN_WIDE_FROM else 4)
    wanted = header + network.weight_count * _FLOAT_BYTES
    if len(data) != wanted:
        raise ConfigError(
            f"{path} has {len(data):,} bytes, but the .cfg says {wanted:,}: a header of {header} and {network.weight_count:,} "
            "floats. It is cut, or belongs to another .cfg (other classes, filters or layers)"
        )
    floats = np.frombuffer(data, "<f4", offset=header)
    if not np.isfinite(floats).all():
        raise ConfigError(f"{path} holds {np.count_nonzero(~np.isfinite(floats)):,} values that are no numbers")
    return dict(_folded(floats, network))


def _folded(floats: npt.NDArray[Any], network: DarknetNetwork) -> Iterator[tuple[int, Folded]]:
    at = 0

    def take(count: int) -> npt.NDArray[np.float64]:
        nonlocal at
        at += count
        return np.asarray(floats[at - count : at], np.float64)

    for place, layer in enumerate(network.layers):
        kind = layer.kind
        if not isinstance(kind, Convolution):
            continue
        bias, shape = take(kind.filters), (kind.filters, layer.takes[2] // kind.groups, kind.size, kind.size)
        factor = np.ones(kind.filters)
        if kind.normalised:
            scale, mean, variance = (take(kind.filters) for _ in range(3))
            factor = scale / np.sqrt(np.maximum(variance, 0) + _EPSILON)
            bias = bias - mean * factor
        weight = take(int(np.prod(shape))).reshape(shape) * factor[:, None, None, None]
        yield place, Folded(weight.astype(np.float32), bias.astype(np.float32))
